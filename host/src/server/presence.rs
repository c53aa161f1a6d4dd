//! What the time-outs of a connection look at, and how they end it.
//!
//! hyper may hand a connection to another task (after `101`), so this is shared
//! with atomics; only one thread ever touches it.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use crate::worker::timers::Clock;

/// No moment.
const NEVER: u64 = u64::MAX;

/// How a connection is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ask {
    /// Not at all.
    Nothing,
    /// After the exchanges that are under way.
    Finish,
    /// The same; and a request head that has not come to its end is not waited for.
    TimeOut,
    /// Now.
    Close,
}

/// The state of one connection of a client.
#[derive(Debug)]
pub struct Presence {
    clock: Clock,
    exchanges: AtomicU32,
    idle_since: AtomicU64,
    head_since: AtomicU64,
    blocked_since: AtomicU64,
    tunnel: AtomicBool,
    ask: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

/// An exchange that is under way.
#[derive(Debug)]
pub struct Visit(Arc<Presence>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Presence {
    /// A connection that was accepted now.
    pub fn new(clock: Clock) -> Self {
        Self {
            idle_since: AtomicU64::new(clock.now()),
            clock,
            exchanges: AtomicU32::new(0),
            head_since: AtomicU64::new(NEVER),
            blocked_since: AtomicU64::new(NEVER),
            tunnel: AtomicBool::new(false),
            ask: AtomicU8::new(0),
            waker: Mutex::new(None),
        }
    }

    /// An exchange begins; it ends when what this returns is dropped.
    pub fn enter(self: &Arc<Self>) -> Visit {
        self.exchanges
            .store(self.exchanges.load(Relaxed) + 1, Relaxed);
        self.head_since.store(NEVER, Relaxed);
        Visit(self.clone())
    }

    fn leave(&self) {
        let left = self.exchanges.load(Relaxed).saturating_sub(1);
        self.exchanges.store(left, Relaxed);
        self.idle_since.store(self.clock.now(), Relaxed);
    }

    /// No exchange is under way.
    pub fn is_idle(&self) -> bool {
        self.exchanges.load(Relaxed) == 0
    }

    /// Bytes of a request head have come, but not all of it.
    pub(super) fn in_head(&self, in_head: bool) {
        if !in_head {
            self.head_since.store(NEVER, Relaxed);
        } else if self.head_since.load(Relaxed) == NEVER {
            self.head_since.store(self.clock.now(), Relaxed);
        }
    }

    /// The client takes nothing of what is sent; or it does again.
    pub(super) fn blocked(&self, blocked: bool) {
        let since = self.blocked_since.load(Relaxed);
        if !blocked && since != NEVER {
            self.blocked_since.store(NEVER, Relaxed);
        } else if blocked && since == NEVER {
            self.blocked_since.store(self.clock.now(), Relaxed);
        }
    }

    /// From here on the bytes are not HTTP.
    pub fn tunnel(&self) {
        self.tunnel.store(true, Relaxed);
    }

    pub(super) fn is_tunnel(&self) -> bool {
        self.tunnel.load(Relaxed)
    }

    /// For how many ticks nothing has been asked of an idle connection.
    pub(super) fn idle_for(&self) -> u64 {
        self.since(&self.idle_since)
    }

    /// For how many ticks a request head has been incomplete.
    pub(super) fn in_head_for(&self) -> u64 {
        self.since(&self.head_since)
    }

    /// For how many ticks the client has taken nothing.
    pub(super) fn blocked_for(&self) -> u64 {
        self.since(&self.blocked_since)
    }

    fn since(&self, moment: &AtomicU64) -> u64 {
        self.clock.now().saturating_sub(moment.load(Relaxed))
    }

    /// Asks the connection to end. Whether that is more than it was asked before.
    pub(super) fn ask(&self, ask: Ask) -> bool {
        let before = self.ask.fetch_max(ask as u8, Relaxed);
        self.wake();
        before < ask as u8
    }

    /// Wakes the connection's task.
    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker() {
            waker.wake();
        }
    }

    /// Wakes the connection's task, unless it is the one that asks for it.
    pub(super) fn wake_unless(&self, cx: &Context<'_>) {
        if let Some(waker) = self.waker().filter(|waker| !waker.will_wake(cx.waker())) {
            waker.wake();
        }
    }

    fn waker(&self) -> Option<Waker> {
        let waker = self.waker.lock();
        waker.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the connection is asked.
    pub(super) fn asked(&self) -> Ask {
        match self.ask.load(Relaxed) {
            0 => Ask::Nothing,
            1 => Ask::Finish,
            2 => Ask::TimeOut,
            _ => Ask::Close,
        }
    }

    /// The connection's task is woken when it is asked something.
    pub(super) fn wake_by(&self, cx: &Context<'_>) {
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        *waker = Some(cx.waker().clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::timers::Timers;

    #[test]
    fn what_has_not_begun_has_not_lasted() {
        let presence = Presence::new(Timers::default().clock());
        assert_eq!(presence.in_head_for(), 0);
        assert_eq!(presence.blocked_for(), 0);
    }

    #[test]
    fn an_ask_only_grows() {
        let presence = Presence::new(Timers::default().clock());
        assert!(presence.ask(Ask::Finish));
        assert!(presence.ask(Ask::Close));
        assert!(!presence.ask(Ask::Close));
        assert!(!presence.ask(Ask::Finish));
        assert_eq!(presence.asked(), Ask::Close);
    }
}
