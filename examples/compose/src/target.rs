//! Where a part is asked: `orders:/api/{id}`, with captures of the route in braces.

use sluice_plugin::prelude::*;

const EXPECTED: &str = "expected UPSTREAM:/path or https://HOST/path, with captures of the route in braces, \
     such as \"orders:/api/{id}\"";

/// A target with holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// `UPSTREAM:` or `https://HOST`
    callee: String,
    /// Path and query.
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Capture(String),
}

/// Why there is no target for a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The route captures nothing under this name: the configuration is wrong.
    Capture(String),
    /// What the client sent would lead to another path.
    Path,
}

impl Target {
    /// The error is for the operator.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected = || EXPECTED.to_owned();
        let (who, after) = text.split_once(':').ok_or_else(expected)?;
        let visible = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        let host = after.strip_prefix("//").filter(|_| is_scheme(who));
        let (who, rest) = match host.map(|host| host.find('/').unwrap_or(host.len())) {
            Some(end) => (after.get(2..2 + end), after.get(2 + end..)),
            None => (Some(who), Some(after)),
        };
        let (who, rest) = who.zip(rest).ok_or_else(expected)?;
        if who.is_empty() || who.contains(['{', '}', '/']) {
            return Err(expected());
        }
        if !rest.starts_with('/') || rest.starts_with("//") {
            return Err(expected());
        }
        if !visible(text) || rest.contains('#') {
            return Err("expected visible ASCII without `#`".to_owned());
        }
        let callee = text.strip_suffix(rest).ok_or_else(expected)?.to_owned();
        let mut pieces = Vec::new();
        let mut rest = rest;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after
                .split_once('}')
                .ok_or("a `{` without its `}`: expected {NAME}")?;
            if name.is_empty() || name.contains('{') || before.contains('}') {
                return Err("expected the name of a capture between braces".to_owned());
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Capture(name.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err("a `}` without its `{`: expected {NAME}".to_owned());
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { callee, pieces })
    }

    /// The target of one request. What is captured stays one segment of the
    /// path, or one value of the query, whatever the client sent.
    pub(crate) fn fill(&self, capture: impl Fn(&str) -> Option<String>) -> Result<String, Missing> {
        let mut path = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Capture(name) => match capture(name) {
                    Some(value) => encode(&value, &mut path),
                    None => return Err(Missing::Capture(name.clone())),
                },
            }
        }
        let only_path = path.split('?').next().unwrap_or_default();
        if only_path.split('/').any(|s| matches!(s, "." | "..")) {
            return Err(Missing::Path);
        }
        path.insert_str(0, &self.callee);
        Ok(path)
    }
}

/// Of what is no upstream.
fn is_scheme(text: &str) -> bool {
    matches!(text, "https" | "http")
}

/// Percent-encodes all but the unreserved characters of RFC 3986, 2.3.
fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).map_or('0', |d| char::from(*d));
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

impl Config for Target {
    fn schema(out: &mut sluice_plugin::config::Schema) {
        out.keywords(r#""type":"string","pattern":"^([^/{}:]+:|https?://[^/{}]+)/([^/].*)?$""#);
    }

    fn read(
        value: &sluice_plugin::config::Value,
        at: &mut sluice_plugin::config::Reader,
    ) -> Option<Self> {
        let text = String::read(value, at)?;
        match Self::parse(&text) {
            Ok(target) => Some(target),
            Err(message) => {
                at.problem(message);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(target: &str, value: &str) -> Result<String, Missing> {
        let target = Target::parse(target).unwrap();
        target.fill(|name| (name == "id").then(|| value.to_owned()))
    }

    #[test]
    fn captures_stand_where_their_names_are() {
        let target = "orders:/api/{id}/lines?order={id}&x=1";
        assert_eq!(
            filled(target, "7").unwrap(),
            "orders:/api/7/lines?order=7&x=1"
        );
        assert_eq!(filled("a:/", "7").unwrap(), "a:/");
        assert_eq!(filled("a:/{id}", "").unwrap(), "a:/");
        assert_eq!(
            filled("https://a.example:8443/{id}?x", "7").unwrap(),
            "https://a.example:8443/7?x"
        );
        assert_eq!(
            filled("a:/{other}", "7"),
            Err(Missing::Capture("other".into()))
        );
    }

    #[test]
    fn a_capture_stays_one_segment_whatever_the_client_sends() {
        assert_eq!(
            filled("a:/x/{id}", "b/../c?d#e%2f é").unwrap(),
            "a:/x/b%2F..%2Fc%3Fd%23e%252f%20%C3%A9"
        );
        for way_out in [".", ".."] {
            assert_eq!(filled("a:/x/{id}/y", way_out), Err(Missing::Path));
        }
        assert_eq!(filled("a:/x/{id}{id}", "."), Err(Missing::Path));
        assert_eq!(filled("a:/x/{id}", "...").unwrap(), "a:/x/...");
        assert_eq!(filled("a:/x?y={id}", "..").unwrap(), "a:/x?y=..");
        for byte in 0..=0xff_u8 {
            let value = char::from(byte).to_string();
            if let Ok(target) = filled("a:/{id}", &value) {
                let encoded = target.strip_prefix("a:/").unwrap();
                let safe = |b: u8| b.is_ascii_alphanumeric() || b"-._~%".contains(&b);
                assert!(encoded.bytes().all(safe), "{byte}: {encoded}");
            }
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in [
            "",
            "orders",
            "orders:",
            "http://",
            "https://orders",
            "https:///x",
            "https://{a}/x",
            "ftp://orders/",
            "orders://x",
            "orders:x",
            ":/x",
            "a{b}:/",
            "a/b:/",
            "a:/{",
            "a:/{}",
            "a:/}",
            "a:/{b",
            "a:/b}{c}",
            "a:/{b{c}}",
            "a:/b c",
            "a:/b#c",
            "a:/é",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }
}
