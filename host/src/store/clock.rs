//! Time as counters see it. Its steady hand goes on evenly whatever is done to
//! the clock of the machine, so that no jump frees or blocks a limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A moment, on both hands, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// What the wall clock said when the clock was made, and the time since.
    pub(crate) steady_us: u64,
    /// What the wall clock says. May jump.
    pub(crate) wall_us: u64,
}

/// Where moments come from.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { origin_us: u64, start: Instant },
    Given(Arc<Hands>),
}

/// The hands of a clock that tests move.
#[derive(Debug, Default)]
pub struct Hands {
    steady_us: AtomicU64,
    wall_us: AtomicU64,
}

impl Hands {
    /// Both hands at `unix_ms`.
    pub fn at(unix_ms: u64) -> Arc<Self> {
        let hands = Self::default();
        hands.steady_us.store(unix_ms * 1000, Ordering::SeqCst);
        hands.wall_us.store(unix_ms * 1000, Ordering::SeqCst);
        Arc::new(hands)
    }

    /// Time goes by.
    pub fn pass(&self, time: Duration) {
        let us = micros(time);
        self.steady_us.fetch_add(us, Ordering::SeqCst);
        self.wall_us.fetch_add(us, Ordering::SeqCst);
    }

    /// Somebody sets the clock of the machine.
    pub fn set_wall(&self, unix_ms: u64) {
        self.wall_us.store(unix_ms * 1000, Ordering::SeqCst);
    }
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Source::System {
            origin_us: wall_us(),
            start: Instant::now(),
        })
    }

    /// A clock that goes when its hands are moved.
    pub fn given(hands: &Arc<Hands>) -> Self {
        Self(Source::Given(hands.clone()))
    }

    /// The steady hand alone: microseconds.
    pub(crate) fn steady_us(&self) -> u64 {
        match &self.0 {
            Source::System { origin_us, start } => {
                origin_us.saturating_add(micros(start.elapsed()))
            }
            Source::Given(hands) => hands.steady_us.load(Ordering::SeqCst),
        }
    }

    /// Now. The wall is looked at only where `with_wall` says so.
    pub(crate) fn now(&self, with_wall: bool) -> Moment {
        let steady_us = self.steady_us();
        let wall_us = match &self.0 {
            _ if !with_wall => steady_us,
            Source::System { .. } => wall_us(),
            Source::Given(hands) => hands.wall_us.load(Ordering::SeqCst),
        };
        Moment { steady_us, wall_us }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn wall_us() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, micros)
}
