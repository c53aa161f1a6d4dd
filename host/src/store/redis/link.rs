//! One connection that is kept up: made anew when it is lost, with pauses that
//! grow and differ, so that a server that comes back is not run over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value};
use tokio::sync::{Notify, oneshot, watch};

use super::breaker::Breaker;
use super::config::Server;
use super::dial::dial;
use super::script;
use crate::store::answer::StoreError;

/// Pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1500);
/// A connection that lived so long was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(1);
/// Connecting may take longer than an operation: the next one then finds it made.
const DIAL_WITHIN: Duration = Duration::from_secs(2);

#[derive(Clone)]
enum State {
    /// An operation may wait for it.
    Connecting,
    Up(MultiplexedConnection, u64),
    /// The last attempt failed: an operation fails too, at once.
    Down(String),
}

pub(super) struct Link {
    pub(super) server: Server,
    pub(super) breaker: Breaker,
    pub(super) pending: AtomicUsize,
    pub(super) errors: AtomicU64,
    connections: AtomicU64,
    state: watch::Sender<State>,
    /// The number of a connection that is no good any more.
    bad: AtomicU64,
    look: Notify,
}

impl Link {
    pub(super) fn new(server: Server) -> Arc<Self> {
        Arc::new(Self {
            server,
            breaker: Breaker::default(),
            pending: AtomicUsize::new(0),
            errors: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            state: watch::channel(State::Connecting).0,
            bad: AtomicU64::new(0),
            look: Notify::new(),
        })
    }

    /// The number of the newest connection.
    pub(super) fn newest(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn reconnects(&self) -> u64 {
        self.connections.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// Keeps the connection up until nobody holds the other end of `gone`.
    pub(super) async fn keep(self: Arc<Self>, gone: oneshot::Receiver<()>) {
        tokio::select! {
            _ = gone => {}
            () = self.connect_again_and_again() => {}
        }
        self.state
            .send_replace(State::Down("the store is closed".into()));
    }

    async fn connect_again_and_again(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let dialled = tokio::time::timeout(DIAL_WITHIN, dial(&self.server)).await;
            match dialled {
                Ok(Ok((connection, driver))) => {
                    let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
                    let since = Instant::now();
                    self.breaker.worked();
                    self.state.send_replace(State::Up(connection, number));
                    tokio::select! {
                        () = driver => {}
                        () = self.is_bad(number) => {}
                    }
                    self.state.send_replace(State::Connecting);
                    tracing::warn!(server = %self.server.host, "connection to the store is lost");
                    if since.elapsed() >= GOOD_AFTER {
                        pause = FIRST_PAUSE;
                    }
                }
                Ok(Err(why)) => self.down(why),
                Err(_) => self.down(format!("{} does not answer", self.server.host)),
            }
            tokio::time::sleep(super::jitter(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn down(&self, why: String) {
        if !matches!(&*self.state.borrow(), State::Down(_)) {
            tracing::warn!("store: {why}");
        }
        self.state.send_replace(State::Down(why));
    }

    async fn is_bad(&self, number: u64) {
        while self.bad.load(Ordering::Acquire) < number {
            self.look.notified().await;
        }
    }

    /// Ends a connection of which nothing good can come.
    fn give_up(&self, number: u64) {
        self.bad.fetch_max(number, Ordering::AcqRel);
        self.look.notify_one();
    }

    async fn connection(&self) -> Result<(MultiplexedConnection, u64), StoreError> {
        let mut states = self.state.subscribe();
        let state = states
            .wait_for(|state| !matches!(state, State::Connecting))
            .await
            .map_err(|_| unavailable("the store is closed"))?;
        match &*state {
            State::Up(connection, number) => Ok((connection.clone(), *number)),
            State::Down(why) => Err(StoreError::Unavailable(why.clone())),
            State::Connecting => Err(unavailable("not connected")),
        }
    }

    /// Asks, until `deadline` at most, and tells the breaker how it went. The
    /// answer comes with the number of its connection; where one is given in
    /// `on`, no other is asked.
    pub(super) async fn ask(
        &self,
        cmd: &Cmd,
        deadline: Instant,
        on: Option<u64>,
    ) -> Result<(Value, u64), StoreError> {
        let mut used = 0;
        let asking = async {
            let (mut connection, number) = self.connection().await?;
            used = number;
            if on.is_some_and(|on| on != number) {
                return Ok(None);
            }
            Ok(Some(send(&mut connection, cmd).await))
        };
        let failed = match tokio::time::timeout_at(deadline.into(), asking).await {
            Ok(Ok(Some(Ok(value)))) => {
                self.breaker.worked();
                return Ok((value, used));
            }
            Ok(Ok(None)) => return Err(unavailable("its connection is gone")),
            Ok(Ok(Some(Err(why)))) if is_of_one_key(&why) => {
                self.breaker.worked();
                self.errors.fetch_add(1, Ordering::Relaxed);
                return Err(StoreError::Unavailable(words(&why)));
            }
            Ok(Ok(Some(Err(why)))) => {
                if why.code().is_some_and(|code| code == "READONLY") {
                    // The primary is another one now: its name may lead there.
                    self.give_up(used);
                }
                StoreError::Unavailable(words(&why))
            }
            Ok(Err(why)) => why,
            Err(_) => StoreError::Unavailable(self.late()),
        };
        self.errors.fetch_add(1, Ordering::Relaxed);
        if self.breaker.failed(Instant::now()) {
            tracing::warn!("store: {failed}; calls fail at once until it answers again");
            // It may be the connection only, which nobody would tell us.
            self.give_up(used);
        }
        Err(failed)
    }

    /// What a caller is told who has waited long enough.
    pub(super) fn late(&self) -> String {
        format!("no answer within {} ms", self.server.timeout.as_millis())
    }
}

async fn send(connection: &mut MultiplexedConnection, cmd: &Cmd) -> Result<Value, RedisError> {
    let answer = cmd.query_async(connection).await;
    match answer {
        // A server that was restarted, or flushed, has forgotten the scripts.
        Err(why) if why.code() == Some("NOSCRIPT") => match script::whole(cmd) {
            Some(whole) => whole.query_async(connection).await,
            None => Err(why),
        },
        answer => answer,
    }
}

/// Whether the server is well, and only what one key holds is not what we left there.
fn is_of_one_key(why: &RedisError) -> bool {
    matches!(why.code(), Some("ERR" | "WRONGTYPE"))
}

fn words(why: &RedisError) -> String {
    match why.code() {
        Some("MOVED" | "ASK") => {
            "the server is part of a cluster, which is not supported: the address of a single \
             primary is expected"
                .into()
        }
        // As the server says it, so that its documentation can be searched.
        Some(code) => format!("{code} {}", why.detail().unwrap_or_default()),
        None => why.to_string(),
    }
}

pub(super) fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.into())
}
