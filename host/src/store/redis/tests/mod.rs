//! Counters, values and outages on a real server.

mod exact;
mod outages;
mod promises;
pub(in crate::store) mod server;
mod values;

use std::sync::Arc;

use crate::store::{
    Algorithm, Consistency, Limit, LimitSet, RedisConfig, Store, StoreError, Ticket, Window,
};
use server::Server;

/// A limit whose bucket holds the amount.
pub(in crate::store) fn limit(name: &str, amount: u64, ms: u64, algorithm: Algorithm) -> Limit {
    Limit {
        name: name.into(),
        amount,
        window: Window::Ms(ms),
        algorithm,
        burst: amount,
    }
}

pub(in crate::store) fn set(consistency: Consistency, limits: Vec<Limit>) -> Arc<LimitSet> {
    Arc::new(LimitSet::new("quota", consistency, limits).unwrap())
}

/// A store of this server whose deadline no busy machine misses.
pub(in crate::store) fn store(server: &Server) -> Store {
    patient(server, 10_000)
}

pub(in crate::store) fn patient(server: &Server, timeout_ms: u64) -> Store {
    let config = RedisConfig {
        address: server.address(),
        timeout_ms,
        ..RedisConfig::default()
    };
    Store::redis(config).unwrap()
}

/// Takes like the gateway does: at once where it can be.
pub(in crate::store) async fn take(
    store: &Store,
    set: &Arc<LimitSet>,
    key: &str,
    cost: u64,
) -> Result<Ticket, StoreError> {
    match store.try_take(set, key.as_bytes(), cost) {
        Some(answer) => answer,
        None => store.take(set.clone(), key.into(), cost).await,
    }
}

/// Looks again and again until it is so.
pub(in crate::store) async fn until<F: Future<Output = bool>>(
    what: &str,
    mut is_so: impl FnMut() -> F,
) {
    let give_up = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_so().await {
        assert!(std::time::Instant::now() < give_up, "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
