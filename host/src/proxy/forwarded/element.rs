//! One element of `Forwarded`, and the addresses in it (RFC 7239, 4 to 6).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use http::HeaderValue;

/// What one proxy said of the party before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    /// `for`, where it is an address.
    pub(super) ip: Option<IpAddr>,
    /// `proto`, where it is `http` or `https`.
    pub(super) https: Option<bool>,
}

impl Element {
    /// An element as it is sent.
    pub(super) fn write(ip: IpAddr, host: Option<&HeaderValue>, scheme: &str) -> String {
        let mut text = match ip {
            IpAddr::V4(ip) => format!("for={ip}"),
            IpAddr::V6(ip) => format!("for=\"[{ip}]\""),
        };
        if let Some(host) = host.and_then(|h| h.to_str().ok()).filter(|h| !h.is_empty()) {
            text.push_str(";host=");
            push_value(&mut text, host);
        }
        text.push_str(";proto=");
        text.push_str(scheme);
        text
    }

    /// None where it is malformed.
    fn read(text: &str) -> Option<Self> {
        let mut element = Self {
            ip: None,
            https: None,
        };
        for pair in split(text, ';').filter(|pair| !pair.trim().is_empty()) {
            let (name, value) = pair.trim().split_once('=')?;
            let value = unquote(value)?;
            if name.eq_ignore_ascii_case("for") {
                element.ip = address(&value);
            } else if name.eq_ignore_ascii_case("proto") {
                element.https = is_https(&value);
            }
        }
        Some(element)
    }
}

/// The elements of one line, from left to right; none in the place of a malformed one.
pub(super) fn elements(line: &str) -> Vec<Option<Element>> {
    split(line, ',').map(Element::read).collect()
}

/// Whether a scheme is `https`, where it is one of the web's.
pub(super) fn is_https(scheme: &str) -> Option<bool> {
    let https = scheme.eq_ignore_ascii_case("https");
    (https || scheme.eq_ignore_ascii_case("http")).then_some(https)
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let ip = match text.strip_prefix('[') {
        Some(inner) => {
            let (ip, rest) = inner.split_once(']')?;
            if !rest.is_empty() && !is_port(rest.strip_prefix(':')?) {
                return None;
            }
            IpAddr::V6(ip.parse::<Ipv6Addr>().ok()?)
        }
        None => match text.split_once(':') {
            Some((ip, port)) if is_port(port) => IpAddr::V4(ip.parse().ok()?),
            _ => text.parse().ok()?,
        },
    };
    Some(ip.to_canonical())
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Splits at a separator, but not inside quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let was_escaped = std::mem::replace(&mut escaped, false);
        match c {
            '\\' if quoted && !was_escaped => escaped = true,
            '"' if !was_escaped => quoted = !quoted,
            _ => {}
        }
        c == separator && !quoted
    })
}

/// The text of a token or quoted string.
fn unquote(value: &str) -> Option<Cow<'_, str>> {
    let Some(inner) = value.strip_prefix('"') else {
        return is_token(value).then_some(Cow::Borrowed(value));
    };
    let inner = inner.strip_suffix('"')?;
    if !inner.contains(['"', '\\']) {
        return Some(Cow::Borrowed(inner));
    }
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
    Some(Cow::Owned(text))
}

fn push_value(text: &mut String, value: &str) {
    if is_token(value) {
        text.push_str(value);
        return;
    }
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
}

fn is_token(text: &str) -> bool {
    let special = |b: u8| b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || special(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn addresses_with_and_without_a_port() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            // Not 2001:db8: with port 1.
            ("1::2", "1::2"),
        ] {
            assert_eq!(address(text), ip(expected), "{text}");
        }
        for text in [
            "",
            "unknown",
            "_hidden",
            "192.0.2",
            "192.0.2.1:",
            "192.0.2.1:x",
            "[::1",
            "[::1]80",
            "[1.2.3.4]",
            "a.b:1",
        ] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn elements_are_read_from_left_to_right() {
        let line = r#"for=192.0.2.43;proto=https, FOR="[2001:db8::17]:4711" ; Proto="http", for=_x, ;, host="a\",b;c";for=192.0.2.1"#;
        let expected = [
            (ip("192.0.2.43"), Some(true)),
            (ip("2001:db8::17"), Some(false)),
            (None, None),
            (None, None),
            (ip("192.0.2.1"), None),
        ];
        let found: Vec<_> = elements(line)
            .into_iter()
            .map(|e| e.map(|e| (e.ip, e.https)))
            .collect();
        assert_eq!(found, expected.map(Some));
    }

    #[test]
    fn a_client_cannot_swallow_what_a_proxy_adds_behind_an_open_quote() {
        for line in [
            r#"for=192.0.2.1;a=", for=198.51.100.7"#,
            r#"for=192.0.2.1;a=", for="[2001:db8::1]""#,
            r#"for=192.0.2.1;a="\, for=198.51.100.7"#,
            "for=2001:db8::1",
            "for",
            "for = 192.0.2.1",
        ] {
            assert_eq!(elements(line).last(), Some(&None), "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ip: IpAddr, host in r"[!-~]{0,20}", https: bool) {
            let host = HeaderValue::from_str(&host).unwrap();
            let text = Element::write(ip, Some(&host), if https { "https" } else { "http" });
            let expected = Element { ip: Some(ip.to_canonical()), https: Some(https) };
            prop_assert_eq!(elements(&text), vec![Some(expected)]);
        }

        #[test]
        fn arbitrary_text_never_panics(line: String) {
            elements(&line);
            address(&line);
        }
    }
}
