//! The streams of one HTTP/2 connection, and those among them whose client takes nothing.
//!
//! hyper takes a piece of a body, waits until the client takes that, and asks for the next: while
//! it waits, nobody looks at the body, nor at any of its time-outs. So the body notes when its
//! last piece was taken, [`super::Connections::sweep`] looks at that, and a stream that stands
//! still for too long is given up: what hyper runs for it is dropped, which resets the stream.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use slab::Slab;

use crate::worker::timers::Clock;

/// No moment.
const NEVER: u64 = u64::MAX;
/// A client has the time-out once more for each so many bytes of a piece.
const SHARE: usize = 16 * 1024;

/// The streams of one connection that are being answered.
#[derive(Debug)]
pub(super) struct Streams {
    clock: Clock,
    table: RefCell<Slab<State>>,
    /// The one that runs now.
    current: Cell<usize>,
}

#[derive(Debug)]
struct State {
    /// Since when its client has a piece to take.
    since: u64,
    /// How often it has the time-out for that.
    shares: u64,
    given_up: bool,
    waker: Option<Waker>,
}

/// One stream, for its body.
#[derive(Debug)]
pub(super) struct Stream {
    streams: Rc<Streams>,
    key: usize,
}

/// Runs what hyper does for the streams of one connection.
#[derive(Debug, Clone)]
pub(super) struct Executor(pub(super) Rc<Streams>);

impl Streams {
    pub(super) fn new(clock: Clock) -> Rc<Self> {
        Rc::new(Self {
            clock,
            table: RefCell::default(),
            current: Cell::new(0),
        })
    }

    /// The stream whose task asks.
    pub(super) fn current(self: &Rc<Self>) -> Stream {
        Stream {
            streams: self.clone(),
            key: self.current.get(),
        }
    }

    /// Gives up what has stood still for more than so many ticks. Gives how many there were.
    pub(super) fn give_up(&self, ticks: u64) -> usize {
        let now = self.clock.now();
        let mut given_up = 0;
        for (_, state) in self.table.borrow_mut().iter_mut() {
            let span = ticks.saturating_mul(state.shares);
            if !state.given_up && now.saturating_sub(state.since) > span {
                state.given_up = true;
                given_up += 1;
                if let Some(waker) = state.waker.take() {
                    waker.wake();
                }
            }
        }
        given_up
    }

    fn add(&self) -> usize {
        self.table.borrow_mut().insert(State {
            since: NEVER,
            shares: 1,
            given_up: false,
            waker: None,
        })
    }
}

impl Stream {
    /// The client has a piece to take, or the head before the first.
    pub(super) fn has_piece(&self, bytes: usize) {
        self.note(self.streams.clock.now(), bytes);
    }

    /// The client waits for the next piece.
    pub(super) fn waits(&self) {
        self.note(NEVER, 0);
    }

    fn note(&self, since: u64, bytes: usize) {
        if let Some(state) = self.streams.table.borrow_mut().get_mut(self.key) {
            state.since = since;
            state.shares = bytes.div_ceil(SHARE).max(1) as u64;
        }
    }
}

/// A place in the table; given back with the stream's task.
struct Place(Rc<Streams>, usize);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.table.borrow_mut().try_remove(self.1);
    }
}

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + 'static,
{
    fn execute(&self, stream: F) {
        let streams = self.0.clone();
        tokio::task::spawn_local(async move {
            let place = Place(streams.clone(), streams.add());
            let mut stream = pin!(stream);
            std::future::poll_fn(|cx| {
                if let Some(state) = streams.table.borrow_mut().get_mut(place.1) {
                    if state.given_up {
                        return Poll::Ready(());
                    }
                    // A task has one waker for all its life.
                    state.waker.get_or_insert_with(|| cx.waker().clone());
                }
                streams.current.set(place.1);
                stream.as_mut().poll(cx).map(drop)
            })
            .await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::timers::Timers;

    #[test]
    fn only_what_stands_still_is_given_up() {
        let timers = Timers::default();
        let streams = Streams::new(timers.clock());
        let (still, waiting, large) = (streams.add(), streams.add(), streams.add());
        let stream = |key| Stream {
            streams: streams.clone(),
            key,
        };
        stream(still).has_piece(0);
        stream(waiting).has_piece(1);
        stream(waiting).waits();
        stream(large).has_piece(2 * SHARE);
        assert_eq!(streams.give_up(5), 0);
        timers.set(6);
        assert_eq!(streams.give_up(5), 1);
        assert_eq!(streams.give_up(5), 0);
        assert!(streams.table.borrow()[still].given_up);
        timers.set(11);
        assert_eq!(streams.give_up(5), 1);
        assert!(!streams.table.borrow()[waiting].given_up);
    }
}
