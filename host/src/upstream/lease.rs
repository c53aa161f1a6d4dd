//! The use of a connection by one exchange.

use std::rc::Rc;

use hyper::client::conn::http1::SendRequest;

use super::pool::Pool;
use super::request_body::RequestBody;

/// Held while a request is on its way and its response is read. Dropping it
/// closes an HTTP/1.1 connection, unless [`Lease::finish`] gave it back.
pub struct Lease {
    pool: Rc<Pool>,
    target: usize,
    sender: Option<SendRequest<RequestBody>>,
}

impl Lease {
    pub(super) fn new(pool: Rc<Pool>, target: usize) -> Self {
        if let Some(t) = pool.targets.get(target) {
            t.in_flight.set(t.in_flight.get() + 1);
        }
        pool.series.active.add(1);
        Self {
            pool,
            target,
            sender: None,
        }
    }

    pub(super) fn hold(&mut self, sender: SendRequest<RequestBody>) {
        self.sender = Some(sender);
    }

    /// The index of the target.
    pub fn target(&self) -> usize {
        self.target
    }

    /// The pool it came from.
    pub fn pool(&self) -> &Rc<Pool> {
        &self.pool
    }

    /// The response has come to its end: the connection may be used again.
    pub fn finish(mut self) {
        if let (Some(sender), Some(target)) =
            (self.sender.take(), self.pool.targets.get(self.target))
        {
            target.idle.put(sender, self.pool.timers.now());
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
