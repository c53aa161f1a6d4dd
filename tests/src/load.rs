//! Constant load: connections that send one request after the other and count what fails.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::Request;
use tokio::task::JoinSet;

use crate::body::Body;
use crate::client::{Answer, Client};
use crate::wait;

/// How a connection of the load speaks.
#[derive(Clone, Copy)]
pub enum Protocol {
    /// HTTP/1.1 with keep-alive.
    Http1,
    /// HTTP/2 by prior knowledge.
    Http2,
}

/// Load that goes on until it is stopped.
pub struct Load {
    shared: Arc<Shared>,
    connections: JoinSet<()>,
}

/// What came of the load.
#[derive(Debug)]
pub struct Report {
    /// Requests that were answered as they should be.
    pub succeeded: u64,
    /// Why others were not; the first hundred.
    pub failures: Vec<String>,
}

struct Shared {
    stop: AtomicBool,
    succeeded: AtomicU64,
    failures: std::sync::Mutex<Vec<String>>,
}

impl Load {
    /// Starts one connection for each protocol in the list.
    ///
    /// `judge` says what is wrong with an answer, if anything.
    pub fn start(
        address: SocketAddr,
        protocols: &[Protocol],
        request: impl Fn() -> Request<Body> + Send + Sync + 'static,
        judge: impl Fn(&Answer) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            succeeded: AtomicU64::new(0),
            failures: std::sync::Mutex::default(),
        });
        let (request, judge) = (Arc::new(request), Arc::new(judge));
        let mut connections = JoinSet::new();
        for &protocol in protocols {
            let (shared, request, judge) = (shared.clone(), request.clone(), judge.clone());
            connections.spawn(async move {
                while !shared.stop.load(Ordering::Relaxed) {
                    if let Err(why) = drive(address, protocol, &shared, &*request, &*judge).await {
                        shared.fail(why);
                    }
                }
            });
        }
        Self {
            shared,
            connections,
        }
    }

    /// How many requests have succeeded so far.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        self.shared.succeeded.load(Ordering::Relaxed)
    }

    /// Waits for `count` more requests.
    pub async fn goes_on_for(&self, count: u64) {
        let goal = self.succeeded() + count;
        wait::until("the load to go on", async || {
            (self.succeeded() >= goal).then_some(())
        })
        .await;
    }

    /// Lets the requests in flight end, and counts.
    pub async fn stop(mut self) -> Report {
        self.shared.stop.store(true, Ordering::Relaxed);
        wait::within("the end of the load", async {
            while self.connections.join_next().await.is_some() {}
        })
        .await;
        let failures = self
            .shared
            .failures
            .lock()
            .expect("no connection panics")
            .clone();
        Report {
            succeeded: self.succeeded(),
            failures,
        }
    }
}

impl Report {
    /// Checks that no request failed and that there were some.
    ///
    /// # Panics
    /// When one failed.
    pub fn assert_flawless(&self) {
        assert!(
            self.failures.is_empty(),
            "{} succeeded, but: {:#?}",
            self.succeeded,
            self.failures
        );
        assert!(self.succeeded > 0, "there was no load");
    }
}

impl Shared {
    fn fail(&self, why: String) {
        let mut failures = self.failures.lock().expect("no connection panics");
        if failures.len() < 100 {
            failures.push(why);
        }
    }
}

/// One connection until it breaks or the load stops. The gateway has no reason
/// to close a connection, so that a closed one counts as a failure.
async fn drive(
    address: SocketAddr,
    protocol: Protocol,
    shared: &Shared,
    request: &(dyn Fn() -> Request<Body> + Send + Sync),
    judge: &(dyn Fn(&Answer) -> Result<(), String> + Send + Sync),
) -> Result<(), String> {
    let mut client = match protocol {
        Protocol::Http1 => Client::http1(address).await,
        Protocol::Http2 => Client::http2(address).await,
    };
    while !shared.stop.load(Ordering::Relaxed) {
        let answer = tokio::time::timeout(wait::PATIENCE, client.try_fetch(request())).await;
        let answer = answer.map_err(|_| "no answer in time".to_owned())?;
        let answer = answer.map_err(|error| format!("no answer: {error:?}"))?;
        match judge(&answer) {
            Ok(()) => _ = shared.succeeded.fetch_add(1, Ordering::Relaxed),
            Err(why) => shared.fail(why),
        }
    }
    Ok(())
}

/// Only a 200 will do.
pub fn ok(answer: &Answer) -> Result<(), String> {
    match answer.status.as_u16() {
        200 => Ok(()),
        other => Err(format!("{other}: {}", answer.text())),
    }
}
