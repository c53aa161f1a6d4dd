//! When a plugin that fails again and again is left alone.

use std::time::{Duration, Instant};

/// So many failures …
const FAILURES: usize = 5;
/// … in this time trip it …
const WINDOW: Duration = Duration::from_secs(10);
/// … for so long; then one call may try.
const PAUSE: Duration = Duration::from_secs(10);

/// The failures of one binding on one worker.
#[derive(Debug, Default)]
pub(super) struct Trip {
    recent: Vec<Instant>,
    until: Option<Instant>,
    trial: bool,
}

impl Trip {
    /// Whether a call may be made. After the pause, one may, to see.
    #[inline]
    pub(super) fn allows(&mut self, now: impl FnOnce() -> Instant) -> bool {
        match self.until {
            None => true,
            Some(until) if now() < until => false,
            Some(_) => {
                self.until = None;
                self.trial = true;
                true
            }
        }
    }

    /// A call went well.
    #[inline]
    pub(super) fn succeeded(&mut self) {
        if self.trial {
            self.trial = false;
            self.recent.clear();
        }
    }

    /// A call failed; whether that tripped it.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.recent
            .retain(|at| now.saturating_duration_since(*at) < WINDOW);
        self.recent.push(now);
        if !self.trial && self.recent.len() < FAILURES {
            return false;
        }
        self.trial = false;
        self.recent.clear();
        self.until = Some(now + PAUSE);
        true
    }

    /// Whether calls are refused now.
    pub(super) fn tripped(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn five_failures_in_ten_seconds_trip_it_and_one_call_tries() {
        let (mut trip, start) = (Trip::default(), Instant::now());
        for i in 0..4 {
            assert!(!trip.failed(start + i * SECOND));
        }
        assert!(trip.allows(|| start + 4 * SECOND));
        assert!(trip.failed(start + 4 * SECOND));
        assert!(!trip.allows(|| start + 13 * SECOND));
        assert!(trip.tripped(start + 13 * SECOND));
        assert!(trip.allows(|| start + 14 * SECOND));
        assert!(trip.failed(start + 14 * SECOND), "the trial failed");
        assert!(!trip.allows(|| start + 15 * SECOND));
        assert!(trip.allows(|| start + 24 * SECOND));
        trip.succeeded();
        assert!(!trip.failed(start + 25 * SECOND), "all is forgiven");
    }

    #[test]
    fn rare_failures_do_not_trip_it() {
        let (mut trip, start) = (Trip::default(), Instant::now());
        for i in 0..100 {
            assert!(!trip.failed(start + i * 3 * SECOND));
        }
    }
}
