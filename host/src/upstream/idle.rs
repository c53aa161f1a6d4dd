//! HTTP/1.1 connections that wait for their next request.

use std::cell::RefCell;

use hyper::client::conn::http1::SendRequest;

use super::request_body::RequestBody;

/// The idle connections of one target, the most recently used on top.
#[derive(Default)]
pub(super) struct Idle(RefCell<Vec<Waiting>>);

struct Waiting {
    sender: SendRequest<RequestBody>,
    since: u64,
}

impl Idle {
    /// A connection that can take a request now.
    pub(super) fn take(&self) -> Option<SendRequest<RequestBody>> {
        let mut waiting = self.0.borrow_mut();
        // Closed ones on top go now; those below wait for the sweep.
        while waiting.last().is_some_and(|w| w.sender.is_closed()) {
            waiting.pop();
        }
        let at = waiting.iter().rposition(|w| w.sender.is_ready())?;
        Some(waiting.swap_remove(at).sender)
    }

    /// A connection whose response has come to its end, at tick `now`.
    pub(super) fn put(&self, sender: SendRequest<RequestBody>, now: u64) {
        if !sender.is_closed() {
            self.0.borrow_mut().push(Waiting { sender, since: now });
        }
    }

    /// Drops what the target has closed, and what has waited since before tick `oldest`.
    pub(super) fn sweep(&self, oldest: u64) {
        self.0
            .borrow_mut()
            .retain(|w| !w.sender.is_closed() && w.since >= oldest);
    }

    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}
