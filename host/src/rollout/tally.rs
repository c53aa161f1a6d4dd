//! What is counted of one variant.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::histogram::Histogram;
use super::judge::Sample;

/// The counts of one variant: since the beginning, and since the last verdict.
#[derive(Debug)]
pub(super) struct Tally {
    requests: AtomicU64,
    failures: AtomicU64,
    judged_requests: AtomicU64,
    judged_failures: AtomicU64,
    /// Only where it is looked at.
    durations: Option<Histogram>,
}

impl Tally {
    pub(super) fn new(with_durations: bool) -> Self {
        Self {
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            judged_requests: AtomicU64::new(0),
            judged_failures: AtomicU64::new(0),
            durations: with_durations.then(Histogram::new),
        }
    }

    pub(super) fn record(&self, failed: bool, took: Duration) {
        self.requests.fetch_add(1, Relaxed);
        if failed {
            self.failures.fetch_add(1, Relaxed);
        }
        if let Some(durations) = &self.durations {
            durations.record(took);
        }
    }

    /// Requests, and those of them that failed, since the beginning.
    pub(super) fn totals(&self) -> (u64, u64) {
        (self.requests.load(Relaxed), self.failures.load(Relaxed))
    }

    /// Goes on where another tally of the same variant has stopped.
    pub(super) fn go_on_from(&self, earlier: &Self) {
        let (requests, failures) = earlier.totals();
        self.requests.store(requests, Relaxed);
        self.failures.store(failures, Relaxed);
        self.judged_requests.store(requests, Relaxed);
        self.judged_failures.store(failures, Relaxed);
    }

    /// Requests since the last verdict.
    pub(super) fn waiting(&self) -> u64 {
        let judged = self.judged_requests.load(Relaxed);
        self.requests.load(Relaxed).saturating_sub(judged)
    }

    /// What has come since the last verdict, which is now.
    pub(super) fn take(&self) -> Sample {
        let (requests, failures) = self.totals();
        let before = self.judged_requests.swap(requests, Relaxed);
        let failed_before = self.judged_failures.swap(failures, Relaxed);
        let p99 = self.durations.as_ref().and_then(Histogram::take_p99);
        let requests = requests.saturating_sub(before);
        Sample {
            requests,
            // Counted after its request: it may be one ahead or behind.
            failures: failures.saturating_sub(failed_before).min(requests),
            p99_ms: p99.map(|p99| p99.as_micros() as f64 / 1e3),
        }
    }
}
