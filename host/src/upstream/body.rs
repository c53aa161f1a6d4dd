//! The body of an upstream's response, whichever protocol it comes by.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::error::Failure;
use super::http1::{Connection, Http1Body, Switched};

/// A body that a target is sending.
#[derive(Debug)]
pub enum UpstreamBody {
    /// On a connection of its own.
    Http1(Http1Body),
    /// On one of the streams of a connection.
    Http2(Incoming),
}

impl UpstreamBody {
    /// Sends what is left of the request, for when the response is not read at the moment.
    /// Ready where nothing is left to do. What fails is told with the next frame.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Http1(body) => body.poll_send(cx),
            // Its connection has a task of its own.
            Self::Http2(_) => Poll::Ready(()),
        }
    }

    /// The bytes below HTTP, where the response was `101 Switching Protocols`.
    #[must_use]
    pub fn into_switched(self) -> Option<Switched> {
        match self {
            Self::Http1(body) => body.into_switched(),
            Self::Http2(_) => None,
        }
    }

    /// The connection, if it is nobody else's and another request can be sent on it.
    pub(super) fn take_reusable(&mut self) -> Option<Connection> {
        match self {
            Self::Http1(body) => body.take_reusable(),
            Self::Http2(_) => None,
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        match self.get_mut() {
            Self::Http1(body) => body
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Failure::Http1))),
            Self::Http2(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Failure::Http2))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}
