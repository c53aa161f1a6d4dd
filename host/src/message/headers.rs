//! The header lines of a message.

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};

/// Header lines in the order in which they came, those of one name among them (RFC 9110, 5.3).
///
/// A message has a dozen of them, and each is looked for once or twice: to go through a short
/// list costs less than to hash its names. Whoever fills it bounds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(HeaderName, HeaderValue)>);

/// What a line can be looked for by: a name as it is, or a text in any case.
pub trait Named {
    /// Whether this is the name of that line.
    fn is(&self, line: &HeaderName) -> bool;
}

impl Named for HeaderName {
    #[inline]
    fn is(&self, line: &HeaderName) -> bool {
        self == line
    }
}

impl Named for &HeaderName {
    #[inline]
    fn is(&self, line: &HeaderName) -> bool {
        *self == line
    }
}

impl Named for &str {
    #[inline]
    fn is(&self, line: &HeaderName) -> bool {
        line.as_str().eq_ignore_ascii_case(self)
    }
}

impl Headers {
    /// No lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// No lines, and room for some.
    pub fn with_capacity(lines: usize) -> Self {
        Self(Vec::with_capacity(lines))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All lines.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The names of all lines.
    #[inline]
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().map(|(name, _)| name)
    }

    /// The first line of this name.
    #[inline]
    pub fn get(&self, name: impl Named) -> Option<&HeaderValue> {
        self.iter().find(|line| name.is(line.0)).map(|line| line.1)
    }

    /// The lines of this name.
    #[inline]
    pub fn get_all(&self, name: impl Named) -> impl DoubleEndedIterator<Item = &HeaderValue> {
        self.iter()
            .filter(move |line| name.is(line.0))
            .map(|line| line.1)
    }

    /// Whether some line has this name.
    #[inline]
    pub fn contains_key(&self, name: impl Named) -> bool {
        self.names().any(|line| name.is(line))
    }

    /// Whether there is one `content-length`, and it says this (RFC 9110, 8.6).
    pub fn says_length(&self, length: u64) -> bool {
        let mut digits = itoa::Buffer::new();
        let mut said = self.get_all(CONTENT_LENGTH);
        said.next()
            .is_some_and(|first| first == digits.format(length))
            && said.next().is_none()
    }

    /// One more line.
    #[inline]
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.push((name, value));
    }

    /// One line instead of all of this name, in the place of the first.
    pub fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        let Some(at) = self.position(&name, 0) else {
            return self.append(name, value);
        };
        if let Some(line) = self.0.get_mut(at) {
            line.1 = value;
        }
        while let Some(more) = self.position(&name, at + 1) {
            self.0.remove(more);
        }
    }

    /// No line of this name. Gives the first of those that there were.
    pub fn remove(&mut self, name: impl Named) -> Option<HeaderValue> {
        let first = self.position(&name, 0)?;
        let (_, value) = self.0.remove(first);
        while let Some(more) = self.position(&name, first) {
            self.0.remove(more);
        }
        Some(value)
    }

    /// Keeps the lines whose names are accepted.
    pub fn retain(&mut self, mut keep: impl FnMut(&HeaderName) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    /// Where the next line of this name stands, from the place `from` on.
    #[inline]
    pub fn position(&self, name: &impl Named, from: usize) -> Option<usize> {
        let mut rest = self.0.get(from..)?.iter();
        rest.position(|line| name.is(&line.0)).map(|at| from + at)
    }

    /// Takes out the line at this place, if there is one.
    pub fn take(&mut self, at: usize) -> Option<(HeaderName, HeaderValue)> {
        (at < self.0.len()).then(|| self.0.remove(at))
    }

    /// Puts a line in this place, or at the end where there are fewer.
    pub fn put(&mut self, at: usize, name: HeaderName, value: HeaderValue) {
        self.0.insert(at.min(self.0.len()), (name, value));
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Headers {
    fn from_iter<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(lines: I) -> Self {
        Self(Vec::from_iter(lines))
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        let mut headers = Self::with_capacity(map.len());
        let mut last = None;
        for (name, value) in map {
            // Of several lines of one name, the map names the first only.
            last = name.or(last);
            if let Some(name) = last.clone() {
                headers.append(name, value);
            }
        }
        headers
    }
}

impl From<Headers> for HeaderMap {
    fn from(headers: Headers) -> Self {
        let mut map = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers.0 {
            // Only a map of 32,768 names refuses one more.
            let _ = map.try_append(name, value);
        }
        map
    }
}

#[cfg(test)]
impl std::ops::Index<&str> for Headers {
    type Output = HeaderValue;

    fn index(&self, name: &str) -> &HeaderValue {
        self.get(name).expect("a line of this name")
    }
}

#[cfg(test)]
mod tests {
    use http::header;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> Headers {
        let line = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn lines_are_found_by_name_in_any_case() {
        let headers = headers(&[("a", "1"), ("content-type", "2"), ("a", "3")]);
        assert_eq!(headers.get("A").unwrap(), "1");
        assert_eq!(headers.get(header::CONTENT_TYPE).unwrap(), "2");
        assert!(headers.contains_key("Content-Type"));
        assert!(!headers.contains_key("content-typ"));
        let all: Vec<_> = headers.get_all("a").collect();
        assert_eq!(all, ["1", "3"]);
    }

    #[test]
    fn what_is_set_stands_in_the_place_of_the_first() {
        let mut lines = headers(&[("a", "1"), ("b", "2"), ("b", "3"), ("c", "4"), ("b", "5")]);
        lines.insert(HeaderName::from_static("b"), HeaderValue::from_static("9"));
        assert_eq!(lines, headers(&[("a", "1"), ("b", "9"), ("c", "4")]));
        lines.insert(HeaderName::from_static("d"), HeaderValue::from_static("8"));
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn a_length_is_said_once_or_not_at_all() {
        let length = ("content-length", "5");
        assert!(headers(&[("a", "1"), length]).says_length(5));
        assert!(!headers(&[length]).says_length(4));
        assert!(!headers(&[length, length]).says_length(5));
        assert!(!headers(&[("a", "5")]).says_length(5));
    }

    #[test]
    fn all_lines_of_a_name_are_removed() {
        let mut lines = headers(&[("b", "2"), ("b", "3"), ("c", "4"), ("b", "5")]);
        assert_eq!(lines.remove("B").unwrap(), "2");
        assert_eq!(lines, headers(&[("c", "4")]));
        assert_eq!(lines.remove("b"), None);
    }

    proptest! {
        #[test]
        fn a_map_and_back_keeps_the_lines_of_each_name_in_order(
            lines in proptest::collection::vec((0..4_usize, 0..9_usize), 0..20)
        ) {
            const NAMES: [&str; 4] = ["accept", "x-a", "x-b", "cookie"];
            const VALUES: [&str; 9] = ["0", "1", "2", "3", "4", "5", "6", "7", "8"];
            let lines: Vec<_> = lines.iter().map(|(n, v)| (NAMES[*n], VALUES[*v])).collect();
            let before = headers(&lines);
            let after = Headers::from(HeaderMap::from(before.clone()));
            prop_assert_eq!(before.len(), after.len());
            for name in NAMES {
                let of = |headers: &Headers| headers.get_all(name).cloned().collect::<Vec<_>>();
                prop_assert_eq!(of(&before), of(&after));
            }
        }
    }
}
