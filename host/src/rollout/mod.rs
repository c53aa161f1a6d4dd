//! Moving traffic from one variant to others, step by step, and judging how
//! they do.
//!
//! Nothing here knows of HTTP, plugins or sockets. A [`Plan`] says what shall
//! happen to the variants of a subject; a [`Rollout`] is the plan with its
//! progress, shared by all workers; [`Rollouts`] are all of them, and what is
//! kept of them on disk. Workers [`assign`](Rollout::assign) points and
//! [`record`](Rollout::record) what came of them, with atomics alone; one
//! control thread calls [`Rollouts::tick`] about once a second.
//!
//! Time is handed in. Each process judges by what it sees itself: processes
//! with the same plan share neither samples nor verdicts.

mod event;
mod file;
mod histogram;
mod judge;
mod live;
mod operator;
mod plan;
mod progress;
mod registry;
mod status;
mod tally;
#[cfg(test)]
mod tests;

pub use event::{Change, Event};
pub use file::Warning;
pub use judge::{Failure, Sample, Verdict};
pub use live::Rollout;
pub use plan::{Gates, OnFail, POINTS, Plan, Step, Variant};
pub use progress::State;
pub use registry::Rollouts;
pub use status::{Status, VariantStatus};

use std::time::{Instant, SystemTime};

/// A moment, by both clocks: the first measures, the second is for people.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Never goes back. Holds and intervals are measured by it.
    pub monotonic: Instant,
    /// May jump. Nothing is decided by it.
    pub wall: SystemTime,
}

impl Now {
    /// By the clocks of the machine.
    pub fn read() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }
}
