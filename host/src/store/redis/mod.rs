//! The store on Redis or Valkey. Only this folder names it.

mod breaker;
mod config;
mod dial;
mod keys;
mod link;
mod script;
#[cfg(test)]
pub(super) mod tests;
mod thread;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use redis::{Cmd, Value};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

pub use config::{RedisConfig, RedisTls};
pub use keys::value_name;
pub(super) use script::{Taken, Taking};

use super::answer::{StoreError, StoreStats, Ticket};
use super::limit::LimitSet;
use super::{MAX_KEY, MAX_VALUE};
use config::Server;
use keys::Names;
use link::{Link, unavailable};

/// A hundred years: what is to live longer lives for ever.
const MAX_TTL_MS: u64 = 100 * 365 * 86_400_000;

/// A server, asked over one connection on the thread of the stores.
pub(super) struct Redis {
    link: Arc<Link>,
    names: Names,
    thread: Handle,
    /// When this goes, the connection does.
    _alive: oneshot::Sender<()>,
}

impl Redis {
    pub(super) fn new(config: &RedisConfig) -> Result<Self, String> {
        let link = Link::new(Server::new(config)?);
        let thread = thread::handle()?;
        let (alive, gone) = oneshot::channel();
        thread.spawn(link.clone().keep(gone));
        Ok(Self {
            link,
            names: Names::new(&config.prefix),
            thread,
            _alive: alive,
        })
    }

    /// The thread of the stores, for what goes on beside calls.
    pub(super) fn thread(&self) -> &Handle {
        &self.thread
    }

    /// How long one operation may take.
    pub(super) fn timeout(&self) -> Duration {
        self.link.server.timeout
    }

    pub(super) async fn take(
        &self,
        set: &LimitSet,
        key: &[u8],
        taking: Taking,
        deadline: Instant,
    ) -> Result<Taken, StoreError> {
        check(key)?;
        let cmd = script::take(&self.names, set, key, taking);
        let (answer, connection) = self.ask_until(cmd, deadline, None).await?;
        script::taken(set, taking.cost, &answer, connection)
    }

    /// A take that asks the server and holds nothing.
    pub(super) async fn take_strictly(
        &self,
        set: &LimitSet,
        key: &[u8],
        cost: u64,
        charge: bool,
    ) -> Result<Ticket, StoreError> {
        let taking = Taking {
            charge,
            cost,
            share: 0,
            live_us: 0,
        };
        let deadline = Instant::now() + self.timeout();
        Ok(self.take(set, key, taking, deadline).await?.ticket)
    }

    /// The number of the newest connection. Behind another one may be a server
    /// that does not know what was counted before.
    pub(super) fn newest_connection(&self) -> u64 {
        self.link.newest()
    }

    /// Gives back units that a share did not use, on the connection that they
    /// came from.
    pub(super) async fn give(
        &self,
        set: &LimitSet,
        key: &[u8],
        units: u64,
        marks: &[u64],
        connection: u64,
    ) -> Result<(), StoreError> {
        let cmd = script::give(&self.names, set, key, units, marks);
        let deadline = Instant::now() + self.timeout();
        let given = self.ask_until(cmd, deadline, Some(connection)).await;
        given.map(drop)
    }

    pub(super) async fn get(
        &self,
        namespace: &str,
        key: &[u8],
    ) -> Result<Option<Bytes>, StoreError> {
        check(key)?;
        let mut cmd = redis::cmd("GET");
        cmd.arg(self.names.value(namespace, key));
        match self.ask(cmd).await? {
            Value::Nil => Ok(None),
            Value::BulkString(value) => Ok(Some(value.into())),
            _ => Err(unavailable("the answer is not a value")),
        }
    }

    pub(super) async fn set(
        &self,
        namespace: &str,
        key: &[u8],
        value: &[u8],
        ttl_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        check(key)?;
        check_value(value)?;
        if ttl_ms == Some(0) {
            return self.delete(namespace, key).await.map(drop);
        }
        let mut cmd = redis::cmd("SET");
        cmd.arg(self.names.value(namespace, key)).arg(value);
        if let Some(ms) = ttl_ms.filter(|ms| *ms <= MAX_TTL_MS) {
            cmd.arg("PX").arg(ms);
        }
        self.ask(cmd).await.map(drop)
    }

    pub(super) async fn delete(&self, namespace: &str, key: &[u8]) -> Result<bool, StoreError> {
        check(key)?;
        let mut cmd = redis::cmd("DEL");
        cmd.arg(self.names.value(namespace, key));
        Ok(matches!(self.ask(cmd).await?, Value::Int(n) if n > 0))
    }

    pub(super) async fn compare_and_set(
        &self,
        namespace: &str,
        key: &[u8],
        expected: Option<&[u8]>,
        value: &[u8],
        ttl_ms: Option<u64>,
    ) -> Result<bool, StoreError> {
        check(key)?;
        check_value(value)?;
        let ttl_ms = ttl_ms.filter(|ms| *ms <= MAX_TTL_MS);
        let cmd = script::swap(&self.names.value(namespace, key), expected, value, ttl_ms);
        Ok(matches!(self.ask(cmd).await?, Value::Int(1)))
    }

    pub(super) fn usage(&self) -> StoreStats {
        StoreStats {
            breaker_open: self.link.breaker.is_open(),
            errors: self.link.errors.load(Ordering::Relaxed),
            reconnects: self.link.reconnects(),
            ..StoreStats::default()
        }
    }

    /// What a caller is told who has waited long enough.
    pub(super) fn late(&self) -> StoreError {
        StoreError::Unavailable(self.link.late())
    }

    /// What a caller is told whose question broke.
    pub(super) fn failed(&self) -> StoreError {
        unavailable("the thread of the stores has failed")
    }

    async fn ask(&self, cmd: Cmd) -> Result<Value, StoreError> {
        let deadline = Instant::now() + self.timeout();
        let (answer, _) = self.ask_until(cmd, deadline, None).await?;
        Ok(answer)
    }

    /// Asks the server, and waits no longer than the deadline, whatever happens:
    /// [`Link::ask`], on the thread of the stores.
    async fn ask_until(
        &self,
        cmd: Cmd,
        deadline: Instant,
        on: Option<u64>,
    ) -> Result<(Value, u64), StoreError> {
        let turn = Turn::of(&self.link)?;
        if !self.link.breaker.admits(Instant::now()) {
            self.link.errors.fetch_add(1, Ordering::Relaxed);
            return Err(unavailable("calls failed just now: the breaker is open"));
        }
        // The operation ends on its own thread, so that it tells the breaker how
        // it went even where nobody waits for it any more.
        let asking = self.thread.spawn(async move {
            let answer = turn.0.ask(&cmd, deadline, on).await;
            drop(turn);
            answer
        });
        match tokio::time::timeout_at(deadline.into(), asking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.failed()),
            Err(_) => Err(self.late()),
        }
    }
}

/// One of the operations that may be under way.
struct Turn(Arc<Link>);

impl Turn {
    fn of(link: &Arc<Link>) -> Result<Self, StoreError> {
        let turn = Self(link.clone());
        if link.pending.fetch_add(1, Ordering::AcqRel) < link.server.max_pending {
            return Ok(turn);
        }
        link.errors.fetch_add(1, Ordering::Relaxed);
        Err(unavailable("too many operations are under way"))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::AcqRel);
    }
}

fn check(key: &[u8]) -> Result<(), StoreError> {
    if key.len() > MAX_KEY {
        return Err(StoreError::TooLarge);
    }
    Ok(())
}

fn check_value(value: &[u8]) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE {
        return Err(StoreError::TooLarge);
    }
    Ok(())
}

/// Between a half and one and a half of a span, so that not all come at once.
fn jitter(span: Duration) -> Duration {
    let dice = getrandom::u32().unwrap_or(u32::MAX / 2);
    span.mul_f64(0.5 + f64::from(dice) / f64::from(u32::MAX))
}
