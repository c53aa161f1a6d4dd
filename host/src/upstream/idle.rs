//! HTTP/1.1 connections that wait for their next request.

use std::cell::RefCell;

use super::http1::Connection;

/// The idle connections of one target, the most recently used on top.
#[derive(Default)]
pub(super) struct Idle(RefCell<Vec<Waiting>>);

struct Waiting {
    connection: Connection,
    since: u64,
}

impl Idle {
    /// A connection that can take a request now. Those that the target has closed go.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut waiting = self.0.borrow_mut();
        while let Some(Waiting { mut connection, .. }) = waiting.pop() {
            if connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// A connection that is at rest, at tick `now`.
    pub(super) fn put(&self, connection: Connection, now: u64) {
        self.0.borrow_mut().push(Waiting {
            connection,
            since: now,
        });
    }

    /// Drops what the target has closed, and what has waited since before tick `oldest`.
    pub(super) fn sweep(&self, oldest: u64) {
        self.0.borrow_mut().retain_mut(|w| {
            w.connection.forget_waker();
            w.connection.is_quiet() && w.since >= oldest
        });
    }

    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}
