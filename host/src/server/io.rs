//! What hyper reads from and writes to: the client's bytes, after the guard.
//!
//! hyper gets nothing of a message whose framing is in doubt. It sees the end
//! of the connection in its place, and the refusal is written here, as soon as
//! the responses before it are out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::guard::{Guard, Kind};
use super::linger::Leftover;
use super::presence::Presence;
use super::stream::Stream;
use crate::proxy::{Answer, Source};
use crate::telemetry::ListenerSeries;

/// One client's connection, for hyper.
pub(super) struct ClientIo {
    /// None only while it is dropped.
    stream: Option<Stream>,
    /// What was read to tell HTTP/2 from HTTP/1.
    first: Bytes,
    guard: Option<Guard>,
    refusal: Refusal,
    unflushed: bool,
    presence: Arc<Presence>,
    leftover: Leftover,
    malformed: Malformed,
}

/// Counts refusals: the series is told when the connection ends.
pub(super) struct Malformed(pub(super) Arc<ListenerSeries>);

enum Refusal {
    None,
    /// To be written once the responses before it are out.
    Pending(Kind),
    Written,
}

impl ClientIo {
    pub(super) fn new(
        stream: Stream,
        first: Bytes,
        guard: Option<Guard>,
        presence: Arc<Presence>,
        leftover: Leftover,
        malformed: Malformed,
    ) -> Self {
        Self {
            stream: Some(stream),
            first,
            guard,
            refusal: Refusal::None,
            unflushed: false,
            presence,
            leftover,
            malformed,
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut Stream>> {
        let stream = self.stream.as_mut().map(Pin::new);
        stream.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.has_remaining() {
            let n = self.first.len().min(buf.remaining());
            buf.put_slice(&self.first.split_to(n));
            return Poll::Ready(Ok(()));
        }
        self.stream()?.poll_read(cx, buf)
    }

    /// Cuts `buf` back to what hyper may see.
    fn inspect(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        if self.presence.is_tunnel() {
            self.guard = None;
        }
        let Some(guard) = &mut self.guard else {
            return Ok(());
        };
        let heads = guard.heads();
        let fresh = buf.filled().get(before..).unwrap_or_default();
        let Err(violation) = guard.scan(fresh) else {
            self.presence.in_head(guard.in_head());
            return Ok(());
        };
        self.malformed.0.malformed.add(1);
        if violation.in_body && guard.heads() == heads {
            // hyper has the head already: the request fails while its body is read.
            self.refusal = Refusal::Written;
            buf.set_filled(before);
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                violation.kind.detail(),
            ));
        }
        buf.set_filled(before + violation.message_start.min(fresh.len()));
        self.refusal = Refusal::Pending(violation.kind);
        Ok(())
    }

    /// Writes the refusal, and then is at its end.
    fn refuse(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Refusal::Pending(kind) = &self.refusal else {
            return Poll::Ready(Ok(()));
        };
        if !self.presence.is_idle() || self.unflushed {
            return Poll::Pending;
        }
        let message = refusal(kind);
        self.refusal = Refusal::Written;
        // Short enough for the socket's buffer; who does not take it, goes without.
        if let Poll::Ready(written) = self.stream()?.poll_write(cx, &message) {
            written?;
            let _ = self.stream()?.poll_flush(cx)?;
        }
        Poll::Ready(Ok(()))
    }
}

fn refusal(kind: &Kind) -> Vec<u8> {
    let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let answer = Answer::new(status, Source::Request, kind.detail());
    let body = answer.body("");
    let reason = status.canonical_reason().unwrap_or("Bad Request");
    let mut message = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        status.as_u16(),
        body.len()
    )
    .into_bytes();
    message.extend_from_slice(&body);
    message
}

impl AsyncRead for ClientIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !matches!(this.refusal, Refusal::None) {
            return this.refuse(cx);
        }
        let before = buf.filled().len();
        ready!(this.read(cx, buf))?;
        if buf.filled().len() == before {
            // The client has ended: nothing is left that could be read.
            this.leftover.forget();
            return Poll::Ready(Ok(()));
        }
        this.inspect(buf, before)?;
        if buf.filled().len() == before {
            return this.refuse(cx);
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
        this.unflushed = true;
        let written = this.stream()?.poll_write(cx, buf);
        this.presence.blocked(written.is_pending());
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.stream()?.poll_flush(cx))?;
        this.unflushed = false;
        if matches!(this.refusal, Refusal::Pending(_)) {
            // hyper may be waiting for a read that had to wait for this.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_shutdown(cx)
    }
}

impl Drop for ClientIo {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.leftover.put(stream);
        }
    }
}
