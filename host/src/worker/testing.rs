//! A turn's end, and who is woken by it, for tests.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};

use super::Writes;

/// Notes that somebody was woken.
#[derive(Debug, Default)]
pub(crate) struct Woken(AtomicBool);

impl Woken {
    /// A note, and the waker that makes it.
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let woken = Arc::new(Self::default());
        (woken.clone(), Waker::from(woken))
    }

    /// Whether it was woken since it was last asked.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Relaxed)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

/// Ends a turn: what is due is sent.
pub(crate) fn end_turn(writes: &Writes) {
    let sending = pin!(writes.send_each_turn());
    let mut nobody = Context::from_waker(Waker::noop());
    assert!(sending.poll(&mut nobody).is_pending());
}
