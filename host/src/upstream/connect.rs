//! A new connection to a target.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::http1::{Connection, MAX_HEAD};
use super::pool::Counts;
use super::request_body::RequestBody;
use super::stream::Stream;
use super::tls::Tls;
use crate::config::model::Target;
use crate::message::Names;
use crate::worker::LocalExecutor;

/// A half-dead connection is noticed by the kernel after this and a few probes.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(60);
/// What one HTTP/2 stream and one connection may have in flight towards us.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// Connects, and shakes hands where there is TLS, within `span`. Names are looked up each time,
/// so that a change in DNS is seen.
async fn dial(target: &Target, tls: Option<&Tls>, span: Duration) -> io::Result<Stream> {
    let connecting = async {
        let stream = match target.host.parse::<IpAddr>() {
            Ok(ip) => TcpStream::connect(SocketAddr::new(ip, target.port)).await,
            Err(_) => TcpStream::connect((target.host.as_str(), target.port)).await,
        }?;
        stream.set_nodelay(true)?;
        let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE_AFTER);
        SockRef::from(&stream).set_tcp_keepalive(&keep_alive)?;
        Ok(match tls {
            Some(tls) => Stream::Tls(Box::new(tls.connect(target, stream).await?)),
            None => Stream::Clear(stream),
        })
    };
    tokio::time::timeout(span, connecting)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Counts a connection from before it is dialled to after its last byte.
pub(super) struct Open(Rc<Counts>);

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open")
    }
}

impl Open {
    pub(super) fn new(counts: Rc<Counts>) -> Self {
        counts.open.set(counts.open.get() + 1);
        Self(counts)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
        self.0.wake_one();
    }
}

pub(super) async fn http1(
    target: &Target,
    tls: Option<&Tls>,
    span: Duration,
    open: Open,
    names: Rc<Names>,
) -> io::Result<Connection> {
    let stream = dial(target, tls, span).await?;
    Ok(Connection::new(stream, open, names))
}

pub(super) async fn http2(
    target: &Target,
    tls: Option<&Tls>,
    span: Duration,
    open: Open,
) -> io::Result<http2::SendRequest<RequestBody>> {
    let stream = dial(target, tls, span).await?;
    let handshake = http2::Builder::new(LocalExecutor)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEAD as u32)
        .timer(hyper_util::rt::TokioTimer::new())
        .keep_alive_interval(Some(KEEP_ALIVE_AFTER))
        .handshake(TokioIo::new(stream));
    let (sender, connection) = tokio::time::timeout(span, handshake)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        .map_err(io::Error::other)?;
    tokio::task::spawn_local(async move {
        let _ = connection.await;
        drop(open);
    });
    Ok(sender)
}
