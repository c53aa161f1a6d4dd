//! Keys that stand in a store, so that they change without a reload.
//!
//! An entry stands under the SHA-256 of its key, in hexadecimal: the store never
//! has a key. Whoever writes it is trusted to say whose key it is, and no more:
//! the consumer is one of the configuration, which knows its groups.

mod cache;
mod entry;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sluice_plugin::kv::{Reach, Store};
use sluice_plugin::prelude::*;

use cache::{Cache, Digest};
pub(crate) use entry::Entry;

/// Longer keys are unknown. It bounds the work on a key from a body.
const MAX_KEY: usize = 4096;
/// Keys that one instance remembers, and as many that are none.
const REMEMBERED: usize = 1024;
/// Between two lines about entries that are no good.
const QUIET_NS: u64 = 60_000_000_000;

/// The keys of a store.
#[derive(Debug)]
pub(crate) struct StoredKeys {
    store: Store,
    remember_ns: u64,
    /// Apart, so that guesses do not drive out what is known.
    known: RefCell<Cache<Rc<Entry>>>,
    unknown: RefCell<Cache<()>>,
    /// Whether the store failed the last time.
    failing: Cell<bool>,
    /// When an entry may be complained of again.
    quiet_until: Cell<u64>,
}

impl StoredKeys {
    /// The error is for the operator.
    pub(crate) fn open(name: &str, remember: Duration) -> Result<Self, String> {
        let store = Store::new(name);
        if store.reach()? == Reach::Process {
            return Err([
                "`",
                name,
                "` is the memory of this process, into which nobody can write keys; \
                 expected a store with kind = \"redis\"",
            ]
            .concat());
        }
        Ok(Self {
            store,
            remember_ns: u64::try_from(remember.as_nanos()).unwrap_or(u64::MAX),
            known: RefCell::new(Cache::new(REMEMBERED)),
            unknown: RefCell::new(Cache::new(REMEMBERED)),
            failing: Cell::new(false),
            quiet_until: Cell::new(0),
        })
    }

    /// The entry of this key, if it is valid now. The error is the store's.
    pub(crate) fn find(&self, key: &[u8]) -> Result<Option<Rc<Entry>>, StoreError> {
        if key.len() > MAX_KEY {
            return Ok(None);
        }
        let digest: Digest = Sha256::digest(key).into();
        // From before the store is asked: what it says may be old by when it arrives.
        let now = clock::monotonic_ns();
        if self.unknown.borrow().get(&digest, now).is_some() {
            return Ok(None);
        }
        let known = self.known.borrow().get(&digest, now).cloned();
        let entry = match known {
            Some(entry) => Some(entry),
            None => self.ask(digest, now)?,
        };
        Ok(entry.filter(|entry| entry.is_valid()))
    }

    fn ask(&self, digest: Digest, now: u64) -> Result<Option<Rc<Entry>>, StoreError> {
        let name = hex(&digest);
        let value = self.store.get(&name);
        self.noticed(value.as_ref().err());
        let entry = value?.and_then(|value| match Entry::read(&value) {
            Ok(entry) => Some(Rc::new(entry)),
            Err(why) => {
                self.complain(&name, &why, now);
                None
            }
        });
        let until = now.saturating_add(self.remember_ns);
        match &entry {
            Some(entry) => {
                let mut known = self.known.borrow_mut();
                known.put(digest, entry.clone(), now, until);
            }
            None => self.unknown.borrow_mut().put(digest, (), now, until),
        }
        Ok(entry)
    }

    /// Says of an entry why it is no good; not of each, as callers choose which are read.
    fn complain(&self, name: &str, why: &str, now: u64) {
        if now < self.quiet_until.get() {
            return;
        }
        self.quiet_until.set(now.saturating_add(QUIET_NS));
        log::warn(["store `", self.store.name(), "`, key `", name, "`: ", why].concat());
    }

    /// Says once that the store fails, and once that it answers again.
    fn noticed(&self, why: Option<&StoreError>) {
        if self.failing.replace(why.is_some()) == why.is_some() {
            return;
        }
        let store = self.store.name();
        match why {
            Some(why) => log::warn(["store `", store, "` fails: ", &why.to_string()].concat()),
            None => log::info(["store `", store, "` answers again"].concat()),
        }
    }
}

fn hex(digest: &Digest) -> String {
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
