//! The use of a target by one exchange.

use std::rc::Rc;

use super::body::UpstreamBody;
use super::pool::Pool;

/// Held while a request is on its way and its response is read.
pub struct Lease {
    pool: Rc<Pool>,
    target: usize,
}

impl Lease {
    pub(super) fn new(pool: Rc<Pool>, target: usize) -> Self {
        if let Some(t) = pool.targets.get(target) {
            t.in_flight.set(t.in_flight.get() + 1);
        }
        pool.series.active.add(1);
        Self { pool, target }
    }

    /// The index of the target.
    pub fn target(&self) -> usize {
        self.target
    }

    /// The pool it came from.
    pub fn pool(&self) -> &Rc<Pool> {
        &self.pool
    }

    /// The response has come to its end: the connection waits for the next request, or is closed
    /// where it cannot take one.
    pub fn finish(self, body: &mut UpstreamBody) {
        if let (Some(connection), Some(target)) =
            (body.take_reusable(), self.pool.targets.get(self.target))
        {
            target.idle.put(connection, self.pool.timers.now());
            self.pool.counts.wake_one();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(t) = self.pool.targets.get(self.target) {
            t.in_flight.set(t.in_flight.get().saturating_sub(1));
        }
        self.pool.series.active.add(-1);
    }
}
