//! Upstreams on HTTP/1.1 and HTTP/2 that do what the path of the request says.

mod behaviour;
pub mod raw;
mod seen;
pub mod service;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::body::{self, Body};

pub use behaviour::HEADER as BEHAVIOUR;
pub use seen::Seen;
pub use service::Service;

/// A running upstream; both protocols on one port.
pub struct Upstream {
    address: SocketAddr,
    counters: Arc<Counters>,
    accepting: JoinHandle<()>,
}

/// What an upstream has seen.
#[derive(Default)]
pub struct Counters {
    /// Connections accepted since the start.
    pub connections: AtomicU64,
    /// Connections open now.
    pub open: AtomicUsize,
    /// Requests whose head came.
    pub requests: AtomicU64,
    /// Requests that are being answered.
    pub in_flight: AtomicUsize,
    /// Requests that the peer gave up before the answer was complete.
    pub cancelled: AtomicU64,
    /// The status of every answer, whatever the request asks for; 0 where it decides.
    status: AtomicU16,
}

impl Upstream {
    /// An upstream that echoes, unless the request asks for something else: see `behaviour`.
    pub async fn start() -> Self {
        Self::named("upstream").await
    }

    /// The same with a name, which it sends as `x-upstream` with every response.
    pub async fn named(name: &str) -> Self {
        Self::listen(name, ([127, 0, 0, 1], 0).into()).await
    }

    /// The same on an address that is known to be free.
    pub async fn listen(name: &str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let counters = Arc::new(Counters::default());
        let accepting = tokio::spawn(accept(listener, name.into(), counters.clone()));
        Self {
            address,
            counters,
            accepting,
        }
    }

    /// From now on every answer has this status.
    pub fn answers_with(&self, status: u16) {
        self.counters.status.store(status, Ordering::SeqCst);
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many requests have come.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.counters.requests.load(Ordering::SeqCst)
    }

    /// How many connections have been accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.counters.connections.load(Ordering::SeqCst)
    }

    /// How many requests were given up by the peer.
    #[must_use]
    pub fn cancelled(&self) -> u64 {
        self.counters.cancelled.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A port on which nobody listens.
#[must_use]
pub fn nobody() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

async fn accept(listener: TcpListener, name: Arc<str>, counters: Arc<Counters>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let number = counters.connections.fetch_add(1, Ordering::SeqCst) + 1;
        connections.spawn(connection(stream, number, name.clone(), counters.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, number: u64, name: Arc<str>, counters: Arc<Counters>) {
    let _ = stream.set_nodelay(true);
    counters.open.fetch_add(1, Ordering::SeqCst);
    let _open = OnDrop(|| _ = counters.open.fetch_sub(1, Ordering::SeqCst));
    let service = service_fn(|request| answer(request, number, name.clone(), counters.clone()));
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    connection: u64,
    name: Arc<str>,
    counters: Arc<Counters>,
) -> Result<Response<Body>, body::Error> {
    counters.requests.fetch_add(1, Ordering::SeqCst);
    counters.in_flight.fetch_add(1, Ordering::SeqCst);
    let status = counters.status.load(Ordering::SeqCst);
    let watch = behaviour::Watch::new(counters);
    let mut response = behaviour::behave(request, connection, watch).await?;
    let name = name.parse().expect("an upstream's name is a header value");
    response.headers_mut().insert("x-upstream", name);
    if let Ok(status) = http::StatusCode::from_u16(status) {
        *response.status_mut() = status;
    }
    Ok(response)
}

/// Runs something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
