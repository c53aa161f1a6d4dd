//! A request on its way: the head, and the body in the framing that the head announces.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, TRAILER, TRANSFER_ENCODING};
use http::{HeaderValue, Method};
use http_body::{Body, Frame};
use tokio::io::AsyncWrite;

use super::error::Error;
use super::framing::digits;
use crate::http1::{Output, is_forbidden_trailer};
use crate::message::Request;
use crate::upstream::{Hop, RequestBody};

/// What a head takes without its headers, and one header.
const ROOM: usize = 64;

/// The request that is being sent.
#[derive(Debug)]
pub(super) struct Sending {
    body: RequestBody,
    stage: Stage,
    out: Output,
    /// Bytes that were written.
    written: u64,
    /// Some of them may still be with TLS.
    held_back: bool,
    /// Some of the body has been taken.
    begun: bool,
    /// The trailers that the head announces.
    announced: Vec<HeaderName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The head is written but for the framing, which the beginning of the body decides.
    Open {
        /// An empty body need not be mentioned.
        may_be_silent: bool,
    },
    /// So many bytes are to come.
    Length(u64),
    Chunked,
    /// All of it is on its way.
    Ended,
    /// The target takes no more of it.
    Failed,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            body: RequestBody::Empty,
            stage: Stage::Ended,
            out: Output::default(),
            written: 0,
            held_back: false,
            begun: false,
            announced: Vec::new(),
        }
    }
}

impl Sending {
    /// Takes a request's head and body. The head stays as it is, for another attempt.
    pub(super) fn begin(
        &mut self,
        request: &mut Request<RequestBody>,
        hop: Hop<'_>,
    ) -> Result<(), Error> {
        self.body = std::mem::replace(&mut request.body, RequestBody::Empty);
        self.written = 0;
        self.held_back = false;
        self.begun = false;
        self.announced.clear();
        let head = &request.head;
        let headers = &head.headers;
        let out = &mut self.out;
        out.reserve(ROOM * (1 + headers.len()));
        out.text(head.method.as_str().as_bytes());
        out.text(b" ");
        let target = head.uri.path_and_query();
        out.text(target.map_or("/", |target| target.as_str()).as_bytes());
        out.text(b" HTTP/1.1\r\n");
        // RFC 9112, 3.2: a request always says a host, if only that there is none.
        let host = hop.host.or_else(|| headers.get(HOST));
        out.line("host", host.map_or(b"", |host| host.as_bytes()));
        let mut length = None;
        for (name, value) in headers.iter() {
            match *name {
                CONTENT_LENGTH => {
                    let said = digits(value.as_bytes()).ok_or(Error::RequestLength)?;
                    if length.is_some_and(|length| length != said) {
                        return Err(Error::RequestLength);
                    }
                    if length.replace(said).is_some() {
                        continue;
                    }
                }
                TRANSFER_ENCODING | HOST => continue,
                TRAILER => self.announced.extend(names(value)),
                _ => {}
            }
            out.line(name.as_str(), value.as_bytes());
        }
        for (name, value) in hop.lines {
            out.line(name.as_str(), value.as_bytes());
        }
        let exact = match self.body.is_end_stream() {
            true => Some(0),
            false => self.body.size_hint().exact(),
        };
        self.stage = match (length, exact) {
            (Some(said), Some(exact)) if said != exact => return Err(Error::RequestLength),
            (None, Some(0)) if expects_content(&head.method) => {
                out.line("content-length", b"0");
                Stage::Ended
            }
            (_, Some(0)) => Stage::Ended,
            (Some(said), _) => Stage::Length(said),
            (None, Some(exact)) => {
                out.line(
                    "content-length",
                    itoa::Buffer::new().format(exact).as_bytes(),
                );
                Stage::Length(exact)
            }
            (None, None) => Stage::Open {
                may_be_silent: matches!(head.method, Method::GET | Method::HEAD),
            },
        };
        if !matches!(self.stage, Stage::Open { .. }) {
            out.text(b"\r\n");
        }
        Ok(())
    }

    /// Sends what can be sent. Ready where there is nothing left to do; [`Sending::is_done`]
    /// tells whether all has been sent.
    pub(super) fn poll(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        loop {
            let waits = self.fill(cx)?.is_pending();
            if self.out.is_empty() && !self.held_back {
                return match waits {
                    true => Poll::Pending,
                    false => Poll::Ready(Ok(())),
                };
            }
            match ready!(self.poll_out(stream, cx)) {
                Ok(written) => self.written += written as u64,
                Err(why) if self.written == 0 => {
                    self.fail();
                    return Poll::Ready(Err(Error::Unsent(why)));
                }
                Err(_) => {
                    // The response may have come nevertheless.
                    self.fail();
                    return Poll::Ready(Ok(()));
                }
            }
            if waits && self.out.is_empty() && !self.held_back {
                return Poll::Pending;
            }
        }
    }

    /// Writes once, and after the last of it what TLS holds back. Gives how many bytes went.
    fn poll_out(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut written = 0;
        if !self.out.is_empty() {
            written = ready!(self.out.poll_write(stream, cx))?;
            self.held_back = true;
        }
        if self.out.is_empty() {
            match Pin::new(stream).poll_flush(cx) {
                Poll::Ready(flushed) => {
                    flushed?;
                    self.held_back = false;
                }
                // Asked for again with the next call.
                Poll::Pending if written > 0 => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(written))
    }

    /// Takes of the body what there is room for. Pending where it waits for the body.
    fn fill(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Error> {
        while !matches!(self.stage, Stage::Ended | Stage::Failed) && self.out.has_room() {
            let frame = Pin::new(&mut self.body).poll_frame(cx);
            if let Stage::Open { may_be_silent } = self.stage {
                self.close_head(matches!(frame, Poll::Ready(None)), may_be_silent);
            }
            let Poll::Ready(frame) = frame else {
                return Ok(Poll::Pending);
            };
            self.begun = true;
            let added = match frame {
                Some(Ok(frame)) => self.add(frame),
                Some(Err(why)) => Err(Error::RequestBody(why)),
                None => self.end(None),
            };
            added.inspect_err(|_| self.fail())?;
        }
        Ok(Poll::Ready(()))
    }

    fn close_head(&mut self, empty: bool, may_be_silent: bool) {
        self.stage = match empty {
            true => Stage::Length(0),
            false => Stage::Chunked,
        };
        self.out.text(match (empty, may_be_silent) {
            (true, true) => b"\r\n",
            (true, false) => b"content-length: 0\r\n\r\n",
            (false, _) => b"transfer-encoding: chunked\r\n\r\n",
        });
    }

    fn add(&mut self, frame: Frame<Bytes>) -> Result<(), Error> {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => return self.end(frame.into_trailers().ok()),
        };
        if !data.is_empty() {
            match &mut self.stage {
                Stage::Length(left) => {
                    let length = data.len() as u64;
                    *left = left.checked_sub(length).ok_or(Error::RequestLength)?;
                    self.out.piece(data, b"");
                }
                _ => self.out.chunk(data),
            }
        }
        // The end goes with the last data, unless that is still to be written.
        if self.body.is_end_stream() && (self.out.has_room() || self.stage == Stage::Length(0)) {
            self.end(None)?;
        }
        Ok(())
    }

    fn end(&mut self, trailers: Option<HeaderMap>) -> Result<(), Error> {
        match self.stage {
            Stage::Length(1..) => return Err(Error::RequestLength),
            Stage::Chunked => {
                let trailers = trailers.unwrap_or_default();
                self.out.last_chunk(&announced(&trailers, &self.announced));
            }
            _ => {}
        }
        self.stage = Stage::Ended;
        // What a client sent is not kept longer than it is needed.
        self.body = RequestBody::Empty;
        Ok(())
    }

    fn fail(&mut self) {
        self.stage = Stage::Failed;
        self.out = Output::default();
        self.held_back = false;
        if self.begun {
            self.body = RequestBody::Empty;
        }
    }

    /// All that is to be sent is there.
    pub(super) fn is_complete(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Sends what goes at once. Whether that was everything.
    pub(super) fn send(&mut self, stream: &mut (impl AsyncWrite + Unpin)) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        while !self.out.is_empty() || self.held_back {
            match self.poll_out(stream, &mut nobody) {
                Poll::Ready(Ok(written)) => self.written += written as u64,
                _ => return false,
            }
        }
        true
    }

    /// Everything was sent.
    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Ended && self.out.is_empty() && !self.held_back
    }

    /// The body, where nothing of it has been taken.
    pub(super) fn untouched_body(&mut self) -> Option<RequestBody> {
        (!self.begun).then(|| std::mem::replace(&mut self.body, RequestBody::Empty))
    }

    /// Gives up the buffers, which must be empty, but for a small one.
    pub(super) fn release(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        out.release();
        *self = Self {
            out,
            ..Self::default()
        };
    }
}

/// Whether a request of this method without content says so (RFC 9110, 8.6).
fn expects_content(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// The names in a list.
fn names(list: &HeaderValue) -> impl Iterator<Item = HeaderName> {
    let names = list.as_bytes().split(|b| *b == b',');
    names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
}

/// The trailers that the head announced, without those that mean something else, or nothing,
/// after the body (RFC 9110, 6.5.1).
fn announced(trailers: &HeaderMap, announced: &[HeaderName]) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, value) in trailers {
        if announced.contains(name) && !is_forbidden_trailer(name) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}
