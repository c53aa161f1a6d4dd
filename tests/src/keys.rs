//! Keys of consumers, as `sluice keys new` would make them.

use sha2::{Digest, Sha256};

/// A credential's TOML for this key: its public prefix and its digest.
#[must_use]
pub fn credential(id: &str, key: &str) -> String {
    format!(
        "{{ id = \"{id}\", prefix = \"{}\", sha256 = \"{}\" }}",
        prefix(key),
        sha256(key.as_bytes())
    )
}

/// `[consumers.NAME]` with one key.
#[must_use]
pub fn consumer(name: &str, key: &str) -> String {
    format!(
        "[consumers.{name}]\ncredentials = [{}]\n",
        credential(&format!("{name}-1"), key)
    )
}

/// The first eight characters, which are public.
#[must_use]
pub fn prefix(key: &str) -> &str {
    key.get(..8).unwrap_or(key)
}

/// The digest in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
