//! The keys of the configuration, found by their public prefix.
//!
//! Of a key there is the SHA-256 only. What is compared with a secret is
//! compared in constant time, and the digest is computed for every key that is
//! shown, so that the answer's time does not tell whether a key is known.

use sha2::{Digest, Sha256};
use sluice_plugin::prelude::*;
use subtle::ConstantTimeEq;

use crate::options::is_field_value;

/// Keys that may share a prefix: each of them is compared.
const MAX_SHARED: usize = 16;
/// Longer prefixes do not exist in a configuration.
const MAX_PREFIX: usize = 16;
/// Longer keys are unknown. It bounds the work on a key from a body.
pub(crate) const MAX_KEY: usize = 4096;

/// Who owns a key, as the upstream reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) consumer: String,
    /// All groups with commas between; none where there is no group.
    pub(crate) groups: Option<String>,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) id: String,
    pub(crate) owner: Owner,
    sha256: [u8; 32],
    not_before: Option<u64>,
    expires: Option<u64>,
}

/// All keys.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// Sorted; the credential at the same index has this prefix.
    prefixes: Vec<Prefix>,
    credentials: Vec<Credential>,
    /// How long prefixes are, each length once.
    lengths: Vec<usize>,
}

/// The bytes of a prefix, the rest zero, as one number: quick to compare.
type Prefix = u128;

impl Owner {
    pub(crate) fn new(consumer: String, groups: &[String]) -> Self {
        Self {
            consumer,
            groups: (!groups.is_empty()).then(|| groups.join(",")),
        }
    }

    /// A consumer of the configuration, if there is one of this name.
    pub(crate) fn load(consumer: &str) -> Option<Self> {
        let groups = consumers::groups(consumer)?;
        Some(Self::new(consumer.to_owned(), &groups))
    }
}

impl Keys {
    /// Reads all credentials. The error is for the operator.
    pub(crate) fn load() -> Result<Self, String> {
        let mut found = Vec::new();
        for credential in consumers::credentials() {
            let named = |what: &str| ["credential `", &credential.id, "`: ", what].concat();
            let prefix = pack(credential.prefix.as_bytes())
                .ok_or_else(|| named("the prefix must have 1 to 16 characters"))?;
            let sha256 = <[u8; 32]>::try_from(credential.sha256.as_slice())
                .map_err(|_| named("sha256 must have 32 bytes"))?;
            let owner = Owner::load(&credential.consumer)
                .ok_or_else(|| named("it belongs to no consumer"))?;
            let headers = [&credential.id, &owner.consumer];
            if !headers
                .into_iter()
                .chain(&owner.groups)
                .all(|text| is_field_value(text))
            {
                return Err(named("names and groups must not have control characters"));
            }
            let length = credential.prefix.len();
            found.push((
                prefix,
                length,
                Credential {
                    id: credential.id,
                    owner,
                    sha256,
                    not_before: credential.not_before,
                    expires: credential.expires,
                },
            ));
        }
        found.sort_by_key(|(prefix, ..)| *prefix);
        let mut keys = Self::default();
        for (prefix, length, credential) in found {
            if !keys.lengths.contains(&length) {
                keys.lengths.push(length);
            }
            keys.prefixes.push(prefix);
            keys.credentials.push(credential);
        }
        match keys
            .prefixes
            .windows(MAX_SHARED + 1)
            .position(|w| w.first() == w.last())
        {
            Some(at) => Err([
                "more than 16 credentials share the prefix of `",
                keys.credentials.get(at).map_or("", |c| &c.id),
                "`: use longer prefixes",
            ]
            .concat()),
            None => Ok(keys),
        }
    }

    /// The credential of this key, if it is valid now.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Credential> {
        if key.len() > MAX_KEY {
            return None;
        }
        let digest = Sha256::digest(key);
        let mut found = None;
        for length in &self.lengths {
            let Some(prefix) = key.get(..*length).and_then(pack) else {
                continue;
            };
            let start = self.prefixes.partition_point(|p| *p < prefix);
            let shared = self
                .prefixes
                .iter()
                .skip(start)
                .take_while(|p| **p == prefix);
            let candidates = self.credentials.iter().skip(start).take(shared.count());
            for credential in candidates {
                if credential.sha256.ct_eq(digest.as_slice()).into() {
                    found = Some(credential);
                }
            }
        }
        found.filter(|credential| credential.is_valid())
    }
}

impl Credential {
    fn is_valid(&self) -> bool {
        if self.not_before.is_none() && self.expires.is_none() {
            return true;
        }
        let now = clock::unix_ms() / 1000;
        self.not_before.is_none_or(|from| from <= now) && self.expires.is_none_or(|end| now < end)
    }
}

/// None of an empty or too long prefix.
fn pack(prefix: &[u8]) -> Option<Prefix> {
    let mut bytes = [0; MAX_PREFIX];
    bytes.get_mut(..prefix.len())?.copy_from_slice(prefix);
    (!prefix.is_empty()).then(|| Prefix::from_be_bytes(bytes))
}
