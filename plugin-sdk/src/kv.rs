//! Bytes by key, in a store that the operator named and granted:
//! `grants = { kv = ["NAME"] }`. The store `local` is this process's memory.
//!
//! Keys are the plugin's own: no other plugin sees them.

use std::time::Duration;

use crate::error::StoreError;
use crate::sys;

pub use crate::sys::types::kv::Reach;

/// A store by its name. At most 512 bytes a key, 1 MiB a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store(String);

impl Store {
    /// The store of this name. Whether there is one shows when it is asked.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The store's name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Who can write what is read here. Nothing is asked of the store, so
    /// [`configure`](crate::Plugin::configure) may. The error says, for the
    /// operator, that it is not there or not granted.
    pub fn reach(&self) -> Result<Reach, String> {
        sys::kv::reach_of(&self.0)
    }

    /// The value of a key, if there is one.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        sys::kv::get(&self.0, key).map_err(StoreError::from)
    }

    /// Sets a value. Without `ttl` it stays until the store needs its room.
    pub fn set(
        &self,
        key: &str,
        value: impl AsRef<[u8]>,
        ttl: Option<Duration>,
    ) -> Result<(), StoreError> {
        sys::kv::set(&self.0, key, value.as_ref(), millis(ttl)).map_err(StoreError::from)
    }

    /// Forgets a key; whether there was one.
    pub fn delete(&self, key: &str) -> Result<bool, StoreError> {
        sys::kv::delete(&self.0, key).map_err(StoreError::from)
    }

    /// Sets `value` only where the present value is `expected` (none: absent);
    /// whether it did.
    pub fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        sys::kv::compare_and_set(&self.0, key, expected, value.as_ref(), millis(ttl))
            .map_err(StoreError::from)
    }
}

fn millis(ttl: Option<Duration>) -> Option<u64> {
    ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))
}
