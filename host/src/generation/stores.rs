//! The stores of a generation: those of the one before where nothing changed of
//! them, so that what was counted stays.

use std::sync::Arc;

use crate::capability::{OpenStore, Stores};
use crate::config::model::{Config, MemoryStore, Name, RedisStore, StoreKind};
use crate::store::{MemoryConfig, RedisConfig, RedisTls, Store};

/// The store that is there without being configured.
const LOCAL: &str = "local";

/// Opens the stores of `config`; `connect` is false where nothing is to be
/// reached, as in `check`. Of a store that cannot be, there is the name with
/// what is wrong, and a stand-in: plugins that use it are no further problem.
pub(super) fn open(
    config: &Config,
    previous: Option<&Stores>,
    connect: bool,
) -> (Stores, Vec<(Name, String)>) {
    let mut wanted = config.stores.clone();
    wanted
        .entry(LOCAL.into())
        .or_insert_with(|| StoreKind::Memory(MemoryStore::default()));
    let (mut stores, mut problems) = (Stores::new(), Vec::new());
    for (name, kind) in wanted {
        let known = previous.and_then(|stores| stores.get(&name));
        if let Some(same) = known.filter(|store| store.kind == kind) {
            stores.insert(name, same.clone());
            continue;
        }
        let store = store(&kind, connect).unwrap_or_else(|why| {
            problems.push((name.clone(), why));
            Store::memory(MemoryConfig::default())
        });
        stores.insert(name, Arc::new(OpenStore { kind, store }));
    }
    (stores, problems)
}

fn store(kind: &StoreKind, connect: bool) -> Result<Store, String> {
    match kind {
        StoreKind::Memory(memory) => Ok(Store::memory(MemoryConfig {
            max_entries: memory.entries,
            max_bytes: memory.bytes,
        })),
        // Nothing is reached in `check`, and nothing counted.
        StoreKind::Redis(redis) if !connect => {
            redis_config(redis).check()?;
            Ok(Store::memory(MemoryConfig::default()))
        }
        StoreKind::Redis(redis) => Store::redis(redis_config(redis)),
    }
}

fn redis_config(redis: &RedisStore) -> RedisConfig {
    RedisConfig {
        address: redis.address.to_string(),
        username: redis.username.clone(),
        password: redis.password.as_ref().map(|secret| secret.0.clone()),
        database: redis.database,
        tls: redis.tls.as_ref().map(|tls| RedisTls {
            ca: tls.ca.clone(),
            server_name: tls.server_name.clone(),
        }),
        timeout_ms: u64::try_from(redis.timeout.as_millis()).unwrap_or(u64::MAX),
        prefix: redis.prefix.clone(),
        max_pending: redis.pending,
    }
}
