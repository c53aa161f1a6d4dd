//! Time-outs of one worker: coarse, and nearly free until one is due.
//!
//! A time-out is noted only when its future has to wait, and dropped with it.
//! Every tick looks at all that are noted, which at the usual few thousand costs
//! less than a timer wheel costs on each request.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use slab::Slab;

/// How coarse time is here: a time-out comes up to this much late, never early.
pub const TICK: Duration = Duration::from_millis(50);

/// The ticks of one worker's time, for those who only read it.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// Ticks since the worker started, as of the last one.
    pub fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The time-outs of one worker.
#[derive(Debug, Clone)]
pub struct Timers(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: Instant,
    now: Clock,
    noted: RefCell<Slab<Noted>>,
}

#[derive(Debug)]
struct Noted {
    due: u64,
    waker: Waker,
}

/// The time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl Default for Timers {
    fn default() -> Self {
        Self(Rc::new(Inner {
            origin: Instant::now(),
            now: Clock::default(),
            noted: RefCell::new(Slab::new()),
        }))
    }
}

impl Timers {
    /// Ticks since the worker started, as of the last one.
    pub fn now(&self) -> u64 {
        self.0.now.now()
    }

    /// The same time, for those who only read it.
    pub fn clock(&self) -> Clock {
        self.0.now.clone()
    }

    /// So many ticks are at least `span`.
    pub fn ticks(span: Duration) -> u64 {
        u64::try_from(span.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX / 2) + 1
    }

    /// Sets the time, and wakes what is due.
    pub fn tick(&self) {
        let elapsed = self.0.origin.elapsed().as_millis() / TICK.as_millis();
        let now = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.0.now.0.store(now, Relaxed);
        for (_, noted) in self.0.noted.borrow().iter() {
            if noted.due <= now {
                noted.waker.wake_by_ref();
            }
        }
    }

    /// Sets the time to that of a test.
    #[cfg(test)]
    pub fn set(&self, now: u64) {
        self.0.now.0.store(now, Relaxed);
    }

    /// A deadline `span` from now.
    pub fn deadline(&self, span: Duration) -> Deadline {
        Deadline {
            timers: self.clone(),
            span: Self::ticks(span),
            due: self.now() + Self::ticks(span),
            noted: None,
        }
    }

    /// The future's output, if it has one within `span`.
    pub async fn within<F: Future>(&self, span: Duration, future: F) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let mut deadline = self.deadline(span);
        std::future::poll_fn(move |cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            Pin::new(&mut deadline).poll_due(cx).map(|()| Err(Elapsed))
        })
        .await
    }
}

/// A moment after which waiting ends.
#[derive(Debug)]
pub struct Deadline {
    timers: Timers,
    span: u64,
    due: u64,
    noted: Option<usize>,
}

impl Deadline {
    /// Ready once the moment has come. Call it only when there is nothing else to do.
    pub fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.timers.now() >= self.due {
            return Poll::Ready(());
        }
        let mut all = self.timers.0.noted.borrow_mut();
        match self.noted.and_then(|key| all.get_mut(key)) {
            Some(noted) => {
                noted.due = self.due;
                noted.waker.clone_from(cx.waker());
            }
            None => {
                self.noted = Some(all.insert(Noted {
                    due: self.due,
                    waker: cx.waker().clone(),
                }));
            }
        }
        Poll::Pending
    }

    /// Starts anew: something has moved.
    pub fn restart(&mut self) {
        self.due = self.timers.now() + self.span;
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(key) = self.noted.take() {
            self.timers.0.noted.borrow_mut().try_remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_early() {
        assert_eq!(Timers::ticks(Duration::from_millis(1)), 2);
        assert_eq!(Timers::ticks(Duration::from_millis(100)), 3);
    }

    #[test]
    fn what_ends_in_time_leaves_nothing_behind() {
        let timers = Timers::default();
        let mut cx = Context::from_waker(Waker::noop());
        {
            let mut waiting =
                pin!(timers.within(Duration::from_secs(1), std::future::pending::<()>()));
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
            assert_eq!(timers.0.noted.borrow().len(), 1);
        }
        assert_eq!(timers.0.noted.borrow().len(), 0);
    }

    #[test]
    fn what_is_due_is_told() {
        let timers = Timers::default();
        let mut cx = Context::from_waker(Waker::noop());
        let mut waiting = pin!(timers.within(Duration::from_secs(1), std::future::pending::<()>()));
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        timers.set(Timers::ticks(Duration::from_secs(1)));
        assert_eq!(waiting.as_mut().poll(&mut cx), Poll::Ready(Err(Elapsed)));
    }
}
