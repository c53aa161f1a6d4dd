//! The bytes of a connection to a target.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::tls;

/// A connection to a target.
#[derive(Debug)]
pub(super) enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The same for both.
macro_rules! each {
    ($self:expr, $socket:ident => $what:expr) => {
        match $self {
            Self::Clear($socket) => $what,
            Self::Tls($socket) => $what,
        }
    };
}

impl Stream {
    /// Whether the target has neither sent anything nor ended the connection, as far as this
    /// worker has been told.
    pub(super) fn is_quiet(&mut self) -> bool {
        match self {
            Self::Clear(socket) => {
                let read = socket.try_read(&mut [0]);
                matches!(read, Err(why) if why.kind() == io::ErrorKind::WouldBlock)
            }
            // What TLS says for itself, such as a ticket to resume with, is taken in here.
            Self::Tls(socket) => {
                let mut byte = [0];
                let read = std::future::poll_fn(|cx| {
                    Pin::new(&mut *socket).poll_read(cx, &mut ReadBuf::new(&mut byte))
                });
                // A task that has done much at once would be told to wait, whatever has come.
                let mut read = pin!(tokio::task::unconstrained(read));
                let mut nobody = Context::from_waker(Waker::noop());
                read.as_mut().poll(&mut nobody).is_pending()
            }
        }
    }

    /// Whoever waited last is not woken by it any more.
    pub(super) fn forget_waker(&self) {
        let socket = match self {
            Self::Clear(socket) => socket,
            Self::Tls(socket) => socket.get_ref().0,
        };
        let mut nobody = Context::from_waker(Waker::noop());
        let _ = socket.poll_read_ready(&mut nobody);
    }

    /// Reads as much as `buffer` has room for. 0 is the end.
    pub(super) fn poll_fill(
        &mut self,
        buffer: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        each!(self, socket => pin!(socket.read_buf(buffer)).poll(cx))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Self::Tls(stream) = self {
            let (socket, session) = stream.get_mut();
            tls::say_end(socket, &mut **session);
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self.get_mut(), socket => Pin::new(socket).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), socket => Pin::new(socket).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), socket => Pin::new(socket).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), socket => Pin::new(socket).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), socket => Pin::new(socket).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::upstream::testing::sockets;

    /// A connection to a target that speaks TLS, and the target's end.
    async fn pair() -> (Stream, tokio_rustls::server::TlsStream<TcpStream>) {
        let (near, far) = sockets().await;
        far.set_nodelay(true).unwrap();
        let (near, far) = tls::testing::session(near, far).await;
        (Stream::Tls(Box::new(near)), far)
    }

    #[tokio::test]
    async fn a_session_says_its_end() {
        let (near, mut far) = pair().await;
        drop(near);
        // Without it, this is an error.
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_busy_task_sees_what_an_idle_connection_says() {
        let (mut near, mut far) = pair().await;
        // What TLS says after its handshake comes before this.
        far.write_all(b"x").await.unwrap();
        let mut first = BytesMut::with_capacity(1);
        let filled = std::future::poll_fn(|cx| near.poll_fill(&mut first, cx)).await;
        assert_eq!((filled.unwrap(), near.is_quiet()), (1, true));
        far.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
            .await
            .unwrap();
        let Stream::Tls(socket) = &near else {
            panic!("no TLS");
        };
        socket.get_ref().0.readable().await.unwrap();
        // All that a task may do before it must let others run.
        while tokio::task::coop::has_budget_remaining() {
            tokio::task::coop::consume_budget().await;
        }
        assert!(!near.is_quiet());
    }
}
