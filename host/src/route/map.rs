//! A hash map for text that the configuration names.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Keyed by text of the configuration. Requests only look keys up, so a client that makes
/// hashes collide gains nothing, and the hash can be a cheap one.
pub(super) type TextMap<V> = HashMap<Box<str>, V, BuildHasherDefault<TextHasher>>;

/// Multiplies eight bytes at a time into the state.
#[derive(Debug, Default)]
pub(super) struct TextHasher(u64);

/// 2^64 divided by the golden ratio, odd.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl TextHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for TextHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((block, tail)) = rest.split_first_chunk::<8>() {
            self.add(u64::from_le_bytes(*block));
            rest = tail;
        }
        let tail = rest
            .iter()
            .rev()
            .fold(0, |word, b| word << 8 | u64::from(*b));
        self.add(tail | (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, _: u8) {
        // `str` ends its hash with a marker; `write` has the length already.
    }

    fn finish(&self) -> u64 {
        // The product's high bits are the good ones, and the map looks at both ends.
        self.0 ^ self.0 >> 32
    }
}
