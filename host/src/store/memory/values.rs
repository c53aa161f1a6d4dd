//! Values in memory.

use bytes::Bytes;

use super::MemoryConfig;
use crate::store::answer::{StoreError, StoreStats};
use crate::store::limit::digest;
use crate::store::map::{Map, Probe, Shard};
use crate::store::{MAX_KEY, MAX_VALUE};

pub(super) struct Values(Map<Bytes>);

impl Values {
    pub(super) fn new(config: &MemoryConfig) -> Self {
        Self(Map::new(config))
    }

    pub(super) fn usage(&self) -> StoreStats {
        self.0.usage()
    }

    pub(super) fn get(
        &self,
        now_us: u64,
        namespace: &str,
        key: &[u8],
    ) -> Result<Option<Bytes>, StoreError> {
        self.with(namespace, key, |shard, probe| {
            present(shard, probe, now_us).cloned()
        })
    }

    pub(super) fn set(
        &self,
        now_us: u64,
        namespace: &str,
        key: &[u8],
        value: Bytes,
        ttl_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        self.with(namespace, key, |shard, probe| {
            put(shard, probe, now_us, value, ttl_ms)
        })?
    }

    pub(super) fn delete(
        &self,
        now_us: u64,
        namespace: &str,
        key: &[u8],
    ) -> Result<bool, StoreError> {
        self.with(namespace, key, |shard, probe| {
            shard
                .remove(probe)
                .is_some_and(|entry| entry.expires_us > now_us)
        })
    }

    pub(super) fn compare_and_set(
        &self,
        now_us: u64,
        namespace: &str,
        key: &[u8],
        expected: Option<&[u8]>,
        value: Bytes,
        ttl_ms: Option<u64>,
    ) -> Result<bool, StoreError> {
        self.with(namespace, key, |shard, probe| {
            let found = present(shard, probe, now_us).map(|value| &value[..]);
            if found != expected {
                return Ok(false);
            }
            put(shard, probe, now_us, value, ttl_ms).map(|()| true)
        })?
    }

    fn with<R>(
        &self,
        namespace: &str,
        key: &[u8],
        use_it: impl FnOnce(&mut Shard<Bytes>, Probe<'_>) -> R,
    ) -> Result<R, StoreError> {
        if key.len() > MAX_KEY {
            return Err(StoreError::TooLarge);
        }
        let space = digest(&[b"values", namespace.as_bytes()]);
        self.0.with(space, key, use_it).ok_or(StoreError::TooLarge)
    }
}

fn present<'a>(shard: &'a mut Shard<Bytes>, probe: Probe<'_>, now_us: u64) -> Option<&'a Bytes> {
    let entry = shard.find(probe)?;
    (entry.expires_us > now_us).then_some(&entry.value)
}

fn put(
    shard: &mut Shard<Bytes>,
    probe: Probe<'_>,
    now_us: u64,
    value: Bytes,
    ttl_ms: Option<u64>,
) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE || !shard.holds(probe, value.len()) {
        return Err(StoreError::TooLarge);
    }
    let expires_us = ttl_ms.map_or(u64::MAX, |ms| {
        now_us.saturating_add(ms.saturating_mul(1000))
    });
    if expires_us <= now_us {
        shard.remove(probe);
    } else {
        let heap = value.len();
        shard.put(probe, value, heap, expires_us, now_us);
    }
    Ok(())
}
