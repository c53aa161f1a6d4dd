//! Whether the targets of an upstream take connections, as one worker sees it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::worker::timers::{Clock, Timers};

/// A target that took no connection is left out of account for so long.
const DOWN_FOR: std::time::Duration = std::time::Duration::from_secs(5);

/// What is known of the targets of one upstream.
#[derive(Debug)]
pub struct Availability {
    /// For each target, the tick at which it counts as available again.
    down_until: Vec<AtomicU64>,
    clock: Clock,
}

impl Availability {
    /// What was never tried counts as available.
    pub(super) fn new(targets: usize, clock: Clock) -> Self {
        Self {
            down_until: (0..targets).map(|_| AtomicU64::new(0)).collect(),
            clock,
        }
    }

    /// Whether some target took its last connection, or has not been tried for a while.
    pub fn any(&self) -> bool {
        let now = self.clock.now();
        self.down_until
            .iter()
            .any(|until| until.load(Relaxed) <= now)
    }

    /// A target took a connection, or did not.
    pub(super) fn note(&self, target: usize, took: bool) {
        if let Some(until) = self.down_until.get(target) {
            let tick = match took {
                true => 0,
                false => self.clock.now() + Timers::ticks(DOWN_FOR),
            };
            until.store(tick, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_available_while_one_target_is() {
        let targets = Availability::new(2, Clock::default());
        assert!(targets.any());
        targets.note(0, false);
        assert!(targets.any());
        targets.note(1, false);
        assert!(!targets.any());
        targets.note(0, true);
        assert!(targets.any());
    }
}
