//! Edits of header lines, and what stood there before.

use http::header::{HeaderName, HeaderValue};

use super::{Rejected, is_reserved};
use crate::message::Headers;

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
    pub fn lines<'h>(&'h self, headers: &'h Headers) -> impl Iterator<Item = &'h HeaderValue> {
        headers.get_all(&self.0)
    }

    #[inline]
    pub(super) fn is_in(&self, headers: &Headers) -> bool {
        headers.contains_key(&self.0)
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.as_str().len()
    }

    pub(super) fn is_host(&self) -> bool {
        self.0 == http::header::HOST
    }
}

/// The lines that a name had before an edit, and where they stood.
#[derive(Debug)]
pub(super) enum Lines {
    /// What the edit added stands behind them, at the end.
    Kept,
    One(usize, HeaderValue),
    Several(Vec<(usize, HeaderValue)>),
}

impl Lines {
    /// About how much memory they take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Kept => 0,
            Self::One(_, value) => value.len(),
            Self::Several(lines) => lines.iter().map(|l| size_of_val(l) + l.1.len()).sum(),
        }
    }

    fn first(&self) -> usize {
        match self {
            Self::Kept => usize::MAX,
            Self::One(at, _) => *at,
            Self::Several(lines) => lines.first().map_or(usize::MAX, |(at, _)| *at),
        }
    }
}

/// One line instead of all of this name.
pub(super) fn set(
    headers: &mut Headers,
    name: &EditName,
    value: HeaderValue,
) -> Result<Lines, Rejected> {
    match remove(headers, name) {
        Some(old) => {
            headers.put(old.first(), name.0.clone(), value);
            Ok(old)
        }
        None => append(headers, name, value),
    }
}

/// One more line of this name.
pub(super) fn append(
    headers: &mut Headers,
    name: &EditName,
    value: HeaderValue,
) -> Result<Lines, Rejected> {
    if headers.len() >= MAX_LINES {
        return Err(Rejected::Refused);
    }
    headers.append(name.0.clone(), value);
    Ok(Lines::Kept)
}

/// No line of this name; nothing where there was none.
pub(super) fn remove(headers: &mut Headers, name: &EditName) -> Option<Lines> {
    let at = headers.position(&&name.0, 0)?;
    let (_, value) = headers.take(at)?;
    let mut next = headers.position(&&name.0, at);
    if next.is_none() {
        return Some(Lines::One(at, value));
    }
    let mut lines = vec![(at, value)];
    while let Some(at) = next
        && let Some((_, value)) = headers.take(at)
    {
        // Each stands as many places further up as were taken before it.
        lines.push((at + lines.len(), value));
        next = headers.position(&&name.0, at);
    }
    Some(Lines::Several(lines))
}

/// Puts the lines of one name back where they stood. There was room for them a moment ago.
pub(super) fn restore(headers: &mut Headers, name: &EditName, old: Lines) {
    match old {
        Lines::Kept => drop(headers.take(headers.len().saturating_sub(1))),
        Lines::One(at, value) => {
            headers.remove(&name.0);
            headers.put(at, name.0.clone(), value);
        }
        Lines::Several(lines) => {
            headers.remove(&name.0);
            for (at, value) in lines {
                headers.put(at, name.0.clone(), value);
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
    fn message() -> Headers {
        let mut headers = Headers::new();
        headers.append(name("a").0, value("1"));
        headers.append(name("b").0, value("2"));
        headers.append(name("b").0, value("3"));
        headers
    }

    #[test]
    fn every_edit_can_be_taken_back() {
        for at in ["a", "b", "c"] {
            let at = name(at);
            let mut headers = message();
            let old = set(&mut headers, &at, value("9")).unwrap();
            assert_eq!(headers.get_all(&at.0).count(), 1);
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
        let mut headers = Headers::new();
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
