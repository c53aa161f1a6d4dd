//! Numbers that one thread writes and any thread may read.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A count that only grows. One writer: an addition is a load and a store.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`; for the one thread that owns the shard.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down. One writer.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Adds `n`, which may be negative; for the one thread that owns the shard.
    pub fn add(&self, n: i64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Replaces the number.
    pub fn set(&self, n: i64) {
        self.0.store(n, Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// Durations by bucket. One writer.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Duration],
    buckets: Box<[Counter]>,
    sum_ns: Counter,
}

impl Histogram {
    /// With these upper bounds, ascending; what is above them all is counted too.
    pub fn new(bounds: &'static [Duration]) -> Self {
        Self {
            bounds,
            buckets: (0..=bounds.len()).map(|_| Counter::default()).collect(),
            sum_ns: Counter::default(),
        }
    }

    /// Counts one duration.
    pub fn observe(&self, took: Duration) {
        let at = self.bounds.iter().take_while(|b| took > **b).count();
        if let Some(bucket) = self.buckets.get(at) {
            bucket.add(1);
        }
        self.sum_ns
            .add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds what this one counted to `total`.
    pub(super) fn add_to(&self, total: &mut HistogramTotal) {
        total.bounds = self.bounds;
        total.buckets.resize(self.buckets.len(), 0);
        for (sum, bucket) in total.buckets.iter_mut().zip(&self.buckets) {
            *sum += bucket.get();
        }
        total.sum_ns += u128::from(self.sum_ns.get());
    }
}

/// The sum of one histogram over all workers.
#[derive(Debug, Default)]
pub(super) struct HistogramTotal {
    pub(super) bounds: &'static [Duration],
    pub(super) buckets: Vec<u64>,
    pub(super) sum_ns: u128,
}

const fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// For requests: 0.5 ms to 60 s.
pub(super) const REQUEST_BOUNDS: &[Duration] = &[
    us(500),
    us(1_000),
    us(2_500),
    us(5_000),
    us(10_000),
    us(25_000),
    us(50_000),
    us(100_000),
    us(250_000),
    us(500_000),
    us(1_000_000),
    us(2_500_000),
    us(5_000_000),
    us(10_000_000),
    us(30_000_000),
    us(60_000_000),
];

/// For hook calls: 1 µs to 100 ms.
pub(super) const HOOK_BOUNDS: &[Duration] = &[
    us(1),
    us(2),
    us(5),
    us(10),
    us(25),
    us(50),
    us(100),
    us(250),
    us(1_000),
    us(5_000),
    us(25_000),
    us(100_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_on_a_bound_belongs_to_its_bucket() {
        let h = Histogram::new(HOOK_BOUNDS);
        h.observe(us(1));
        h.observe(Duration::from_nanos(1_001));
        h.observe(us(200_000));
        let mut total = HistogramTotal::default();
        h.add_to(&mut total);
        assert_eq!(total.buckets[..2], [1, 1]);
        assert_eq!(total.buckets.last(), Some(&1));
        assert_eq!(total.sum_ns, 200_002_001);
    }
}
