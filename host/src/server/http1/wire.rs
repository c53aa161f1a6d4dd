//! The bytes of one HTTP/1 connection: what was read and not taken, what was said and not sent.
//!
//! The connection's own task reads heads and writes responses; the body of a request is read
//! by whoever holds it. Both do so through the same [`Wire`], one at a time.

use std::cell::{RefCell, RefMut};
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::reader::{Piece, Reader, Request};
use super::violation::Kind;
use crate::http1::{FIRST_READ, Output, poll_first_read};
use crate::server::BodyFailure;
use crate::server::presence::{Ask, Presence};
use crate::server::stream::Stream;
use crate::worker::{Unsent, Writes};

/// Bytes of a body that are read at once.
const READ: usize = FIRST_READ;
/// The same where it fills the smaller buffer.
const LARGE_READ: usize = 64 * 1024;
/// With less room than this, a read is not worth its system call.
const MIN_ROOM: usize = 1024;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// One connection, shared by its task and the body that is being read.
#[derive(Debug)]
pub(super) struct Wire {
    inner: RefCell<Inner>,
    presence: Arc<Presence>,
}

/// The state behind [`Wire`].
#[derive(Debug)]
pub(super) struct Inner {
    stream: Stream,
    reader: Reader,
    /// The client has ended its side.
    ended: bool,
    /// The last read filled the buffer.
    is_full: bool,
    /// The client waits for `100 Continue` before it sends the body (RFC 9110, 10.1.1).
    expects: bool,
    out: Output,
    /// Of what was written, some may still be with TLS.
    held_back: bool,
    /// What there is to send is sent at the end of the turn.
    is_due: bool,
}

/// What comes next on a connection.
pub(super) enum Coming {
    Request(Request),
    /// Nothing more.
    End,
    /// What came is not HTTP.
    Refused(Kind),
    /// A head that did not come to its end in time.
    TimedOut,
}

impl Wire {
    pub(super) fn new(stream: Stream, reader: Reader, presence: Arc<Presence>) -> Self {
        Self {
            inner: RefCell::new(Inner {
                stream,
                reader,
                ended: false,
                is_full: false,
                expects: false,
                out: Output::default(),
                held_back: false,
                is_due: false,
            }),
            presence,
        }
    }

    /// The state. Never held while something is waited for.
    pub(super) fn lock(&self) -> RefMut<'_, Inner> {
        self.inner.borrow_mut()
    }

    /// The connection's bytes below HTTP, and those that were read already. None where the client
    /// has ended its side. Who still reads a body finds it broken off.
    pub(super) fn take_stream(&self) -> Option<(Stream, Bytes)> {
        let mut inner = self.lock();
        let rest = inner.reader.buffer().split().freeze();
        let stream = std::mem::replace(&mut inner.stream, Stream::Taken);
        (!inner.ended).then_some((stream, rest))
    }

    /// The next request. Everything that was said before is sent first, or is due.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<io::Result<Coming>> {
        let mut inner = self.lock();
        loop {
            if !inner.out.has_room() {
                ready!(self.poll_flush(&mut inner, cx))?;
            }
            match inner.reader.head() {
                Ok(Some(request)) => {
                    self.presence.in_head(false);
                    return Poll::Ready(Ok(Coming::Request(request)));
                }
                Ok(None) => {}
                Err(kind) => return Poll::Ready(Ok(Coming::Refused(kind))),
            }
            self.presence.in_head(inner.reader.in_head());
            if !inner.is_due || self.presence.asked() != Ask::Nothing {
                ready!(self.poll_flush(&mut inner, cx))?;
            }
            match (self.presence.asked(), inner.reader.in_head()) {
                (Ask::Nothing, _) | (Ask::Finish, true) => {}
                (_, true) => return Poll::Ready(Ok(Coming::TimedOut)),
                (_, false) => return Poll::Ready(Ok(Coming::End)),
            }
            let filled = ready!(inner.poll_fill(cx));
            if !matches!(filled, Ok(1..)) {
                // A client that says no more may still listen, in whatever way it has ended.
                ready!(self.poll_flush(&mut inner, cx))?;
                return Poll::Ready(filled.map(|_| Coming::End));
            }
        }
    }

    /// What there is to send goes at the end of the turn, with what others send.
    pub(super) fn send_in_turn(self: &Rc<Self>, writes: &Writes) {
        if !std::mem::replace(&mut self.lock().is_due, true) {
            let unsent: Weak<Self> = Rc::downgrade(self);
            writes.add(unsent);
        }
    }

    /// The next piece of the request's body.
    pub(super) fn poll_body(&self, cx: &mut Context<'_>) -> Poll<Result<Piece, BodyFailure>> {
        let mut inner = self.lock();
        loop {
            match inner.reader.body() {
                Ok(Some(piece)) => {
                    // A client that sends the body did not wait.
                    inner.expects = false;
                    if !inner.reader.in_body() {
                        // From here on it is the connection's task that sees the client go.
                        self.presence.wake_unless(cx);
                    }
                    return Poll::Ready(Ok(piece));
                }
                Ok(None) => {}
                Err(_) => return Poll::Ready(Err(BodyFailure::Malformed)),
            }
            if std::mem::take(&mut inner.expects) {
                inner.out.text(CONTINUE);
                match self.poll_flush(&mut inner, cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(BodyFailure::Gone)),
                    // The connection's task must be the one that waits to send.
                    Poll::Pending => self.presence.wake_unless(cx),
                }
            }
            match ready!(inner.poll_fill(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(BodyFailure::Gone)),
                Ok(_) => {}
            }
        }
    }

    /// Ready once the client has gone while its request is served; sends what there is to send.
    pub(super) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.lock();
        if let Poll::Ready(Err(_)) = self.poll_flush(&mut inner, cx) {
            return Poll::Ready(());
        }
        // What is left of the body is read by its reader, and the next request later.
        if inner.reader.in_body() || !inner.reader.is_empty() {
            return Poll::Pending;
        }
        match ready!(inner.poll_fill(cx)) {
            Ok(0) | Err(_) => Poll::Ready(()),
            Ok(_) => Poll::Pending,
        }
    }

    /// Sends what there is to send.
    pub(super) fn poll_flush(
        &self,
        inner: &mut Inner,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        inner.is_due = false;
        if inner.out.is_empty() && !inner.held_back {
            return Poll::Ready(Ok(()));
        }
        let mut moved = false;
        let flushed = inner.poll_flush(cx, &mut moved);
        if moved {
            self.presence.blocked(false);
        }
        self.presence.blocked(flushed.is_pending());
        flushed
    }
}

impl Unsent for Wire {
    fn send(&self) {
        let mut inner = self.lock();
        if !inner.is_due {
            return;
        }
        let mut nobody = Context::from_waker(Waker::noop());
        match self.poll_flush(&mut inner, &mut nobody) {
            Poll::Ready(Ok(())) => inner.out.release(),
            // The connection's own task waits for room, or learns what has failed.
            _ => self.presence.wake(),
        }
    }
}

impl Inner {
    /// The request whose head came last has this body to come: whether the client waits to be
    /// told to send it.
    pub(super) fn expect_continue(&mut self, expects: bool) {
        self.expects = expects;
    }

    /// Reads and forgets what has come of the body. Whether that was all of it.
    pub(super) fn discard_body(&mut self, cx: &mut Context<'_>) -> bool {
        if std::mem::take(&mut self.expects) {
            return !self.reader.in_body();
        }
        let mut reads = 0;
        loop {
            match self.reader.body() {
                Ok(Some(Piece::Data(_))) => {}
                Ok(Some(Piece::Trailers(_) | Piece::End)) => return true,
                Ok(None) if reads < 8 => {
                    reads += 1;
                    let Poll::Ready(Ok(1..)) = self.poll_fill(cx) else {
                        return false;
                    };
                }
                Ok(None) | Err(_) => return false,
            }
        }
    }

    /// The body of the last request has not come to its end.
    pub(super) fn in_body(&self) -> bool {
        self.reader.in_body()
    }

    /// What came last breaks the rules.
    pub(super) fn is_broken(&self) -> bool {
        self.reader.is_broken()
    }

    /// Whether what was refused as a request has the method HEAD.
    pub(super) fn has_asked_head(&mut self) -> bool {
        self.reader.buffer().starts_with(b"HEAD ")
    }

    /// Whether the next request may be there already.
    pub(super) fn is_pipelined(&self) -> bool {
        !self.reader.is_empty()
    }

    /// Whether more may be added to what is to be sent.
    pub(super) fn has_room(&self) -> bool {
        self.out.has_room()
    }

    /// What is to be sent.
    pub(super) fn out(&mut self) -> &mut Output {
        &mut self.out
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let read = match self.reader.is_empty() && !self.reader.in_body() {
            true => {
                let read = poll_first_read(&mut self.stream, self.reader.buffer(), cx);
                self.is_full = matches!(read, Poll::Ready(Ok(FIRST_READ)));
                read
            }
            false => self.poll_read_on(cx),
        };
        match read {
            Poll::Ready(Ok(0)) => self.ended = true,
            Poll::Pending => {
                self.reader.release();
                self.out.release();
            }
            _ => {}
        }
        read
    }

    /// Reads more of a message that has begun.
    fn poll_read_on(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.reader.is_empty()
            && let Stream::Clear(socket) = &self.stream
        {
            // A body that does not come has no buffer.
            ready!(socket.poll_read_ready(cx))?;
        }
        let size = match self.is_full && self.reader.in_body() {
            true => LARGE_READ,
            false => READ,
        };
        let buffer = self.reader.buffer();
        let room = buffer.capacity() - buffer.len();
        if room < MIN_ROOM {
            buffer.reserve(size);
        }
        let read = pin!(self.stream.read_buf(buffer)).poll(cx);
        let buffer = self.reader.buffer();
        self.is_full = buffer.len() == buffer.capacity();
        read
    }

    /// `moved` tells whether the connection has taken anything.
    fn poll_flush(&mut self, cx: &mut Context<'_>, moved: &mut bool) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            ready!(self.out.poll_write(&mut self.stream, cx))?;
            self.held_back = true;
            *moved = true;
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.held_back = false;
        Poll::Ready(Ok(()))
    }
}
