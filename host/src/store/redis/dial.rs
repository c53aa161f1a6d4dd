//! A new connection, with everything said that has to be said before the first
//! question.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::config::Server;
use crate::tls;

/// The connection, and what has to be polled for as long as it lives.
pub(super) type Dialled = (
    MultiplexedConnection,
    Pin<Box<dyn Future<Output = ()> + Send>>,
);

const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(30);

/// Connects, logs in, and waits for a first answer. The name is looked up each
/// time, so that a change in DNS is seen.
pub(super) async fn dial(server: &Server) -> Result<Dialled, String> {
    let (host, port) = (server.host.as_str(), server.port);
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|why| format!("cannot connect to {host}:{port}: {why}"))?;
    let tuned = stream.set_nodelay(true).and_then(|()| {
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE_AFTER))
    });
    tuned.map_err(|why| format!("{host}:{port}: {why}"))?;
    let Some((config, name)) = &server.tls else {
        return greet(server, stream).await;
    };
    let stream = TlsConnector::from(config.clone())
        .connect(name.clone(), stream)
        .await
        .map_err(|why| format!("{host}:{port}: {}", tls::words(&why)))?;
    greet(server, stream).await
}

async fn greet<S>(server: &Server, stream: S) -> Result<Dialled, String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let failed =
        |why: redis::RedisError| server.hide(format!("{}:{}: {why}", server.host, server.port));
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let (mut connection, driver) =
        MultiplexedConnection::new_with_config(&server.login, stream, config)
            .await
            .map_err(failed)?;
    let mut driver: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(driver);
    let ping = redis::cmd("PING");
    let pong = tokio::select! {
        pong = ping.query_async::<redis::Value>(&mut connection) => pong.map(drop).map_err(failed),
        () = &mut driver => Err(format!("{}:{} hung up", server.host, server.port)),
    };
    pong.map(|()| (connection, driver))
}
