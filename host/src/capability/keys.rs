//! Whose key it is.
//!
//! Of a key there is the SHA-256 only. It is computed for every key that is
//! shown, and compared in constant time, so that how long the answer takes does
//! not tell whether a key is known.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::consumers;
use crate::config::model::{Consumers, Credential};

/// In bytes; longer keys are unknown. It bounds the work on a key.
const LONGEST_KEY: usize = 4096;
/// In bytes; configurations have no longer prefixes.
const LONGEST_PREFIX: usize = 16;

/// The keys of all credentials, by their public prefix.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    by_prefix: HashMap<Prefix, Group, RandomState>,
    /// How long prefixes are, each length once.
    lengths: Vec<usize>,
}

/// The bytes of a prefix, the rest zero, and how many there are.
type Prefix = (u128, usize);

/// The keys of one prefix. Most are alone, and are found without a second look elsewhere.
#[derive(Debug)]
struct Group {
    first: Key,
    others: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    /// Its place among all credentials.
    place: u32,
    /// In words, which are quicker to compare.
    sha256: [u64; 4],
    not_before: Option<u64>,
    expires: Option<u64>,
}

impl Keys {
    pub(crate) fn of(all: &Consumers) -> Self {
        let mut keys = Self::default();
        for (place, (_, credential)) in (0..).zip(consumers::credentials(all)) {
            let prefix = credential.prefix.as_bytes();
            let Some(packed) = pack(prefix) else {
                continue;
            };
            if !keys.lengths.contains(&prefix.len()) {
                keys.lengths.push(prefix.len());
            }
            let key = Key::of(place, credential);
            match keys.by_prefix.entry(packed) {
                Entry::Occupied(group) => group.into_mut().others.push(key),
                Entry::Vacant(place) => {
                    let others = Vec::new();
                    place.insert(Group { first: key, others });
                }
            }
        }
        keys
    }

    /// The place of a key's credential among all, if it is valid `now`, which is
    /// in Unix seconds and asked for where it matters.
    pub(crate) fn find(&self, key: &[u8], now: impl FnOnce() -> u64) -> Option<u32> {
        if key.len() > LONGEST_KEY {
            return None;
        }
        // The groups come from memory while the digest is computed.
        let mut groups = [None; LONGEST_PREFIX];
        for (group, length) in groups.iter_mut().zip(&self.lengths) {
            let prefix = key.get(..*length).and_then(pack);
            *group = prefix.and_then(|prefix| self.by_prefix.get(&prefix));
        }
        let digest = words(&Sha256::digest(key).into());
        let mut found = None;
        let groups = groups.iter().take(self.lengths.len()).flatten();
        for key in groups.flat_map(|group| std::iter::once(&group.first).chain(&group.others)) {
            if key.sha256.ct_eq(&digest).into() {
                found = Some(key);
            }
        }
        found.filter(|key| key.is_valid(now)).map(|key| key.place)
    }
}

impl Key {
    fn of(place: u32, credential: &Credential) -> Self {
        Self {
            place,
            sha256: words(&credential.sha256),
            not_before: credential.not_before,
            expires: credential.expires,
        }
    }

    fn is_valid(&self, now: impl FnOnce() -> u64) -> bool {
        if self.not_before.is_none() && self.expires.is_none() {
            return true;
        }
        let now = now();
        self.not_before.is_none_or(|from| from <= now) && self.expires.is_none_or(|end| now < end)
    }
}

/// None of an empty or too long prefix.
fn pack(prefix: &[u8]) -> Option<Prefix> {
    let mut bytes = [0; LONGEST_PREFIX];
    bytes.get_mut(..prefix.len())?.copy_from_slice(prefix);
    (!prefix.is_empty()).then(|| (u128::from_ne_bytes(bytes), prefix.len()))
}

fn words(digest: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(digest.as_chunks().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::model::Consumer;

    /// A key, how long its prefix is, and the times between which it is valid.
    type Row<'a> = (&'a str, usize, Option<u64>, Option<u64>);

    fn keys(all: &[Row<'_>]) -> Keys {
        let credential = |(at, row): (usize, &Row<'_>)| Credential {
            id: format!("key-{at:02}"),
            prefix: row.0[..row.1].to_owned(),
            sha256: Sha256::digest(row.0).into(),
            not_before: row.2,
            expires: row.3,
        };
        let consumer = Consumer {
            credentials: all.iter().enumerate().map(credential).collect(),
            ..Consumer::default()
        };
        let mut consumers = Consumers::default();
        consumers.0.insert("acme".into(), Arc::new(consumer));
        Keys::of(&consumers)
    }

    #[test]
    fn keys_are_found_by_prefixes_of_any_length_and_shared_ones() {
        let all = ["k_1234_a", "k_1234_b", "k_12", "another key that is long"];
        let prefixes = [6, 6, 4, 16];
        let rows: Vec<_> = (0..4).map(|n| (all[n], prefixes[n], None, None)).collect();
        let keys = keys(&rows);
        for (place, key) in (0..).zip(all) {
            assert_eq!(keys.find(key.as_bytes(), || 0), Some(place), "{key}");
        }
        for key in [
            "",
            "k",
            "k_1234_c",
            "k_1234",
            "k_12\0",
            "another key that is lonh",
        ] {
            assert_eq!(keys.find(key.as_bytes(), || 0), None, "{key}");
        }
    }

    #[test]
    fn a_key_is_found_while_it_is_valid() {
        let keys = keys(&[
            ("k_12_a", 4, Some(10), Some(20)),
            ("k_12_b", 4, None, Some(5)),
        ]);
        for (now, found) in [(9, None), (10, Some(0)), (19, Some(0)), (20, None)] {
            assert_eq!(keys.find(b"k_12_a", || now), found, "{now}");
        }
        assert_eq!(keys.find(b"k_12_b", || 5), None);
    }

    #[test]
    fn a_key_without_end_is_unknown() {
        let (longest, longer) = ("k".repeat(LONGEST_KEY), "k".repeat(LONGEST_KEY + 1));
        let keys = keys(&[(&longest, 4, None, None), (&longer, 4, None, None)]);
        assert_eq!(keys.find(longest.as_bytes(), || 0), Some(0));
        assert_eq!(keys.find(longer.as_bytes(), || 0), None);
        assert_eq!(Keys::default().find(b"k_12", || 0), None);
    }
}
