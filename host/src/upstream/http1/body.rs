//! The body of a response, and the connection that it comes on.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::connection::Connection;
use super::error::Error;
use super::switched::Switched;

/// A body that is read from its connection as it is asked for.
#[derive(Debug)]
pub struct Http1Body(Option<Box<Connection>>);

impl Http1Body {
    /// The body of the response whose head came last.
    pub(in crate::upstream) fn new(connection: Box<Connection>) -> Self {
        Self(Some(connection))
    }

    pub(in crate::upstream) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(connection) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let frame = ready!(connection.poll_frame(cx));
        if matches!(frame, Some(Err(_))) {
            // Nothing more can come of it.
            self.0 = None;
        }
        Poll::Ready(frame)
    }

    /// See [`Connection::poll_send`]. What fails is told with the next frame.
    pub(in crate::upstream) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(connection) => connection.poll_send(cx).map(|_| ()),
            None => Poll::Ready(()),
        }
    }

    pub(in crate::upstream) fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|c| c.is_ended())
    }

    pub(in crate::upstream) fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Some(connection) => connection.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }

    /// The connection, if another request can be sent on it; closes it if not.
    pub(in crate::upstream) fn take_reusable(&mut self) -> Option<Box<Connection>> {
        self.0
            .take()
            .filter(|c| c.is_ended())
            .and_then(|mut c| c.rest().then_some(c))
    }

    pub(in crate::upstream) fn into_switched(self) -> Option<Switched> {
        self.0?.into_switched()
    }
}
