//! What a user is known by, so that the same user gets the same variant.

use sluice_plugin::Config;
use sluice_plugin::config::{Reader, Schema, Value};

/// The value of `sticky`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sticky {
    None,
    Consumer,
    ClientAddress,
    Header(String),
    Cookie(String),
}

const EXPECTED: &str =
    "\"none\", \"consumer\", \"client-address\", \"header:NAME\" or \"cookie:NAME\"";

impl Config for Sticky {
    fn schema(out: &mut Schema) {
        out.keywords(
            r#""type":"string","pattern":"^(none|consumer|client-address|(header|cookie):.+)$""#,
        );
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let Some(text) = value.as_str() else {
            at.expected(EXPECTED, value);
            return None;
        };
        let read = match (text, text.split_once(':')) {
            ("none", _) => Some(Self::None),
            ("consumer", _) => Some(Self::Consumer),
            ("client-address", _) => Some(Self::ClientAddress),
            (_, Some(("header", name))) => is_token(name).then(|| Self::Header(name.to_owned())),
            (_, Some(("cookie", name))) => is_token(name).then(|| Self::Cookie(name.to_owned())),
            _ => None,
        };
        if read.is_none() {
            at.problem(["expected ", EXPECTED].concat());
        }
        read
    }
}

/// Whether this can be the name of a header (RFC 9110, 5.1) or a cookie (RFC 6265, 4.1.1).
pub(crate) fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}
