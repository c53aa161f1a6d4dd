//! A connection from its first byte to its last.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::body::ClientBody;
use super::http1::{self, HeadLimits};
use super::http2_response;
use super::http2_streams::{Executor, Streams};
use super::io::ClientIo;
use super::linger::{Leftover, linger};
use super::presence::{Ask, Presence};
use super::stream::Stream;
use crate::config::model::{Listener, Name};
use crate::exchange::ClientAddress;
use crate::proxy::{Connection, handle};
use crate::telemetry::ListenerSeries;
use crate::worker::Worker;

/// How every HTTP/2 connection begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What one HTTP/2 stream and one connection may have in flight towards us.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(60);

/// What a connection needs from the listener that accepted it.
#[derive(Clone)]
pub(super) struct Accepted {
    pub(super) worker: Rc<Worker>,
    pub(super) listener: Name,
    pub(super) config: Arc<Listener>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) series: Arc<ListenerSeries>,
}

/// Serves one connection.
pub(super) async fn serve(accepted: Accepted, socket: TcpStream, peer: SocketAddr) {
    let worker = accepted.worker.clone();
    let presence = Arc::new(Presence::new(worker.timers.clock()));
    let place = worker.connections.add(
        accepted.listener.clone(),
        presence.clone(),
        accepted.config.clone(),
        accepted.series.clone(),
    );
    let limit = accepted.config.timeouts.header;
    let opening = worker.timers.within(limit, open(&accepted, socket));
    // A client that does not begin in time, or whose handshake fails, is not worth a line.
    let Some(Ok(Ok((stream, first, is_http2)))) = unless_asked(opening, &presence).await else {
        return;
    };
    let tls = matches!(stream, Stream::Tls(_));
    let connection = Rc::new(Connection::new(
        worker.clone(),
        accepted.listener,
        accepted.config.clone(),
        client_address(peer),
        tls,
        presence.clone(),
    ));
    let left = if is_http2 {
        let streams = Streams::new(worker.timers.clock());
        place.serves_http2(streams.clone());
        http2(connection, stream, first, &accepted.config, streams).await
    } else {
        let limits = HeadLimits {
            bytes: accepted.config.limits.header_bytes,
            lines: accepted.config.limits.headers,
        };
        let serving = http1::serve(connection, stream, first, limits, accepted.series);
        match drive(serving, &presence, |_| {}).await {
            Some(http1::End::Ours(stream)) => Some(stream),
            Some(http1::End::Closed) | None => None,
        }
    };
    if let Some(stream) = left {
        linger(stream).await;
    }
}

/// Serves an HTTP/2 connection. What is left of it may have unread bytes.
async fn http2(
    connection: Rc<Connection>,
    stream: Stream,
    first: Bytes,
    config: &Listener,
    streams: Rc<Streams>,
) -> Option<Stream> {
    let presence = connection.presence.clone();
    let leftover = Leftover::default();
    let io = ClientIo::new(stream, first, presence.clone(), leftover.clone());
    let executor = Executor(streams.clone());
    let service = service_fn(move |request: http::Request<Incoming>| {
        let visit = connection.presence.enter();
        let (parts, body) = request.into_parts();
        let handling = handle(
            connection.clone(),
            visit,
            parts.into(),
            ClientBody::Http2(body),
        );
        let streams = streams.clone();
        async move {
            let response = handling.await.into_response();
            Ok::<_, Infallible>(http2_response::of(response, &streams).await)
        }
    });
    let serving = http2_builder(config, executor).serve_connection(TokioIo::new(io), service);
    let _ = drive(serving, &presence, |c| c.graceful_shutdown()).await;
    leftover.take()
}

/// TLS where the listener has it; then which protocol the client speaks.
async fn open(accepted: &Accepted, socket: TcpStream) -> io::Result<(Stream, Bytes, bool)> {
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEP_ALIVE_AFTER);
    SockRef::from(&socket).set_tcp_keepalive(&keepalive)?;
    let Some(tls) = &accepted.tls else {
        let mut socket = socket;
        let (first, is_http2) = tell_apart(&mut socket).await?;
        return Ok((Stream::Clear(socket), first, is_http2));
    };
    let stream = tls.accept(socket).await?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Stream::Tls(Box::new(stream)), Bytes::new(), is_http2))
}

/// Reads until the bytes are, or are not, the preface of HTTP/2.
async fn tell_apart(socket: &mut TcpStream) -> io::Result<(Bytes, bool)> {
    let mut first = BytesMut::with_capacity(PREFACE.len());
    loop {
        let so_far = PREFACE.get(..first.len()).unwrap_or(PREFACE);
        if first != so_far {
            return Ok((first.freeze(), false));
        }
        if first.len() == PREFACE.len() {
            return Ok((first.freeze(), true));
        }
        let mut rest = (&mut *socket).take((PREFACE.len() - first.len()) as u64);
        if rest.read_buf(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn http2_builder(config: &Listener, executor: Executor) -> http2::Builder<Executor> {
    let mut builder = http2::Builder::new(executor);
    let header_list = u32::try_from(config.limits.header_bytes).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(KEEP_ALIVE_AFTER))
        .max_concurrent_streams(config.limits.streams)
        .max_header_list_size(header_list)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

/// Waits for a client's first bytes, unless the connection is asked to end before.
async fn unless_asked<O: Future>(opening: O, presence: &Presence) -> Option<O::Output> {
    let mut opening = pin!(opening);
    let mut waked = false;
    std::future::poll_fn(|cx: &mut Context<'_>| {
        if !waked {
            waked = true;
            presence.wake_by(cx);
        }
        match opening.as_mut().poll(cx) {
            Poll::Ready(opened) => Poll::Ready(Some(opened)),
            Poll::Pending if presence.asked() != Ask::Nothing => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Runs a connection until it ends, or is asked to end at once.
async fn drive<C: Future>(
    connection: C,
    presence: &Presence,
    finish: impl Fn(Pin<&mut C>),
) -> Option<C::Output> {
    let mut connection = pin!(connection);
    let mut known = Ask::Nothing;
    let mut waked = false;
    std::future::poll_fn(|cx: &mut Context<'_>| {
        if !waked {
            // A task has one waker for all its life.
            waked = true;
            presence.wake_by(cx);
        }
        let asked = presence.asked();
        if asked == Ask::Close {
            return Poll::Ready(None);
        }
        if asked != known {
            known = asked;
            finish(connection.as_mut());
        }
        connection.as_mut().poll(cx).map(Some)
    })
    .await
}

fn client_address(peer: SocketAddr) -> ClientAddress {
    let ip = peer.ip().to_canonical();
    ClientAddress {
        ip,
        text: HeaderValue::try_from(ip.to_string()).unwrap_or(HeaderValue::from_static("unknown")),
    }
}
