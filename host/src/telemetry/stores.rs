//! The stores' numbers as Prometheus text.

use super::prometheus::{head, line};
use crate::capability::Stores;
use crate::store::StoreStats;

/// A name, its kind, what it says, and where it is found.
type Series = (
    &'static str,
    &'static str,
    &'static str,
    fn(&StoreStats) -> u64,
);

const SERIES: [Series; 8] = [
    (
        "sluice_store_entries",
        "gauge",
        "Keys that this process holds: counters and values, or leases.",
        |s| s.entries,
    ),
    (
        "sluice_store_bytes",
        "gauge",
        "About how many bytes those take.",
        |s| s.bytes,
    ),
    (
        "sluice_store_evictions_total",
        "counter",
        "Keys that had to go before their time, for want of room.",
        |s| s.evictions,
    ),
    (
        "sluice_store_errors_total",
        "counter",
        "Calls that got no answer, or an error.",
        |s| s.errors,
    ),
    (
        "sluice_store_reconnects_total",
        "counter",
        "Connections made after the first.",
        |s| s.reconnects,
    ),
    (
        "sluice_store_breaker_open",
        "gauge",
        "Calls fail at once, because those before them did.",
        |s| u64::from(s.breaker_open),
    ),
    (
        "sluice_store_lease_hits_total",
        "counter",
        "Takes that a share taken in advance answered.",
        |s| s.lease_hits,
    ),
    (
        "sluice_store_lease_misses_total",
        "counter",
        "Takes of leased limits that needed a round trip.",
        |s| s.lease_misses,
    ),
];

/// Everything that is known of `stores`.
pub fn render_stores(stores: &Stores, out: &mut String) {
    let stats: Vec<_> = stores
        .iter()
        .map(|(name, open)| (&**name, open.store.usage()))
        .collect();
    for (name, kind, help, value) in SERIES {
        head(out, name, kind, help);
        for (store, stats) in &stats {
            line(out, name, &[("store", *store)], value(stats));
        }
    }
}
