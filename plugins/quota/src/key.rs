//! What a request is counted by, as one text.
//!
//! Each part is a letter for its kind, its length, and itself. So no two lists
//! of parts make the same text, and what a client writes in a header is never
//! taken for a consumer.

use sha2::{Digest, Sha256};
use sluice_plugin::prelude::*;

use crate::options::Fallback;
use crate::values::Part;

/// Longer keys are counted by their digest, in bytes.
const LONGEST: usize = 512;

/// How a request is counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Counted<'p> {
    By(String),
    /// It is not.
    Not,
    /// It cannot be: this part is missing.
    Without(&'p Part),
}

/// The key of a request.
pub(crate) fn counted<'p>(by: &'p [Part], fallback: Fallback, request: &Request) -> Counted<'p> {
    let mut key = String::with_capacity(64);
    for part in by {
        if add(&mut key, part, request) {
            continue;
        }
        match fallback {
            Fallback::ClientAddress => push(&mut key, 'a', &context::client_address()),
            Fallback::Reject => return Counted::Without(part),
            Fallback::Skip => return Counted::Not,
        }
    }
    if key.len() > LONGEST {
        key = digest('#', key.as_bytes());
    }
    Counted::By(key)
}

/// Adds a part; whether the request has it.
fn add(key: &mut String, part: &Part, request: &Request) -> bool {
    match part {
        Part::Consumer => match request.caller_id() {
            Some(consumer) => push(key, 'c', &consumer),
            None => return false,
        },
        Part::Credential => match request.caller_credential() {
            Some(credential) => push(key, 'k', &credential),
            None => return false,
        },
        Part::ClientAddress => push(key, 'a', &context::client_address()),
        Part::Path => push(key, 'p', &request.path()),
        Part::Route => push(key, 'r', &context::route()),
        Part::Upstream => push(key, 'u', &request.chosen_upstream()),
        // An empty header says as much as none.
        Part::Header(name) => match request.header(name).filter(|value| !value.is_empty()) {
            Some(value) => match std::str::from_utf8(&value) {
                Ok(text) => push(key, 'h', text),
                Err(_) => push(key, 'x', &digest('x', &value)),
            },
            None => return false,
        },
    }
    true
}

fn push(key: &mut String, kind: char, text: &str) {
    key.push(kind);
    key.push_str(itoa::Buffer::new().format(text.len()));
    key.push(':');
    key.push_str(text);
}

/// SHA-256 in hexadecimal, after a mark.
fn digest(mark: char, bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::from(mark);
    for byte in Sha256::digest(bytes) {
        text.extend([byte >> 4, byte & 15].map(|half| char::from(HEX[usize::from(half)])));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_two_lists_of_values_make_the_same_key(
            a in prop::collection::vec("[ah12:]{0,5}", 0..4),
            b in prop::collection::vec("[ah12:]{0,5}", 0..4),
        ) {
            let key = |values: &[String]| {
                let mut key = String::new();
                values.iter().for_each(|value| push(&mut key, 'h', value));
                key
            };
            prop_assert_eq!(key(&a) == key(&b), a == b);
        }
    }
}
