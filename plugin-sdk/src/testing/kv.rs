//! Key-value stores, in memory.

use super::gateway::Gateway;
use super::store::{LOCAL, absent};
use super::world::{World, ask};
use crate::bindings::types::StoreError;
use crate::kv::Reach;

/// Larger values are refused, in bytes.
const LARGEST_VALUE: usize = 1 << 20;

/// A value, and when it is gone.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    value: Vec<u8>,
    /// In milliseconds of the gateway's clock, exclusive.
    expires: Option<u64>,
}

pub(crate) fn reach_of(store: &str) -> Result<Reach, String> {
    ask(|w| match w.gateway.stores.contains_key(store) {
        true if store == LOCAL => Ok(Reach::Process),
        true => Ok(Reach::Server),
        false => Err(absent(store)),
    })
}

pub(crate) fn get(store: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    ask(|w| present(&mut w.gateway, store, key))
}

pub(crate) fn set(
    store: &str,
    key: &str,
    value: &[u8],
    ttl_ms: Option<u64>,
) -> Result<(), StoreError> {
    ask(|w| put(w, store, key, value, ttl_ms))
}

pub(crate) fn delete(store: &str, key: &str) -> Result<bool, StoreError> {
    ask(|w| {
        let was = present(&mut w.gateway, store, key)?.is_some();
        w.gateway.store(store, key)?.entries.remove(key);
        Ok(was)
    })
}

pub(crate) fn compare_and_set(
    store: &str,
    key: &str,
    expected: Option<&[u8]>,
    value: &[u8],
    ttl_ms: Option<u64>,
) -> Result<bool, StoreError> {
    ask(|w| {
        if present(&mut w.gateway, store, key)?.as_deref() != expected {
            return Ok(false);
        }
        put(w, store, key, value, ttl_ms).map(|()| true)
    })
}

impl Gateway {
    /// What somebody else writes into a store; none takes it out. It stays.
    ///
    /// # Panics
    /// Where there is no such store.
    pub(super) fn write(&mut self, store: &str, key: &str, value: Option<&[u8]>) {
        let found = self.stores.get_mut(store);
        let entries = &mut found.unwrap_or_else(|| panic!("no store {store}")).entries;
        match value {
            Some(value) => {
                let value = value.to_vec();
                let expires = None;
                entries.insert(key.to_owned(), Entry { value, expires });
            }
            None => drop(entries.remove(key)),
        }
    }
}

fn present(gateway: &mut Gateway, store: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let now = gateway.unix_ms;
    let entry = gateway.store(store, key)?.entries.get(key);
    let entry = entry.filter(|entry| entry.expires.is_none_or(|end| now < end));
    Ok(entry.map(|entry| entry.value.clone()))
}

fn put(
    world: &mut World,
    store: &str,
    key: &str,
    value: &[u8],
    ttl_ms: Option<u64>,
) -> Result<(), StoreError> {
    let now = world.gateway.unix_ms;
    let store = world.gateway.store(store, key)?;
    if value.len() > LARGEST_VALUE {
        return Err(StoreError::TooLarge);
    }
    let entry = Entry {
        value: value.to_vec(),
        expires: ttl_ms.map(|ttl| now.saturating_add(ttl)),
    };
    store.entries.insert(key.to_owned(), entry);
    Ok(())
}
