//! The stores of a fake gateway: what is in them, and whether they answer.

use std::collections::BTreeMap;

use super::gateway::Gateway;
use super::kv::Entry;
use super::quota::Count;
use crate::bindings::types::StoreError;

/// The store that is always there.
pub(super) const LOCAL: &str = "local";
/// Longer keys are refused, in bytes.
pub(super) const LONGEST_KEY: usize = 512;

/// One store.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    pub(super) fails: bool,
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) counts: BTreeMap<(String, String), Count>,
}

/// `local`, and nothing in it.
pub(super) fn stores() -> BTreeMap<String, Store> {
    BTreeMap::from([(LOCAL.to_owned(), Store::default())])
}

/// What is said of a store that is not there, or not granted.
pub(super) fn absent(store: &str) -> String {
    format!("no such store: `{store}`, or no grant for it")
}

impl Gateway {
    /// One more store, which is granted to the plugin and on a server. `local` is
    /// there already.
    #[must_use]
    pub fn with_store(mut self, name: &str) -> Self {
        self.stores.insert(name.to_owned(), Store::default());
        self
    }

    /// A store that is granted to the plugin and cannot be reached. It may be `local`.
    #[must_use]
    pub fn with_failing_store(self, name: &str) -> Self {
        let mut gateway = self.with_store(name);
        gateway.fail_store(name, true);
        gateway
    }

    /// Whether a store cannot be reached from now on.
    ///
    /// # Panics
    /// Where there is no such store.
    pub(super) fn fail_store(&mut self, name: &str, fails: bool) {
        let store = self.stores.get_mut(name);
        store.unwrap_or_else(|| panic!("no store {name}")).fails = fails;
    }

    /// The store of this name, if it takes this key.
    pub(super) fn store(&mut self, name: &str, key: &str) -> Result<&mut Store, StoreError> {
        let store = self.stores.get_mut(name).ok_or(StoreError::NotGranted)?;
        if key.len() > LONGEST_KEY {
            return Err(StoreError::TooLarge);
        }
        if store.fails {
            return Err(StoreError::Unavailable("connection refused".to_owned()));
        }
        Ok(store)
    }
}
