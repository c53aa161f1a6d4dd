//! A worker: one thread with everything that its exchanges need.
//!
//! Connections, pools, plugin instances and counters belong to one worker and
//! never move. The only thing that comes from outside is the next generation.

mod date;
mod executor;
mod link;
mod stopwatch;
#[cfg(test)]
pub(crate) mod testing;
mod thread;
pub mod timers;
pub mod view;
mod writes;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;

pub use executor::LocalExecutor;
pub use link::Link;
pub use stopwatch::Stopwatch;
pub use thread::{Stop, Workers};
pub use writes::{Unsent, Writes};

use crate::generation::Generation;
use crate::message::Names;
use crate::server::Connections;
use crate::telemetry::Shard;
use crate::telemetry::access_log::Lines;
use crate::usage::Tally;
use timers::Timers;
use view::View;

/// What the code on one worker shares.
pub struct Worker {
    /// From 0.
    pub index: usize,
    /// Time-outs.
    pub timers: Timers,
    /// What is written at the end of a turn.
    pub writes: Rc<Writes>,
    /// Names of headers that came before.
    pub names: Rc<Names>,
    /// What this worker counts.
    pub shard: Arc<Shard>,
    /// What this worker counts for the bill.
    pub usage: Arc<Tally>,
    /// Access log lines that have not been handed over.
    pub lines: Lines,
    /// Open connections of clients.
    pub connections: Connections,
    generations: watch::Receiver<Arc<Generation>>,
    view: RefCell<Rc<View>>,
    random: Cell<[u64; 2]>,
    date: date::Date,
}

impl Worker {
    /// The newest generation. An exchange asks once, and keeps what it got.
    pub fn view(&self) -> Rc<View> {
        // An error means that the control thread is gone: the last one stays.
        if self.generations.has_changed().unwrap_or(false) {
            self.take_up();
        }
        self.view.borrow().clone()
    }

    fn take_up(&self) {
        let mut generations = self.generations.clone();
        let newest = generations.borrow_and_update().clone();
        let before = self.view.borrow().clone();
        if newest.number != before.generation.number {
            let view = Rc::new(View::new(newest, self, Some(&before)));
            self.view.replace(view);
        }
    }

    /// The time as a response says it, in whole seconds (RFC 9110, 5.6.7).
    pub fn date(&self) -> [u8; date::LENGTH] {
        self.date.get(self.timers.now())
    }

    /// 128 random bits for names, not for secrets (xoroshiro128++).
    pub fn random_bits(&self) -> u128 {
        let next = |[a, b]: [u64; 2]| {
            let result = a.wrapping_add(b).rotate_left(17).wrapping_add(a);
            let b = b ^ a;
            (
                result,
                [a.rotate_left(49) ^ b ^ (b << 21), b.rotate_left(28)],
            )
        };
        let (high, state) = next(self.random.get());
        let (low, state) = next(state);
        self.random.set(state);
        u128::from(high) << 64 | u128::from(low)
    }
}
