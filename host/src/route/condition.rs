//! What a route asks of a request besides host and path.

use http::HeaderName;

use super::Lookup;
use crate::config::model::{Condition, Matcher};

/// The first condition that a request does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmet<'a> {
    Method,
    Header(&'a HeaderName),
    Query(&'a str),
}

/// Whether a request meets all conditions.
pub(super) fn check<'a>(matcher: &'a Matcher, lookup: &Lookup<'_>) -> Result<(), Unmet<'a>> {
    if !matcher.methods.is_empty() && !matcher.methods.contains(lookup.method) {
        return Err(Unmet::Method);
    }
    for (name, condition) in &matcher.headers {
        let met = lookup
            .headers
            .get(name)
            .is_some_and(|value| match condition {
                Condition::Present => true,
                Condition::Equals(text) => value.as_bytes() == text.as_bytes(),
            });
        if !met {
            return Err(Unmet::Header(name));
        }
    }
    for (name, condition) in &matcher.query {
        let value = parameter(lookup.query.unwrap_or_default(), name);
        let met = value.is_some_and(|value| match condition {
            Condition::Present => true,
            Condition::Equals(text) => reads(value, text),
        });
        if !met {
            return Err(Unmet::Query(name));
        }
    }
    Ok(())
}

/// The first parameter of this name, as it was sent.
fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find_map(|(found, value)| reads(found, name).then_some(value))
}

/// Whether this part of a query means `text`. A `%` without two hex digits means itself.
fn reads(part: &str, text: &str) -> bool {
    let mut rest = part.as_bytes();
    let decoded = std::iter::from_fn(|| {
        let (byte, tail) = rest.split_first()?;
        rest = tail;
        Some(match (byte, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, tail @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = tail;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => *byte,
        })
    });
    decoded.eq(text.bytes())
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_decoded() {
        assert!(reads("a%20b+c%2B", "a b c+"));
        assert!(reads("%C3%a4", "\u{e4}"));
        assert!(reads("100%", "100%"));
        assert!(reads("%zz%4", "%zz%4"));
        assert!(!reads("a", "ab"));
        assert!(!reads("ab", "a"));
    }

    #[test]
    fn the_first_parameter_of_a_name_counts() {
        assert_eq!(parameter("a=1&b=2&a=3", "a"), Some("1"));
        assert_eq!(parameter("&&%61=x", "a"), Some("x"));
        assert_eq!(parameter("a", "a"), Some(""));
        assert_eq!(parameter("a==", "a"), Some("="));
        assert_eq!(parameter("ab=1", "a"), None);
        assert_eq!(parameter("", ""), None);
    }
}
