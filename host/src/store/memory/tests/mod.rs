//! Memory counts right, stays within its bounds, and forgets in time.

mod bounds;
mod promises;
mod standings;
mod values;

use std::sync::Arc;

use crate::store::{
    Algorithm, Clock, Consistency, Hands, Limit, LimitSet, MemoryConfig, Store, Window,
};

/// 2026-11-16T00:00:00Z, a Monday.
const MONDAY_MS: u64 = 20_773 * 86_400_000;

fn limit(name: &str, amount: u64, window: Window, algorithm: Algorithm) -> Limit {
    Limit {
        name: name.into(),
        amount,
        window,
        algorithm,
        burst: amount,
    }
}

fn set(limits: Vec<Limit>) -> LimitSet {
    LimitSet::new("quota", Consistency::Strict, limits).unwrap()
}

fn store_at(unix_ms: u64) -> (Store, Arc<Hands>) {
    let hands = Hands::at(unix_ms);
    let store = Store::memory_with(MemoryConfig::default(), Clock::given(&hands));
    (store, hands)
}

fn granted(store: &Store, set: &LimitSet, key: &str, cost: u64) -> bool {
    store.take_now(set, key.as_bytes(), cost).unwrap().granted
}
