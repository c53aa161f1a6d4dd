//! The words for what changed of one thing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// Collects what differs.
#[derive(Default)]
pub(super) struct Fields {
    details: Vec<String>,
}

impl Fields {
    pub(super) fn into_details(self) -> Vec<String> {
        self.details
    }

    /// `key: old -> new`, by `show`.
    pub(super) fn with<T: PartialEq>(
        &mut self,
        key: &str,
        old: &T,
        new: &T,
        show: impl Fn(&T) -> String,
    ) {
        if old != new {
            let (old, new) = (show(old), show(new));
            self.details.push(format!("{key}: {old} -> {new}"));
        }
    }

    /// `key: old -> new`
    pub(super) fn shown(&mut self, key: &str, old: impl Display, new: impl Display) {
        self.with(key, &old.to_string(), &new.to_string(), String::clone);
    }

    /// `key`, without the values.
    pub(super) fn hidden<T: PartialEq>(&mut self, key: &str, old: &T, new: &T) {
        if old != new {
            self.details.push(key.to_owned());
        }
    }

    /// Words of their own.
    pub(super) fn say(&mut self, words: String) {
        self.details.push(words);
    }

    /// `key: + added, - removed`, or `key: in another order`.
    pub(super) fn list<T: Display>(&mut self, key: &str, old: &[T], new: &[T]) {
        let show = |items: &[T]| -> Vec<String> { items.iter().map(T::to_string).collect() };
        let (old, new) = (show(old), show(new));
        if old == new {
            return;
        }
        let missing = |of: &[String], from: &[String], sign: char| -> Vec<String> {
            let from: BTreeSet<&String> = from.iter().collect();
            let missing = of.iter().filter(|item| !from.contains(item));
            missing.map(|item| format!("{sign} {item}")).collect()
        };
        let mut words = missing(&new, &old, '+');
        words.extend(missing(&old, &new, '-'));
        if words.is_empty() {
            words.push("in another order".to_owned());
        }
        self.details.push(format!("{key}: {}", words.join(", ")));
    }

    /// `what: + id`, `what: - id`, `what: id changed`.
    pub(super) fn keyed<T: PartialEq>(
        &mut self,
        what: &str,
        old: &BTreeMap<String, T>,
        new: &BTreeMap<String, T>,
    ) {
        let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for id in ids {
            let words = match (old.get(id), new.get(id)) {
                (None, _) => format!("{what}: + {id}"),
                (_, None) => format!("{what}: - {id}"),
                (old, new) if old != new => format!("{what}: {id} changed"),
                _ => continue,
            };
            self.details.push(words);
        }
    }
}
