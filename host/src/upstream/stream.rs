//! The bytes of a connection to a target.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

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
                let mut nobody = Context::from_waker(Waker::noop());
                let mut byte = [0];
                let read = Pin::new(socket).poll_read(&mut nobody, &mut ReadBuf::new(&mut byte));
                read.is_pending()
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
