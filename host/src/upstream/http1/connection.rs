//! A connection to a target, and the exchange that is on it.

use std::cell::RefCell;
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use http_body::{Frame, SizeHint};

use super::error::Error;
use super::reader::Reader;
use super::sending::Sending;
use super::switched::Switched;
use crate::http1::{FIRST_READ, poll_first_read};
use crate::message::{Names, Request, ResponseHead};
use crate::upstream::connect::Open;
use crate::upstream::stream::Stream;
use crate::upstream::{Hop, RequestBody};
use crate::worker::{Unsent, Writes};

/// Bytes that are read at once in a body that fills what it is given.
const LARGEST_READ: usize = 64 * 1024;

/// A connection. Whoever holds it drives it, and closes it by dropping it.
#[derive(Debug)]
pub(in crate::upstream) struct Connection(Rc<RefCell<State>>);

/// What the end of a turn reaches as well, to send the request.
#[derive(Debug)]
struct State {
    stream: Stream,
    reader: Reader,
    sending: Sending,
    /// Bytes that are read at once.
    room: usize,
    switched: bool,
    /// Whose exchange it is, while its request waits for the end of the turn.
    due: Option<Waker>,
    /// Why it was not sent then.
    unsent: Option<io::Error>,
    open: Open,
}

impl Connection {
    /// A connection that no request was sent on.
    pub(in crate::upstream) fn new(stream: Stream, open: Open, names: Rc<Names>) -> Self {
        Self(Rc::new(RefCell::new(State {
            stream,
            reader: Reader::new(names),
            sending: Sending::default(),
            room: FIRST_READ,
            switched: false,
            due: None,
            unsent: None,
            open,
        })))
    }

    /// Takes a request to be sent. The body is taken out of it, the head stays.
    ///
    /// # Errors
    /// [`Error::RequestLength`], where the body has another length than the head says.
    pub(in crate::upstream) fn begin(
        &mut self,
        request: &mut Request<RequestBody>,
        hop: Hop<'_>,
    ) -> Result<(), Error> {
        let mut state = self.0.borrow_mut();
        state.room = FIRST_READ;
        state.reader.expect(request.head.method == Method::HEAD);
        state.sending.begin(request, hop)
    }

    /// The request goes at the end of the turn, with what others send, if all of it is there.
    pub(in crate::upstream) fn send_in_turn(&self, writes: &Writes, cx: &Context<'_>) {
        let mut state = self.0.borrow_mut();
        if state.sending.is_complete() {
            state.due = Some(cx.waker().clone());
            let unsent: Weak<RefCell<State>> = Rc::downgrade(&self.0);
            writes.add(unsent);
        }
    }

    /// Sends, and reads the next head beside it, of an interim response or of the final one: a
    /// target may answer early.
    pub(in crate::upstream) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Error>> {
        self.0.borrow_mut().poll_head(cx)
    }

    /// Sends what is left of the request, and reads the next frame of the response's body.
    pub(in crate::upstream) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.borrow_mut().poll_frame(cx)
    }

    /// Sends what is left of the request. Ready where nothing is left to do.
    pub(in crate::upstream) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.0.borrow_mut().poll_send(cx)
    }

    /// The response has come to its end.
    pub(in crate::upstream) fn is_ended(&self) -> bool {
        self.0.borrow().reader.is_ended()
    }

    /// How much of the response's body is to come.
    pub(in crate::upstream) fn size_hint(&self) -> SizeHint {
        self.0.borrow().reader.size_hint()
    }

    /// The request's body, where a failed attempt has taken nothing of it.
    pub(in crate::upstream) fn untouched_body(&mut self) -> Option<RequestBody> {
        self.0.borrow_mut().sending.untouched_body()
    }

    /// Makes the connection ready to wait for its next request. Whether it can take one: both
    /// the request and its response have come to their end, and the target lets another follow.
    pub(in crate::upstream) fn rest(&mut self) -> bool {
        let mut state = self.0.borrow_mut();
        if !state.sending.is_done() || !state.reader.is_reusable() {
            return false;
        }
        state.sending.release();
        state.reader.release();
        true
    }

    /// Whether nothing has come since the last response, not even the end.
    pub(in crate::upstream) fn is_quiet(&mut self) -> bool {
        self.0.borrow_mut().stream.is_quiet()
    }

    /// What was woken by the last exchange is not woken any more.
    pub(in crate::upstream) fn forget_waker(&self) {
        self.0.borrow().stream.forget_waker();
    }

    /// The bytes below HTTP, where the last response was `101 Switching Protocols`.
    pub(super) fn into_switched(self) -> Option<Switched> {
        let mut state = Rc::into_inner(self.0)?.into_inner();
        let first = std::mem::replace(state.reader.buffer(), BytesMut::new()).freeze();
        (state.switched && state.sending.is_done())
            .then(|| Switched::new(first, state.stream, state.open))
    }
}

impl Unsent for RefCell<State> {
    fn send(&self) {
        let state = &mut *self.borrow_mut();
        let Some(exchange) = state.due.take() else {
            return;
        };
        let came = state.poll_early(&mut Context::from_waker(&exchange));
        match came {
            Poll::Ready(why) => state.unsent = Some(why),
            Poll::Pending if state.sending.send(&mut state.stream) => return,
            Poll::Pending => {}
        }
        // The exchange's own task waits for room, or learns what has failed.
        exchange.wake();
    }
}

impl State {
    /// Ready where something comes before the request has gone: it is no answer to it.
    fn poll_early(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        Poll::Ready(match ready!(self.poll_fill(cx)) {
            Ok(0) => io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => io::Error::new(io::ErrorKind::InvalidData, "an answer came before it"),
            Err(why) => why,
        })
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, Error>> {
        if let Some(why) = self.unsent.take() {
            return Poll::Ready(Err(Error::Unsent(why)));
        }
        if self.due.is_some() {
            return self.poll_early(cx).map(|why| Err(Error::Unsent(why)));
        }
        if let Poll::Ready(Err(why)) = self.poll_send(cx) {
            return Poll::Ready(Err(why));
        }
        loop {
            if let Some(head) = self.reader.any_head()? {
                self.switched = head.status == StatusCode::SWITCHING_PROTOCOLS;
                return Poll::Ready(Ok(head));
            }
            let why = match ready!(self.poll_fill(cx)) {
                Ok(1..) => continue,
                Ok(0) => None,
                Err(why) => Some(why),
            };
            return Poll::Ready(Err(match self.reader.has_begun() {
                true => Error::HeadBrokenOff(why),
                false => Error::Gone(why),
            }));
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(Err(why)) = self.poll_send(cx) {
            return Poll::Ready(Some(Err(why)));
        }
        loop {
            match self.reader.frame() {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) if self.reader.is_ended() => return Poll::Ready(None),
                Ok(None) => {}
                Err(why) => return Poll::Ready(Some(Err(why))),
            }
            match ready!(self.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) => match self.reader.end() {
                    Ok(()) => return Poll::Ready(None),
                    Err(why) => return Poll::Ready(Some(Err(why))),
                },
                Err(why) => return Poll::Ready(Some(Err(Error::BodyBrokenOff(Some(why))))),
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sending.poll(&mut self.stream, cx)
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let has_begun = self.reader.has_begun();
        let buffer = self.reader.buffer();
        let (room, read) = if buffer.is_empty() && !has_begun {
            let read = ready!(poll_first_read(&mut self.stream, buffer, cx))?;
            (FIRST_READ, read)
        } else {
            if buffer.capacity() - buffer.len() < self.room / 4 {
                buffer.reserve(self.room);
            }
            let room = buffer.capacity() - buffer.len();
            (room, ready!(self.stream.poll_fill(buffer, cx))?)
        };
        if read == room {
            self.room = (self.room * 2).min(LARGEST_READ);
        }
        Poll::Ready(Ok(read))
    }
}
