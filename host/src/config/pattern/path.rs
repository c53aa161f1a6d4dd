//! `match.path`: `/exact`, `/prefix/*`, `/orders/{id}`, in the form that requests are normalised to.

use std::fmt::Write;

use super::super::model::{PathPattern, Segment};

/// Longer patterns are refused, in bytes.
const LONGEST: usize = 2048;

/// Reads a path pattern. Literals are normalised as the paths of requests are:
/// unreserved characters (RFC 3986, 2.3) are decoded, other escapes are upper
/// case, and what a URI cannot hold is escaped. A slash at the end of an exact
/// path is a last, empty literal.
pub(in super::super) fn path(text: &str) -> Result<PathPattern, String> {
    if text.len() > LONGEST {
        return Err(format!("a path has at most {LONGEST} bytes"));
    }
    let Some(inner) = text.strip_prefix('/') else {
        return Err("a path begins with `/`".to_owned());
    };
    let (inner, prefix) = match inner.strip_suffix('*') {
        Some("") => {
            return Ok(PathPattern {
                segments: Vec::new(),
                prefix: true,
            });
        }
        Some(before) => match before.strip_suffix('/') {
            Some(before) => (before, true),
            None => return Err(STAR.to_owned()),
        },
        None => (inner, false),
    };
    let mut segments: Vec<Segment> = Vec::new();
    let mut rest = inner.split('/').peekable();
    while let Some(part) = rest.next() {
        let last = rest.peek().is_none();
        if part.is_empty() && (prefix || !last) {
            return Err("a path has no empty segments, requests' `//` become `/`".to_owned());
        }
        let segment = segment(part)?;
        if matches!(segment, Segment::Capture(_)) && segments.contains(&segment) {
            return Err("two captures have the same name".to_owned());
        }
        segments.push(segment);
    }
    Ok(PathPattern { segments, prefix })
}

const STAR: &str = "`*` can only be the whole last segment, as in `/orders/*`";

fn segment(part: &str) -> Result<Segment, String> {
    if let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
        let valid = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if (1..=64).contains(&name.len()) && name.bytes().all(valid) {
            return Ok(Segment::Capture(name.to_owned()));
        }
        return Err("a capture is `{name}`, of 1 to 64 letters, digits, `_`, `-`".to_owned());
    }
    if part.contains(['{', '}']) {
        return Err("a capture is a whole segment, as in `/orders/{id}`".to_owned());
    }
    let literal = literal(part)?;
    if literal == "." || literal == ".." {
        return Err("a path has no segments `.` and `..`".to_owned());
    }
    Ok(Segment::Literal(literal))
}

fn literal(part: &str) -> Result<String, String> {
    let mut normal = String::with_capacity(part.len());
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = (bytes.next().and_then(hex), bytes.next().and_then(hex));
                let (Some(high), Some(low)) = digits else {
                    return Err("`%` is followed by two hex digits".to_owned());
                };
                match high << 4 | low {
                    b'/' | b'\\' => {
                        return Err("requests with an encoded slash are refused".to_owned());
                    }
                    code if code.is_ascii_control() => {
                        return Err("requests with control characters are refused".to_owned());
                    }
                    code if unreserved(code) => normal.push(char::from(code)),
                    code => escape(&mut normal, code),
                }
            }
            b'*' => return Err(STAR.to_owned()),
            b'?' => return Err("a path has no query: use `query`".to_owned()),
            b'#' => return Err("a path has no fragment".to_owned()),
            b'\\' => return Err("requests with a backslash are refused".to_owned()),
            byte if byte.is_ascii_control() => {
                return Err("a path has no control characters".to_owned());
            }
            byte if byte == b' ' || !byte.is_ascii() => escape(&mut normal, byte),
            byte => normal.push(char::from(byte)),
        }
    }
    Ok(normal)
}

fn escape(text: &mut String, byte: u8) {
    // Writing to a String does not fail.
    let _ = write!(text, "%{byte:02X}");
}

fn hex(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::model::{PathPattern, Segment};
    use super::path;

    fn pattern(segments: &[&str], prefix: bool) -> Result<PathPattern, String> {
        let segments = segments.iter().map(|text| match text.strip_prefix(':') {
            Some(name) => Segment::Capture(name.to_owned()),
            None => Segment::Literal((*text).to_owned()),
        });
        Ok(PathPattern {
            segments: segments.collect(),
            prefix,
        })
    }

    #[test]
    fn paths_are_read_in_the_form_of_requests() {
        assert_eq!(path("/"), pattern(&[""], false));
        assert_eq!(path("/*"), pattern(&[], true));
        assert_eq!(path("/a"), pattern(&["a"], false));
        assert_eq!(path("/a/"), pattern(&["a", ""], false));
        assert_eq!(path("/a/*"), pattern(&["a"], true));
        assert_eq!(path("/a/{id}"), pattern(&["a", ":id"], false));
        assert_eq!(path("/a/{id}/*"), pattern(&["a", ":id"], true));
        assert_eq!(
            path("/%7euser/%c3%a9"),
            pattern(&["~user", "%C3%A9"], false)
        );
        assert_eq!(path("/é b"), pattern(&["%C3%A9%20b"], false));
    }

    #[test]
    fn what_no_request_can_match_is_refused() {
        let table = [
            "",
            "a",
            "//",
            "/a//b",
            "/a//*",
            "//*",
            "/..",
            "/a/../b",
            "/%2e%2E/b",
            "/.",
            "/{",
            "/{}",
            "/{a",
            "/a}",
            "/x-{id}",
            "/{a}/{a}",
            "/{a b}",
            "/a*",
            "/*/a",
            "/a/*/",
            "/**",
            "/%2F",
            "/%5c",
            "/%00",
            "/%",
            "/%4",
            "/%zz",
            "/a?b",
            "/a#b",
            "/a\\b",
            "/a\tb",
        ];
        for text in table {
            assert!(path(text).is_err(), "{text}");
        }
        assert!(path(&format!("/{}", "a".repeat(5000))).is_err());
    }

    proptest! {
        #[test]
        fn a_normalised_path_stays_itself(text in "/[a-c/%0-9A-F{}*.é ]{0,20}") {
            if let Ok(read) = path(&text) {
                let mut written: String = read.segments.iter().map(|segment| match segment {
                    Segment::Literal(text) => format!("/{text}"),
                    Segment::Capture(name) => format!("/{{{name}}}"),
                }).collect();
                if read.prefix {
                    written.push_str("/*");
                }
                prop_assert_eq!(path(&written), Ok(read));
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = path(&text);
        }
    }
}
