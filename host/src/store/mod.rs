//! Stores: counters and values by key, in memory or on Redis. Nothing here knows
//! of plugins or HTTP.

mod answer;
mod calendar;
mod clock;
mod counter;
mod lease;
mod limit;
mod map;
mod memory;
mod redis;

use std::sync::Arc;

use bytes::Bytes;

pub use answer::{Standing, StoreError, StoreStats, Ticket};
pub use clock::{Clock, Hands};
pub use limit::{Algorithm, Consistency, Limit, LimitSet, MAX_AMOUNT, MAX_LIMITS, Window};
pub use memory::MemoryConfig;
pub use redis::{RedisConfig, RedisTls, value_name as redis_name};

use lease::Leases;
use limit::Leasing;
use memory::Memory;
use redis::Redis;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 512;
/// The largest value, in bytes.
pub const MAX_VALUE: usize = 1 << 20;

/// Counters and values. Cheap to clone; clones are the same store.
#[derive(Clone)]
pub struct Store(Kind);

#[derive(Clone)]
enum Kind {
    Memory(Arc<Memory>),
    Redis(Arc<Redis>, Arc<Leases>),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            Kind::Memory(_) => "Store::Memory",
            Kind::Redis(..) => "Store::Redis",
        })
    }
}

/// What `*_now` says of a store that has to be asked over a network.
const WAITS: &str = "this store answers only those who wait";

impl Store {
    /// A store on Redis or Valkey. Connects in the background, and again when the
    /// connection is lost: a server that is down is no error here.
    ///
    /// # Errors
    /// A sentence that says what of the configuration is wrong.
    pub fn redis(config: RedisConfig) -> Result<Self, String> {
        let redis = Arc::new(Redis::new(&config)?);
        let leases = Leases::new(redis.clone());
        Ok(Self(Kind::Redis(redis, leases)))
    }

    /// A store in this process's memory.
    pub fn memory(config: MemoryConfig) -> Self {
        Self::memory_with(config, Clock::system())
    }

    /// A store in memory that goes by the clock that it is given.
    pub fn memory_with(config: MemoryConfig, clock: Clock) -> Self {
        Self(Kind::Memory(Arc::new(Memory::new(&config, clock))))
    }

    /// Whether only the async calls answer. Where it is false, the `*_now`
    /// calls do, at once.
    pub fn waits(&self) -> bool {
        match &self.0 {
            Kind::Memory(_) => false,
            Kind::Redis(..) => true,
        }
    }

    fn at_once(&self) -> Result<&Memory, StoreError> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory),
            Kind::Redis(..) => Err(StoreError::Unavailable(WAITS.into())),
        }
    }

    /// Takes `cost` from every limit of the set, or from none. A cost of 0 asks
    /// whether each has something left, and takes nothing.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for a key of more than 512 bytes.
    pub fn take_now(&self, set: &LimitSet, key: &[u8], cost: u64) -> Result<Ticket, StoreError> {
        self.at_once()?.take(set, key, cost)
    }

    /// [`Store::take_now`] where the answer is known here: always in memory,
    /// and where a lease has enough left.
    pub fn try_take(
        &self,
        set: &LimitSet,
        key: &[u8],
        cost: u64,
    ) -> Option<Result<Ticket, StoreError>> {
        match &self.0 {
            Kind::Memory(memory) => Some(memory.take(set, key, cost)),
            Kind::Redis(_, leases) => leases.try_take(leasing(set, cost)?, key, cost).map(Ok),
        }
    }

    /// Counts what was used already, even beyond a limit.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for a key of more than 512 bytes.
    pub fn charge_now(&self, set: &LimitSet, key: &[u8], cost: u64) -> Result<(), StoreError> {
        self.at_once()?.charge(set, key, cost)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for a key of more than 512 bytes.
    pub fn get_now(&self, namespace: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.at_once()?.get(namespace, key)
    }

    /// Gives a key a value, for `ttl_ms` or until the store needs its room. One
    /// that lives for 0 ms is gone at once.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for a key of more than 512 bytes, a value of
    /// more than 1 MiB, or one that the store has no room for at all.
    pub fn set_now(
        &self,
        namespace: &str,
        key: &[u8],
        value: Bytes,
        ttl_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        self.at_once()?.set(namespace, key, value, ttl_ms)
    }

    /// Deletes a key; whether it was there.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for a key of more than 512 bytes.
    pub fn delete_now(&self, namespace: &str, key: &[u8]) -> Result<bool, StoreError> {
        self.at_once()?.delete(namespace, key)
    }

    /// Gives a key a value where the present one is `expected` (none: absent);
    /// whether it did.
    ///
    /// # Errors
    /// As [`Store::set_now`].
    pub fn compare_and_set_now(
        &self,
        namespace: &str,
        key: &[u8],
        expected: Option<&[u8]>,
        value: Bytes,
        ttl_ms: Option<u64>,
    ) -> Result<bool, StoreError> {
        self.at_once()?
            .compare_and_set(namespace, key, expected, value, ttl_ms)
    }

    /// [`Store::take_now`], waiting for the store.
    ///
    /// # Errors
    /// As [`Store::take_now`], and where the store does not answer in time.
    pub async fn take(
        &self,
        set: Arc<LimitSet>,
        key: Vec<u8>,
        cost: u64,
    ) -> Result<Ticket, StoreError> {
        match &self.0 {
            Kind::Memory(memory) => memory.take(&set, &key, cost),
            Kind::Redis(redis, leases) => match leasing(&set, cost) {
                Some(leasing) => leases.take(leasing, set, key, cost).await,
                None => redis.take_strictly(&set, &key, cost, false).await,
            },
        }
    }

    /// [`Store::charge_now`], waiting for the store.
    ///
    /// # Errors
    /// As [`Store::charge_now`], and where the store does not answer in time.
    pub async fn charge(
        &self,
        set: Arc<LimitSet>,
        key: Vec<u8>,
        cost: u64,
    ) -> Result<(), StoreError> {
        match &self.0 {
            Kind::Memory(memory) => memory.charge(&set, &key, cost),
            Kind::Redis(redis, leases) => {
                let rest = match set.leases() {
                    Some(leasing) => leases.charge(leasing, &key, cost),
                    None => cost,
                };
                if rest == 0 {
                    return Ok(());
                }
                let charged = redis.take_strictly(&set, &key, rest, true).await;
                charged.map(drop)
            }
        }
    }

    /// [`Store::get_now`], waiting for the store.
    ///
    /// # Errors
    /// As [`Store::get_now`], and where the store does not answer in time.
    pub async fn get(
        &self,
        namespace: Arc<str>,
        key: Vec<u8>,
    ) -> Result<Option<Bytes>, StoreError> {
        match &self.0 {
            Kind::Memory(memory) => memory.get(&namespace, &key),
            Kind::Redis(redis, _) => redis.get(&namespace, &key).await,
        }
    }

    /// [`Store::set_now`], waiting for the store.
    ///
    /// # Errors
    /// As [`Store::set_now`], and where the store does not answer in time.
    pub async fn set(
        &self,
        namespace: Arc<str>,
        key: Vec<u8>,
        value: Bytes,
        ttl_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        match &self.0 {
            Kind::Memory(memory) => memory.set(&namespace, &key, value, ttl_ms),
            Kind::Redis(redis, _) => redis.set(&namespace, &key, &value, ttl_ms).await,
        }
    }

    /// [`Store::delete_now`], waiting for the store.
    ///
    /// # Errors
    /// As [`Store::delete_now`], and where the store does not answer in time.
    pub async fn delete(&self, namespace: Arc<str>, key: Vec<u8>) -> Result<bool, StoreError> {
        match &self.0 {
            Kind::Memory(memory) => memory.delete(&namespace, &key),
            Kind::Redis(redis, _) => redis.delete(&namespace, &key).await,
        }
    }

    /// [`Store::compare_and_set_now`], waiting for the store.
    ///
    /// # Errors
    /// As [`Store::compare_and_set_now`], and where the store does not answer in time.
    pub async fn compare_and_set(
        &self,
        namespace: Arc<str>,
        key: Vec<u8>,
        expected: Option<Bytes>,
        value: Bytes,
        ttl_ms: Option<u64>,
    ) -> Result<bool, StoreError> {
        match &self.0 {
            Kind::Memory(memory) => {
                memory.compare_and_set(&namespace, &key, expected.as_deref(), value, ttl_ms)
            }
            Kind::Redis(redis, _) => {
                redis
                    .compare_and_set(&namespace, &key, expected.as_deref(), &value, ttl_ms)
                    .await
            }
        }
    }

    /// Gives back what leases hold unused. For the end of a process; does
    /// nothing in memory.
    pub async fn give_back(&self) {
        match &self.0 {
            Kind::Memory(_) => {}
            Kind::Redis(_, leases) => leases.give_back().await,
        }
    }

    /// What there is to tell of the store.
    pub fn usage(&self) -> StoreStats {
        match &self.0 {
            Kind::Memory(memory) => memory.usage(),
            Kind::Redis(redis, leases) => {
                let (link, shares) = (redis.usage(), leases.usage());
                StoreStats {
                    breaker_open: link.breaker_open,
                    errors: link.errors,
                    reconnects: link.reconnects,
                    ..shares
                }
            }
        }
    }
}

/// How a share answers a take, where one may. A take of nothing asks how the
/// limit stands: a share knows that only of what it holds, which asking would
/// never use up.
fn leasing(set: &LimitSet, cost: u64) -> Option<Leasing> {
    set.leases().filter(|_| cost > 0)
}
