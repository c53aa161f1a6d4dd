//! Requests that go to a certain variant, whatever the weights.

use std::cell::OnceCell;

use sluice_plugin::prelude::*;

use crate::cookie;

/// A condition, and where its requests go.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) condition: Condition,
    pub(crate) variant: usize,
}

/// What a request must have. Without a value, being there is enough.
#[derive(Debug)]
pub(crate) enum Condition {
    Header(String, Option<String>),
    Query(String, Option<String>),
    Cookie(String, Option<String>),
    Group(String),
}

/// What has been asked of the gateway for this request, once for all rules.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    caller: OnceCell<Option<Caller>>,
    cookies: OnceCell<Vec<Vec<u8>>>,
    query: OnceCell<Option<String>>,
}

impl Facts {
    pub(crate) fn caller(&mut self, request: &Request) -> Option<&Caller> {
        self.caller.get_or_init(|| request.caller()).as_ref()
    }

    /// The lines that carry cookies.
    pub(crate) fn cookies(&mut self, request: &Request) -> &[Vec<u8>] {
        self.cookies.get_or_init(|| request.header_values("cookie"))
    }

    fn query(&mut self, request: &Request) -> &str {
        let query = self.query.get_or_init(|| request.query());
        query.as_deref().unwrap_or_default()
    }
}

impl Rule {
    pub(crate) fn holds(&self, request: &Request, facts: &mut Facts) -> bool {
        match &self.condition {
            Condition::Header(name, None) => request.has_header(name),
            Condition::Header(name, Some(value)) => {
                let values = request.header_values(name);
                values.iter().any(|found| found == value.as_bytes())
            }
            Condition::Query(name, value) => {
                let mut pairs = facts.query(request).split('&').map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                });
                pairs.any(|(n, v)| n == name.as_bytes() && is(&v, value.as_deref()))
            }
            Condition::Cookie(name, value) => {
                let mut found = cookie::values(facts.cookies(request), name);
                found.any(|v| is(v, value.as_deref()))
            }
            Condition::Group(group) => {
                let caller = facts.caller(request);
                caller.is_some_and(|caller| caller.groups.contains(group))
            }
        }
    }
}

fn is(found: &[u8], expected: Option<&str>) -> bool {
    expected.is_none_or(|expected| found == expected.as_bytes())
}

/// Without percent-encoding, and with spaces for plus signs, as forms write
/// them. An incomplete escape stays as it is.
fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            out.push(high << 4 | low);
            rest = after.get(2..).unwrap_or_default();
        } else {
            out.push(if *first == b'+' { b' ' } else { *first });
            rest = after;
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::decoded;

    #[test]
    fn escapes_are_resolved_and_broken_ones_stay() {
        for (text, expected) in [
            ("a+b%20c", "a b c"),
            ("%2B%2b", "++"),
            ("%", "%"),
            ("%2", "%2"),
            ("%zz%41", "%zzA"),
        ] {
            assert_eq!(decoded(text), expected.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn decoding_is_total_and_never_longer(text: String) {
            prop_assert!(decoded(&text).len() <= text.len());
        }
    }
}
