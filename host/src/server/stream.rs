//! The bytes of a client's connection, encrypted or not.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::tls;

/// A connection of a client.
#[derive(Debug)]
pub(super) enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Somebody else has it now.
    Taken,
}

impl Stream {
    /// Ends the connection so that the other side cannot take what it got for whole.
    pub(super) fn reset(self) {
        let socket = match &self {
            Self::Clear(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
            Self::Taken => return,
        };
        // Where it cannot be set, closing is all there is.
        let _ = socket2::SockRef::from(socket).set_linger(Some(std::time::Duration::ZERO));
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Self::Tls(stream) = self {
            let (socket, session) = stream.get_mut();
            let linger = socket2::SockRef::from(&*socket).linger();
            let is_reset = matches!(linger, Ok(Some(span)) if span.is_zero());
            if !is_reset {
                tls::say_end(socket, &mut **session);
            }
        }
    }
}

fn taken() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(s) => Pin::new(s).poll_read(cx, buf),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_read(cx, buf),
            Self::Taken => Poll::Ready(Err(taken())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(s) => Pin::new(s).poll_write(cx, buf),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_write(cx, buf),
            Self::Taken => Poll::Ready(Err(taken())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(s) => Pin::new(s).poll_write_vectored(cx, slices),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_write_vectored(cx, slices),
            Self::Taken => Poll::Ready(Err(taken())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(s) => Pin::new(s).poll_flush(cx),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_flush(cx),
            Self::Taken => Poll::Ready(Err(taken())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(s) => Pin::new(s).poll_shutdown(cx),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_shutdown(cx),
            Self::Taken => Poll::Ready(Err(taken())),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    /// A client, and the gateway's end of its connection.
    async fn pair() -> (tokio_rustls::client::TlsStream<TcpStream>, Stream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (client, near) = tls::testing::session(client.unwrap(), accepted.unwrap().0).await;
        (client, Stream::Tls(Box::new(near)))
    }

    #[tokio::test]
    async fn a_session_says_its_end_but_not_where_it_is_reset() {
        let (mut client, stream) = pair().await;
        drop(stream);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        let (mut client, stream) = pair().await;
        stream.reset();
        assert!(client.read(&mut [0]).await.is_err());
    }
}
