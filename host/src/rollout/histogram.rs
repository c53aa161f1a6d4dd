//! How long requests took, in buckets whose width grows with the value.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Each power of two is cut into so many buckets: a quantile is right to 1/32.
const PER_OCTAVE: usize = 1 << OCTAVE_BITS;
const OCTAVE_BITS: u32 = 5;
/// The powers of two above the first: up to 2^36 µs, 19 hours.
const OCTAVES: usize = 31;
const BUCKETS: usize = PER_OCTAVE * (OCTAVES + 1);

/// Counts of durations. Bounded, and written without a lock.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: Box<[AtomicU64]>,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(super) fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(bucket_of(micros)) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    /// Empties it. The value that 99 of 100 do not exceed; none where there is no value.
    pub(super) fn take_p99(&self) -> Option<Duration> {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.swap(0, Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let wanted = total - total / 100;
        let mut seen = 0;
        for (bucket, count) in counts.iter().enumerate() {
            seen += count;
            if *count > 0 && seen >= wanted {
                return Some(Duration::from_micros(upper_bound(bucket)));
            }
        }
        None
    }
}

/// Values below [`PER_OCTAVE`] have a bucket each; of larger ones the highest
/// bit chooses the octave, and the bits after it the bucket.
fn bucket_of(micros: u64) -> usize {
    let value = micros.min((1 << (OCTAVES as u32 + OCTAVE_BITS)) - 1);
    let bits = u64::BITS - value.leading_zeros();
    let shift = bits.saturating_sub(OCTAVE_BITS + 1);
    let within = usize::try_from(value >> shift).unwrap_or(0);
    // In every octave but the first, `within` has its highest bit set.
    shift as usize * PER_OCTAVE + within
}

/// The largest value of a bucket, in microseconds.
fn upper_bound(bucket: usize) -> u64 {
    let octave = (bucket / PER_OCTAVE).saturating_sub(1);
    let within = bucket - octave * PER_OCTAVE;
    ((within as u64 + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_slowest_hundredth_begins_at_the_99th_of_100() {
        let histogram = Histogram::new();
        for millis in 1..=100 {
            histogram.record(Duration::from_millis(millis));
        }
        let p99 = histogram.take_p99().unwrap();
        assert!(p99 >= Duration::from_millis(99) && p99 < Duration::from_millis(103));
        assert_eq!(histogram.take_p99(), None);
    }

    #[test]
    fn one_slow_request_of_many_is_not_the_slowest_hundredth() {
        let histogram = Histogram::new();
        (0..1000).for_each(|_| histogram.record(Duration::from_millis(1)));
        histogram.record(Duration::from_secs(60));
        assert!(histogram.take_p99().unwrap() < Duration::from_millis(2));
    }

    proptest! {
        #[test]
        fn every_duration_has_a_bucket_that_is_at_most_a_32nd_wide(micros: u64) {
            let bucket = bucket_of(micros);
            prop_assert!(bucket < BUCKETS);
            let value = micros.min((1 << 36) - 1);
            let upper = upper_bound(bucket);
            prop_assert!(upper >= value);
            prop_assert!(upper - value <= value / 32);
        }

        #[test]
        fn longer_durations_are_in_no_lower_bucket(a: u64, b: u64) {
            let (a, b) = (a.min(b), a.max(b));
            prop_assert!(bucket_of(a) <= bucket_of(b));
        }
    }
}
