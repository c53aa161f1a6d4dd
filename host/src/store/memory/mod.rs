//! The store in this process's memory: bounded, expiring, shared by all workers.

mod counters;
#[cfg(test)]
mod tests;
mod values;

use bytes::Bytes;

use super::answer::{StoreError, StoreStats, Ticket};
use super::clock::Clock;
use super::limit::LimitSet;
use counters::Counters;
use values::Values;

/// How much a store in memory may hold. Counters and values are bounded apart,
/// each by these numbers, so that values never push out counts.
#[derive(Debug, Clone)]
pub struct MemoryConfig {
    /// Keys.
    pub max_entries: usize,
    /// Bytes: keys, values, and about what it takes to hold them.
    pub max_bytes: usize,
}

impl Default for MemoryConfig {
    /// 262,144 keys and 64 MiB.
    fn default() -> Self {
        Self {
            max_entries: 1 << 18,
            max_bytes: 64 << 20,
        }
    }
}

/// Counters and values.
pub(super) struct Memory {
    counters: Counters,
    values: Values,
    clock: Clock,
}

impl Memory {
    pub(super) fn new(config: &MemoryConfig, clock: Clock) -> Self {
        Self {
            counters: Counters::new(config),
            values: Values::new(config),
            clock,
        }
    }

    pub(super) fn take(&self, set: &LimitSet, key: &[u8], cost: u64) -> Result<Ticket, StoreError> {
        self.counters.take(&self.clock, set, key, cost)
    }

    pub(super) fn charge(&self, set: &LimitSet, key: &[u8], cost: u64) -> Result<(), StoreError> {
        self.counters.charge(&self.clock, set, key, cost)
    }

    pub(super) fn get(&self, namespace: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.values.get(self.clock.steady_us(), namespace, key)
    }

    pub(super) fn set(
        &self,
        namespace: &str,
        key: &[u8],
        value: Bytes,
        ttl_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        self.values
            .set(self.clock.steady_us(), namespace, key, value, ttl_ms)
    }

    pub(super) fn delete(&self, namespace: &str, key: &[u8]) -> Result<bool, StoreError> {
        self.values.delete(self.clock.steady_us(), namespace, key)
    }

    pub(super) fn compare_and_set(
        &self,
        namespace: &str,
        key: &[u8],
        expected: Option<&[u8]>,
        value: Bytes,
        ttl_ms: Option<u64>,
    ) -> Result<bool, StoreError> {
        let now = self.clock.steady_us();
        self.values
            .compare_and_set(now, namespace, key, expected, value, ttl_ms)
    }

    pub(super) fn usage(&self) -> StoreStats {
        let (counters, values) = (self.counters.usage(), self.values.usage());
        StoreStats {
            entries: counters.entries + values.entries,
            bytes: counters.bytes + values.bytes,
            evictions: counters.evictions + values.evictions,
            ..StoreStats::default()
        }
    }
}
