//! The names of keys: `PREFIX:{NAMESPACE/KEY}:REST`. What stands in the braces
//! decides on the slot of a cluster, so all that one call touches is in one slot.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::store::limit::{Algorithm, Limit, Window};

/// Keys up to here are shown as they are where they can be.
const READABLE: usize = 64;

/// The name of a value that a plugin reads and somebody else writes; `prefix` is
/// the store's.
#[must_use]
pub fn value_name(prefix: &str, plugin: &str, key: &str) -> String {
    Names::new(prefix).value(plugin, key.as_bytes())
}

/// Names the keys of one store.
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// The counter of a limit. The window stands in it, so another one starts anew.
    pub(super) fn counter(&self, namespace: &str, key: &[u8], limit: &Limit) -> String {
        let mut name = self.beginning(namespace, key);
        escape(&mut name, limit.name.as_bytes());
        let algorithm = match limit.algorithm {
            Algorithm::SlidingWindow => "sliding",
            Algorithm::FixedWindow => "fixed",
            Algorithm::TokenBucket => "bucket",
        };
        // Writing to a string cannot fail.
        let _ = match limit.window {
            Window::Ms(ms) => write!(name, ":{algorithm}:{ms}"),
            Window::Day => write!(name, ":{algorithm}:day"),
            Window::Week => write!(name, ":{algorithm}:week"),
            Window::Month => write!(name, ":{algorithm}:month"),
        };
        name
    }

    /// A value.
    pub(super) fn value(&self, namespace: &str, key: &[u8]) -> String {
        // No limit's name is empty, so no counter has this name.
        let mut name = self.beginning(namespace, key);
        name.push_str(":value");
        name
    }

    fn beginning(&self, namespace: &str, key: &[u8]) -> String {
        let mut name = String::with_capacity(self.prefix.len() + namespace.len() + 64);
        name.push_str(&self.prefix);
        name.push_str(":{");
        escape(&mut name, namespace.as_bytes());
        name.push('/');
        if key.len() <= READABLE && key.iter().all(|byte| is_plain(*byte)) {
            name.push_str(&String::from_utf8_lossy(key));
        } else {
            name.push('#');
            for byte in Sha256::digest(key) {
                let _ = write!(name, "{byte:02x}");
            }
        }
        name.push_str("}:");
        name
    }
}

/// Neither `#`, `{`, `}` nor `%`, which mean something in a name.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.:=@|/".contains(&byte)
}

fn escape(to: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(byte) {
            to.push(char::from(*byte));
        } else {
            let _ = write!(to, "%{byte:02x}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(name: &str) -> Limit {
        Limit {
            name: name.into(),
            amount: 1,
            window: Window::Ms(60_000),
            algorithm: Algorithm::SlidingWindow,
            burst: 0,
        }
    }

    #[test]
    fn an_operator_can_read_what_is_counted() {
        let names = Names::new("sluice");
        assert_eq!(
            names.counter("orders-quota", b"acme", &limit("per minute")),
            "sluice:{orders-quota/acme}:per%20minute:sliding:60000"
        );
        assert_eq!(names.value("s", b"k"), "sluice:{s/k}::value");
    }

    proptest! {
        #[test]
        fn what_differs_has_different_names(
            a in ("[a-c/%}:]{0,4}", prop::collection::vec(prop::sample::select(&b"abc/#}{%:\x00"[..]), 0..5)),
            b in ("[a-c/%}:]{0,4}", prop::collection::vec(prop::sample::select(&b"abc/#}{%:\x00"[..]), 0..5)),
        ) {
            let names = Names::new("p");
            let of = |(namespace, key): &(String, Vec<u8>)| names.counter(namespace, key, &limit("l"));
            prop_assert_eq!(a == b, of(&a) == of(&b));
        }

        #[test]
        fn one_call_stays_in_one_slot_of_a_cluster(key in prop::collection::vec(any::<u8>(), 0..100)) {
            let names = Names::new("p");
            let tag = |name: &str| {
                let from = name.find('{').unwrap();
                let to = from + name[from..].find('}').unwrap();
                name[from..to].to_owned()
            };
            let (one, two) = (names.counter("n", &key, &limit("a}")), names.value("n", &key));
            prop_assert_eq!(tag(&one), tag(&two));
        }
    }
}
