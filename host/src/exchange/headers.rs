//! Edits of header lines, and what stood there before.

use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};

use super::{Rejected, is_reserved};

/// Header lines in one message, after edits.
const MAX_LINES: usize = 256;

/// Names that plugins set in many exchanges. A name without a count of its
/// copies is copied, and dropped, in less time.
const OFTEN_SET: [&str; 11] = [
    "x-consumer-id",
    "x-consumer-groups",
    "x-credential-id",
    "x-anonymous-consumer",
    "x-api-key",
    "apikey",
    "ratelimit",
    "ratelimit-policy",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
];

/// The name of a header that plugins may edit. Parsing one costs more than an
/// edit, so callers keep those that they meet again.
#[derive(Debug, Clone)]
pub struct EditName(HeaderName);

impl EditName {
    /// Checks a name, in any case.
    pub fn parse(name: &str) -> Result<Self, Rejected> {
        let often = OFTEN_SET
            .iter()
            .find(|often| often.eq_ignore_ascii_case(name));
        if let Some(often) = often {
            return Ok(Self(HeaderName::from_static(often)));
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Rejected::Invalid)?;
        if is_reserved(&name) {
            return Err(Rejected::Reserved);
        }
        Ok(Self(name))
    }

    /// The values of all lines of this name.
    pub fn lines<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h HeaderValue> {
        headers.get_all(&self.0).iter()
    }

    #[inline]
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(&self.0)
    }

    pub(super) fn is_host(&self) -> bool {
        self.0 == http::header::HOST
    }
}

/// The lines that a name had.
#[derive(Debug)]
pub(super) enum Lines {
    None,
    One(HeaderValue),
    Several(Vec<HeaderValue>),
}

impl Lines {
    fn of(mut lines: impl Iterator<Item = HeaderValue>) -> Self {
        match (lines.next(), lines.next()) {
            (None, _) => Lines::None,
            (Some(line), None) => Lines::One(line),
            (Some(first), Some(second)) => {
                Lines::Several([first, second].into_iter().chain(lines).collect())
            }
        }
    }
}

/// One line instead of all of this name.
pub(super) fn set(
    headers: &mut HeaderMap,
    name: &EditName,
    value: HeaderValue,
) -> Result<Lines, Rejected> {
    let lines = headers.len();
    match headers.try_entry(&name.0).map_err(|_| Rejected::Refused)? {
        Entry::Occupied(mut entry) => Ok(Lines::of(entry.insert_mult(value))),
        Entry::Vacant(_) if lines >= MAX_LINES => Err(Rejected::Refused),
        Entry::Vacant(entry) => {
            entry.try_insert(value).map_err(|_| Rejected::Refused)?;
            Ok(Lines::None)
        }
    }
}

/// One more line of this name.
pub(super) fn append(
    headers: &mut HeaderMap,
    name: &EditName,
    value: HeaderValue,
) -> Result<Lines, Rejected> {
    if headers.len() >= MAX_LINES {
        return Err(Rejected::Refused);
    }
    match headers.try_entry(&name.0).map_err(|_| Rejected::Refused)? {
        Entry::Occupied(mut entry) => {
            let old = Lines::of(entry.iter().cloned());
            entry.append(value);
            Ok(old)
        }
        Entry::Vacant(entry) => {
            entry.try_insert(value).map_err(|_| Rejected::Refused)?;
            Ok(Lines::None)
        }
    }
}

/// No line of this name; nothing where there was none.
pub(super) fn remove(headers: &mut HeaderMap, name: &EditName) -> Option<Lines> {
    let mut lines = headers.get_all(&name.0).iter();
    lines.next()?;
    if lines.next().is_none() {
        return headers.remove(&name.0).map(Lines::One);
    }
    let old = Lines::of(headers.get_all(&name.0).iter().cloned());
    headers.remove(&name.0);
    Some(old)
}

/// Puts the lines of one name back. There was room for them a moment ago.
pub(super) fn restore(headers: &mut HeaderMap, name: &EditName, old: Lines) {
    match old {
        Lines::None => drop(headers.remove(&name.0)),
        Lines::One(value) => drop(headers.try_insert(&name.0, value)),
        Lines::Several(values) => {
            headers.remove(&name.0);
            for value in values {
                let _ = headers.try_append(&name.0, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> EditName {
        EditName::parse(name).unwrap()
    }

    fn value(value: &str) -> HeaderValue {
        value.parse().unwrap()
    }

    /// `a: 1`, `b: 2`, `b: 3`
    fn message() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.append("a", value("1"));
        headers.append("b", value("2"));
        headers.append("b", value("3"));
        headers
    }

    #[test]
    fn every_edit_can_be_taken_back() {
        for at in ["a", "b", "c"] {
            let at = name(at);
            let mut headers = message();
            let old = set(&mut headers, &at, value("9")).unwrap();
            assert_eq!(headers.get_all(&at.0).iter().count(), 1);
            restore(&mut headers, &at, old);
            assert_eq!(headers, message());
            let old = append(&mut headers, &at, value("9")).unwrap();
            assert_eq!(headers.len(), 4);
            restore(&mut headers, &at, old);
            assert_eq!(headers, message());
            if let Some(old) = remove(&mut headers, &at) {
                assert!(!headers.contains_key(&at.0));
                restore(&mut headers, &at, old);
            }
            assert_eq!(headers, message());
        }
    }

    #[test]
    fn a_message_has_a_largest_number_of_lines() {
        let mut headers = HeaderMap::new();
        let mut add = |n: usize| set(&mut headers, &name(&format!("x-{n}")), value("1"));
        assert!((0..MAX_LINES).all(|n| add(n).is_ok()));
        assert_eq!(add(MAX_LINES).err(), Some(Rejected::Refused));
        assert!(add(0).is_ok(), "one line instead of another");
    }

    #[test]
    fn names_that_are_set_often_are_names_like_others() {
        for often in OFTEN_SET {
            let parsed = HeaderName::from_bytes(often.as_bytes()).unwrap();
            assert_eq!(name(often).0, parsed);
            assert_eq!(name(&often.to_uppercase()).0, parsed);
            assert!(!is_reserved(&parsed));
        }
    }

    #[test]
    fn names_of_the_host_are_not_for_plugins() {
        assert_eq!(
            EditName::parse("Transfer-Encoding").err(),
            Some(Rejected::Reserved)
        );
        assert_eq!(EditName::parse("a b").err(), Some(Rejected::Invalid));
        assert_eq!(EditName::parse("").err(), Some(Rejected::Invalid));
    }
}
