//! Upstreams that do what a closure of the test says.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::body::{self, Body};

/// A running service.
pub struct Service {
    address: SocketAddr,
    seen: Arc<Kept>,
    accepting: JoinHandle<()>,
}

/// A request that came, with its whole body.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

#[derive(Default)]
struct Kept {
    asked: Mutex<Vec<Asked>>,
    now: AtomicUsize,
    most: AtomicUsize,
    given_up: AtomicU64,
}

impl Service {
    /// Answers each request with what `answer` returns; connections run side by side.
    pub async fn start<F>(answer: impl Fn(Asked) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Kept::default());
        let kept = seen.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, answer.clone(), kept.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            seen,
            accepting,
        }
    }

    /// Answers all requests with the same JSON.
    pub async fn json(status: u16, text: &'static str) -> Self {
        Self::start(move |_| async move { json(status, text) }).await
    }

    /// Never answers.
    pub async fn silent() -> Self {
        Self::start(|_| std::future::pending()).await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that have come, in their order.
    ///
    /// # Panics
    /// When the service itself did.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.seen.asked.lock().expect("no service panics").clone()
    }

    /// How many requests there were at the same time, at most.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.seen.most.load(Ordering::SeqCst)
    }

    /// How many requests are being answered.
    #[must_use]
    pub fn answering(&self) -> usize {
        self.seen.now.load(Ordering::SeqCst)
    }

    /// How many requests the peer gave up before there was an answer.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.seen.given_up.load(Ordering::SeqCst)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Asked {
    /// The value of a header; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap_or("not text"))
    }
}

/// A response of JSON that is written already.
///
/// # Panics
/// When this is no status.
pub fn json(status: u16, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status.try_into().expect("a status");
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

async fn serve<F>(
    stream: TcpStream,
    answer: impl Fn(Asked) -> F + Clone + Send + 'static,
    kept: Arc<Kept>,
) where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let (answer, kept) = (answer.clone(), kept.clone());
        async move {
            let (head, body) = request.into_parts();
            let asked = Asked {
                method: head.method,
                target: head.uri.path_and_query().map_or("", |t| t.as_str()).into(),
                headers: head.headers,
                body: body.collect().await?.to_bytes(),
            };
            let mut during = During::new(kept, &asked);
            let response = answer(asked).await;
            during.answered = true;
            Ok::<_, hyper::Error>(response)
        }
    });
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// One request, from its coming until there is an answer or nobody waits for one.
struct During {
    kept: Arc<Kept>,
    answered: bool,
}

impl During {
    fn new(kept: Arc<Kept>, asked: &Asked) -> Self {
        let now = kept.now.fetch_add(1, Ordering::SeqCst) + 1;
        kept.most.fetch_max(now, Ordering::SeqCst);
        let mut all = kept.asked.lock().expect("no service panics");
        all.push(asked.clone());
        drop(all);
        Self {
            kept,
            answered: false,
        }
    }
}

impl Drop for During {
    fn drop(&mut self) {
        self.kept.now.fetch_sub(1, Ordering::SeqCst);
        if !self.answered {
            self.kept.given_up.fetch_add(1, Ordering::SeqCst);
        }
    }
}
