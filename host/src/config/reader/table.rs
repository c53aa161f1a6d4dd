//! A table with known keys; what nobody asked for is reported.

use std::cell::{Cell, RefCell};

use super::super::key::join;
use super::super::nearest;
use super::super::tree::Entry;
use super::context::Context;
use super::fault::{Fault, list};
use super::item::Item;

/// A table with known keys.
pub(in super::super) struct Table<'t, 'a> {
    cx: &'a Context,
    key: &'t str,
    entries: &'a [Entry],
    known: RefCell<Vec<&'static str>>,
    /// How many of the entries were asked for.
    taken: Cell<usize>,
}

/// Reads a table with known keys; those that `read` did not ask for are reported.
pub(in super::super) fn read_table<'a, T>(
    cx: &'a Context,
    key: &str,
    entries: &'a [Entry],
    read: impl FnOnce(&Table<'_, 'a>) -> T,
) -> T {
    let table = Table {
        cx,
        key,
        entries,
        known: RefCell::default(),
        taken: Cell::new(0),
    };
    let value = read(&table);
    if table.taken.get() < entries.len() {
        let known = table.known.into_inner();
        for entry in entries.iter().filter(|e| !known.contains(&&*e.key)) {
            let mut fault = Fault::new("unknown key");
            fault.nearest = nearest(&entry.key, known.iter().copied());
            fault.expected = Some(list(known.iter().map(|&name| name.to_owned())));
            cx.report(&join(key, &entry.key), fault);
        }
    }
    value
}

impl<'a> Table<'_, 'a> {
    /// The value of a key that may be left out.
    pub(in super::super) fn get(&self, key: &'static str) -> Option<Item<'a>> {
        self.known.borrow_mut().push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        self.taken.set(self.taken.get() + 1);
        Some(Item {
            cx: self.cx,
            key: join(self.key, key),
            node: &entry.node,
        })
    }

    /// What `read` makes of a key; `default` where it is left out.
    pub(in super::super) fn or<T>(
        &self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Item<'a>) -> Option<T>,
    ) -> T {
        let item = self.get(key);
        item.and_then(|item| read(&item)).unwrap_or(default)
    }

    /// What `read` makes of a key that may be left out.
    pub(in super::super) fn maybe<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Item<'a>) -> Option<T>,
    ) -> Option<T> {
        self.get(key).and_then(|item| read(&item))
    }

    /// What `read` makes of a key that must be there; `expected` says of what kind it is.
    pub(in super::super) fn need<T>(
        &self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&Item<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.get(key) {
            Some(item) => read(&item),
            None => {
                let fault = Fault::new("missing key").expected(expected);
                self.cx.report(&join(self.key, key), fault);
                None
            }
        }
    }
}
