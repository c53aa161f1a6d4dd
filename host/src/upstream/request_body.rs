//! The body of a request on its way to the upstream.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::server::{BodyFailure, ClientBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::body::WholeBody;
use crate::worker::timers::{Deadline, Timers};

/// What is sent as the body of a request.
#[derive(Debug)]
pub enum RequestBody {
    /// Nothing.
    Empty,
    /// What a plugin read, or put in its place.
    Full(WholeBody),
    /// What the client sends, as it comes.
    Stream(StreamedBody),
}

/// The client's body, passed on.
#[derive(Debug)]
pub struct StreamedBody {
    incoming: ClientBody,
    progress: Rc<Progress>,
    deadline: Deadline,
}

/// How far a request's body has come.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: Cell<u64>,
    failure: Cell<Option<BodyFailure>>,
    watched: Cell<bool>,
    ended: Cell<Option<Instant>>,
}

impl Progress {
    /// Bytes that have come.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Counts bytes that have come.
    pub fn add(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() + bytes as u64);
    }

    /// Why no more will come.
    pub fn failure(&self) -> Option<BodyFailure> {
        self.failure.get()
    }

    /// No more will come.
    pub fn fail(&self, why: BodyFailure) -> BodyFailure {
        self.failure.set(Some(why));
        why
    }

    /// Notes when the body ends, from now on.
    pub fn watch(&self) {
        self.watched.set(true);
    }

    /// When the body ended; none where nobody watched, or it has not.
    pub fn ended(&self) -> Option<Instant> {
        self.ended.get()
    }

    /// Whether the body is watched and has not ended.
    pub fn is_open(&self) -> bool {
        self.watched.get() && self.ended.get().is_none()
    }

    fn end(&self) {
        if self.is_open() {
            self.ended.set(Some(Instant::now()));
        }
    }
}

impl RequestBody {
    /// The client's body, which may pause for `pause` at most.
    pub fn stream(
        incoming: ClientBody,
        progress: Rc<Progress>,
        timers: &Timers,
        pause: Duration,
    ) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        Self::Stream(StreamedBody {
            incoming,
            progress,
            deadline: timers.deadline(pause),
        })
    }

    /// A body that can be sent again is given again; a stream cannot.
    pub fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Full(body) => Some(Self::Full(body.clone())),
            Self::Stream(_) => None,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Full(body) => Poll::Ready(body.next_frame().map(Ok)),
            Self::Stream(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(body) => body.is_empty(),
            Self::Stream(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(body) => body.size_hint(),
            Self::Stream(body) => body.incoming.size_hint(),
        }
    }
}

impl StreamedBody {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.progress.add(frame.data_ref().map_or(0, Bytes::len));
                self.deadline.restart();
                // Who sees that this was the last frame does not ask for another.
                if self.incoming.is_end_stream() {
                    self.progress.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(why))) => Poll::Ready(Some(Err(self.progress.fail(why)))),
            Poll::Ready(None) => {
                self.progress.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(self.deadline.poll_due(cx));
                Poll::Ready(Some(Err(self.progress.fail(BodyFailure::TooSlow))))
            }
        }
    }
}
