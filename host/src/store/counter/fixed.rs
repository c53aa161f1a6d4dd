//! Fixed windows, by length or by the calendar.

use crate::store::calendar;
use crate::store::clock::Moment;
use crate::store::limit::{Rule, Window};

/// A clock that is set back by up to this across midnight keeps the count of
/// the day that had begun.
const SET_BACK_MS: u64 = 3_600_000;

/// The count of one window.
#[derive(Debug, Default)]
pub(in crate::store) struct Fixed {
    start_ms: u64,
    end_ms: u64,
    taken: u64,
    /// Whether the wall clock says when it ends.
    by_wall: bool,
}

impl Fixed {
    pub(super) fn roll(&mut self, rule: &Rule, now: Moment) {
        self.by_wall = !matches!(rule.window, Window::Ms(_));
        let now_ms = self.ms(now);
        let before = now_ms.saturating_add(SET_BACK_MS) < self.start_ms;
        if before || now_ms >= self.end_ms {
            (self.start_ms, self.end_ms) = calendar::window(rule.window, now_ms);
            self.taken = 0;
        }
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn add(&mut self, cost: u64) {
        self.taken = self.taken.saturating_add(cost);
    }

    /// With one more that is taken now, or without.
    pub(super) fn reset_ms(&self, now: Moment, one_more: bool) -> u64 {
        if self.taken == 0 && !one_more {
            return 0;
        }
        self.end_ms.saturating_sub(self.ms(now))
    }

    fn ms(&self, now: Moment) -> u64 {
        if self.by_wall {
            now.wall_us / 1000
        } else {
            now.steady_us / 1000
        }
    }
}
