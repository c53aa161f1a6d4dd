//! What hyper reads an HTTP/2 connection from, and writes it to.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::linger::Leftover;
use super::presence::Presence;
use super::stream::Stream;

/// One client's connection, for hyper.
pub(super) struct ClientIo {
    stream: Stream,
    /// What was read to tell HTTP/2 from HTTP/1.
    first: Bytes,
    presence: Arc<Presence>,
    leftover: Leftover,
}

impl ClientIo {
    pub(super) fn new(
        stream: Stream,
        first: Bytes,
        presence: Arc<Presence>,
        leftover: Leftover,
    ) -> Self {
        Self {
            stream,
            first,
            presence,
            leftover,
        }
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.first.has_remaining() {
            let n = this.first.len().min(buf.remaining());
            buf.put_slice(&this.first.split_to(n));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if buf.filled().len() == before {
            // The client has ended: nothing is left that could be read.
            this.leftover.forget();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.presence.blocked(written.is_pending());
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Drop for ClientIo {
    fn drop(&mut self) {
        let stream = std::mem::replace(&mut self.stream, Stream::Taken);
        self.leftover.put(stream);
    }
}
