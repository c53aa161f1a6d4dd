//! The body of a response, and the connection that it comes on.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::connection::Connection;
use super::error::Error;
use super::switched::Switched;

/// A body that is read from its connection as it is asked for.
#[derive(Debug)]
pub struct Http1Body {
    /// None once another has it, and where it failed.
    connection: Option<Connection>,
    failed: bool,
    /// How it failed, as long as nobody was told.
    failure: Option<Error>,
}

impl Http1Body {
    /// The body of the response whose head came last.
    pub(in crate::upstream) fn new(connection: Connection) -> Self {
        Self {
            connection: Some(connection),
            failed: false,
            failure: None,
        }
    }

    pub(in crate::upstream) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(self.failure.take().map(Err));
        };
        let frame = ready!(connection.poll_frame(cx));
        if matches!(frame, Some(Err(_))) {
            // Nothing more can come of it.
            self.connection = None;
            self.failed = true;
        }
        Poll::Ready(frame)
    }

    /// See [`Connection::poll_send`]. What fails is told with the next frame.
    pub(in crate::upstream) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(());
        };
        if let Err(why) = ready!(connection.poll_send(cx)) {
            self.connection = None;
            self.failed = true;
            self.failure = Some(why);
        }
        Poll::Ready(())
    }

    pub(in crate::upstream) fn is_end_stream(&self) -> bool {
        !self.failed && self.connection.as_ref().is_none_or(|c| c.is_ended())
    }

    pub(in crate::upstream) fn size_hint(&self) -> SizeHint {
        match &self.connection {
            Some(connection) => connection.size_hint(),
            None if self.failed => SizeHint::default(),
            None => SizeHint::with_exact(0),
        }
    }

    /// The connection, if another request can be sent on it; closes it if not.
    pub(in crate::upstream) fn take_reusable(&mut self) -> Option<Connection> {
        self.connection
            .take()
            .filter(|c| c.is_ended())
            .and_then(|mut c| c.rest().then_some(c))
    }

    pub(in crate::upstream) fn into_switched(self) -> Option<Switched> {
        self.connection?.into_switched()
    }
}
