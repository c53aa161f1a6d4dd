//! The one form of a request's path that routing, plugins and upstreams see.
//!
//! A path is normal when it begins with `/`, has neither `.` segments nor repeated slashes,
//! and is escaped as RFC 3986, 6.2.2 says: unreserved characters plain, other escapes in
//! upper case. What upstreams are known to read differently is refused, never repaired:
//! `..`, encoded slashes and controls, backslashes. The query is left as it came.

use std::borrow::Cow;

use http::uri::PathAndQuery;

/// Why a target is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// It does not begin with a slash.
    NotOrigin,
    /// A byte that must not stand in a URI: a control, a space, non-ASCII, `#`.
    Byte,
    /// A `%` without two hex digits.
    Escape,
    /// An encoded slash or backslash, which some upstreams decode.
    EncodedSlash,
    /// A backslash, which some upstreams take for a slash.
    Backslash,
    /// An encoded control character.
    EncodedControl,
    /// A `..` segment, plain or encoded, perhaps with parameters (`..;x`).
    DotDot,
    /// It is longer than 65,534 bytes, or `http::Uri` cannot hold it.
    Invalid,
}

impl PathError {
    /// One sentence for the client. It holds nothing that the client sent.
    pub fn detail(&self) -> &'static str {
        match self {
            Self::NotOrigin => "the request target does not begin with a slash",
            Self::Byte => "the request target holds a byte that must be percent-encoded",
            Self::Escape => "the path holds a % that is not followed by two hex digits",
            Self::EncodedSlash => "the path holds an encoded slash or backslash",
            Self::Backslash => "the path holds a backslash",
            Self::EncodedControl => "the path holds an encoded control character",
            Self::DotDot => "the path holds a \"..\" segment",
            Self::Invalid => "the request target is not a valid path and query",
        }
    }
}

impl std::fmt::Display for PathError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for PathError {}

/// Normalises the path of an origin-form target, and leaves the query as it is.
///
/// # Errors
/// When the target is refused; see [`PathError`].
pub fn normalise(target: &str) -> Result<PathAndQuery, PathError> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    // `http` would silently cut off a fragment.
    let in_query = |b: u8| b.is_ascii_graphic() && b != b'#';
    if !query.unwrap_or_default().bytes().all(in_query) {
        return Err(PathError::Byte);
    }
    let path = match needs_work(path)? {
        true => Cow::Owned(rewrite(path)?),
        false => Cow::Borrowed(path),
    };
    let parsed = match (path, query) {
        (Cow::Borrowed(_), _) => PathAndQuery::try_from(target),
        (Cow::Owned(path), None) => PathAndQuery::try_from(path),
        (Cow::Owned(mut path), Some(query)) => {
            path.push('?');
            path.push_str(query);
            PathAndQuery::try_from(path)
        }
    };
    parsed.map_err(|_| PathError::Invalid)
}

/// The same for a target that `http` has parsed: a normal one is scanned once and given back as it is.
///
/// # Errors
/// When the target is refused; see [`PathError`].
pub fn normalise_parsed(target: PathAndQuery) -> Result<PathAndQuery, PathError> {
    if target.as_str().starts_with('/') {
        // `http` has refused the other bytes that must not stand in a query.
        if !target.query().unwrap_or_default().is_ascii() {
            return Err(PathError::Byte);
        }
        if !needs_work(target.path())? {
            return Ok(target);
        }
    }
    // `http://host?query` has a query only; its path is the root.
    match target.query() {
        Some(query) if target.as_str().starts_with('?') => normalise(&format!("/?{query}")),
        _ => normalise(target.as_str()),
    }
}

/// Whether a path, without its query, is acceptable but not normal.
///
/// # Errors
/// When the path is refused. A path that needs work is refused by [`normalise`] where an
/// encoded `..` shows only after decoding.
pub fn needs_work(path: &str) -> Result<bool, PathError> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(PathError::NotOrigin);
    }
    let mut work = false;
    for (at, byte) in bytes.iter().enumerate() {
        match CLASSES[usize::from(*byte)] {
            Class::Plain => {}
            Class::Slash => match bytes.get(at + 1..).unwrap_or_default() {
                [b'/', ..] => work = true,
                [b'.', rest @ ..] => work |= is_dot(rest)?,
                _ => {}
            },
            Class::Percent => {
                let (value, normal) = escape(bytes.get(at + 1..).unwrap_or_default())?;
                work |= !normal || is_unreserved(value);
            }
            Class::Backslash => return Err(PathError::Backslash),
            Class::Invalid => return Err(PathError::Byte),
        }
    }
    Ok(work)
}

/// The text of an escaped segment; escapes that are no UTF-8 stay as they are.
pub fn decode(segment: &str) -> Cow<'_, str> {
    if memchr::memchr(b'%', segment.as_bytes()).is_none() {
        return Cow::Borrowed(segment);
    }
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        match escape(tail) {
            Ok((value, _)) if *byte == b'%' => {
                decoded.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(segment), Cow::Owned)
}

#[derive(Clone, Copy)]
enum Class {
    Plain,
    Slash,
    Percent,
    Backslash,
    Invalid,
}

static CLASSES: [Class; 256] = {
    let mut table = [Class::Invalid; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = match byte {
            b'/' => Class::Slash,
            b'%' => Class::Percent,
            b'\\' => Class::Backslash,
            b'#' | b'?' => Class::Invalid,
            _ => Class::Plain,
        };
        byte += 1;
    }
    table
};

/// Whether a segment that began with a dot, and goes on with `rest`, is `.`.
fn is_dot(rest: &[u8]) -> Result<bool, PathError> {
    match rest {
        [] | [b'/', ..] => Ok(true),
        [b'.'] | [b'.', b'/' | b';', ..] => Err(PathError::DotDot),
        _ => Ok(false),
    }
}

/// The byte that two hex digits stand for, and whether they are in upper case.
fn escape(digits: &[u8]) -> Result<(u8, bool), PathError> {
    let [high, low, ..] = digits else {
        return Err(PathError::Escape);
    };
    let hex = |digit: u8| char::from(digit).to_digit(16).ok_or(PathError::Escape);
    let value = (hex(*high)? << 4 | hex(*low)?) as u8;
    match value {
        b'/' | b'\\' => Err(PathError::EncodedSlash),
        0..=0x1f | 0x7f => Err(PathError::EncodedControl),
        _ => {
            let normal = !high.is_ascii_lowercase() && !low.is_ascii_lowercase();
            Ok((value, normal))
        }
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The normal form of a path that [`needs_work`] let pass.
fn rewrite(path: &str) -> Result<String, PathError> {
    let mut normal = String::with_capacity(path.len());
    let mut ends_in_slash = false;
    for segment in path.split('/').skip(1) {
        let start = normal.len();
        normal.push('/');
        push_segment(&mut normal, segment)?;
        let text = normal.as_bytes().get(start + 1..).unwrap_or_default();
        let dot = match text {
            [b'.', rest @ ..] => is_dot(rest)?,
            _ => false,
        };
        ends_in_slash = dot || text.is_empty();
        if ends_in_slash {
            normal.truncate(start);
        }
    }
    if ends_in_slash {
        normal.push('/');
    }
    Ok(normal)
}

fn push_segment(normal: &mut String, segment: &str) -> Result<(), PathError> {
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once('%') {
        normal.push_str(before);
        let (value, _) = escape(after.as_bytes())?;
        let (digits, tail) = after.split_at_checked(2).ok_or(PathError::Escape)?;
        if is_unreserved(value) {
            normal.push(char::from(value));
        } else {
            normal.push('%');
            normal.extend(digits.chars().map(|c| c.to_ascii_uppercase()));
        }
        rest = tail;
    }
    normal.push_str(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_paths_have_one_form() {
        for (target, normal) in [
            ("/", "/"),
            ("/a/b?c=%2f", "/a/b?c=%2f"),
            ("//", "/"),
            ("/a//b///", "/a/b/"),
            ("/.", "/"),
            ("/./", "/"),
            ("/a/./b/.", "/a/b/"),
            ("/a/.//b", "/a/b"),
            ("/a/%2e/b", "/a/b"),
            ("/.a/..b/c..", "/.a/..b/c.."),
            ("/.../a", "/.../a"),
            ("/%7Eme/%41%2d%5f", "/~me/A-_"),
            ("/%c3%A4%20%3f", "/%C3%A4%20%3F"),
            ("/a%25%32%66", "/a%252f"),
            ("/a{b}|c;d=e@f:g", "/a{b}|c;d=e@f:g"),
            ("/?", "/?"),
            ("/a?b=../..//%zz\\", "/a?b=../..//%zz\\"),
        ] {
            assert_eq!(normalise(target).unwrap().as_str(), normal, "{target}");
        }
    }

    #[test]
    fn what_upstreams_read_differently_is_refused() {
        for (target, error) in [
            ("", PathError::NotOrigin),
            ("*", PathError::NotOrigin),
            ("a/b", PathError::NotOrigin),
            ("?a", PathError::NotOrigin),
            ("http://a/b", PathError::NotOrigin),
            ("/a b", PathError::Byte),
            ("/a\tb", PathError::Byte),
            ("/\u{e4}", PathError::Byte),
            ("/a#b", PathError::Byte),
            ("/a?b#c", PathError::Byte),
            ("/a?b c", PathError::Byte),
            ("/a?\u{e4}", PathError::Byte),
            ("/%", PathError::Escape),
            ("/%4", PathError::Escape),
            ("/%4/1", PathError::Escape),
            ("/%zz", PathError::Escape),
            ("/%+1", PathError::Escape),
            ("/a%2fb", PathError::EncodedSlash),
            ("/a%2Fb", PathError::EncodedSlash),
            ("/a%5cb", PathError::EncodedSlash),
            ("/a\\b", PathError::Backslash),
            ("/a%00", PathError::EncodedControl),
            ("/a%0d%0a", PathError::EncodedControl),
            ("/a%7f", PathError::EncodedControl),
            ("/..", PathError::DotDot),
            ("/a/../b", PathError::DotDot),
            ("/a/%2e%2E/b", PathError::DotDot),
            ("/a/.%2e", PathError::DotDot),
            ("/a/%2e.;x/b", PathError::DotDot),
            ("/a/..;/b", PathError::DotDot),
            ("/<a>", PathError::Invalid),
        ] {
            assert_eq!(normalise(target), Err(error), "{target}");
        }
        let long = format!("/{}", "a".repeat(70_000));
        assert_eq!(normalise(&long), Err(PathError::Invalid));
    }

    #[test]
    fn a_parsed_target_that_is_normal_is_given_back() {
        let target = PathAndQuery::from_static("/orders/7?x=//");
        let (at, len) = (target.as_str().as_ptr(), target.as_str().len());
        let normal = normalise_parsed(target).unwrap();
        assert_eq!((normal.as_str().as_ptr(), normal.as_str().len()), (at, len));

        for (uri, normal) in [
            ("http://a", "/"),
            ("http://a?b=c", "/?b=c"),
            ("http://a//b/.?c", "/b/?c"),
        ] {
            let parsed = uri.parse::<http::Uri>().unwrap().into_parts();
            let target = normalise_parsed(parsed.path_and_query.unwrap()).unwrap();
            assert_eq!(target.as_str(), normal, "{uri}");
        }
        let raw = "/a?\u{e4}".parse().unwrap();
        assert_eq!(normalise_parsed(raw), Err(PathError::Byte));
        let star = PathAndQuery::from_static("*");
        assert_eq!(normalise_parsed(star), Err(PathError::NotOrigin));
    }

    #[test]
    fn captures_are_decoded_to_text() {
        for (segment, text) in [
            ("plain", "plain"),
            ("a%20b%C3%A4", "a b\u{e4}"),
            ("%FF%20", "%FF%20"),
            ("100%25", "100%"),
            ("%4", "%4"),
        ] {
            assert_eq!(decode(segment), text);
        }
    }

    fn target() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "/", "/", "/", ".", "..", "a", "Z", "~", "%2e", "%41", "%7e", "%c3%a4", "%20", "%25",
            "%3B", "%zz", "%", ";", "?", "&", "=", "%2f", "\\", " ", "{", "|", "\u{e4}",
        ]);
        prop::collection::vec(piece, 0..14).prop_map(|pieces| format!("/{}", pieces.concat()))
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(target in target()) {
            if let Ok(once) = normalise(&target) {
                prop_assert_eq!(needs_work(once.path()), Ok(false));
                prop_assert_eq!(normalise(once.as_str()), Ok(once.clone()));
                prop_assert_eq!(once.query(), target.split_once('?').map(|(_, q)| q));
                for segment in once.path().split('/') {
                    prop_assert!(!matches!(&*decode(segment), "." | ".."));
                }
                prop_assert!(!once.path().contains("//"));
            }
        }

        #[test]
        fn a_parsed_target_has_the_same_form(target in target()) {
            if let Ok(parsed) = target.parse::<PathAndQuery>() {
                prop_assert_eq!(normalise_parsed(parsed), normalise(&target));
            }
        }

        #[test]
        fn arbitrary_text_never_panics(target: String) {
            let _ = normalise(&target);
            let _ = decode(&target);
        }
    }
}
