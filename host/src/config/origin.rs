//! `https://login.example.com:8443`: where a URI begins.

use super::model::Target;
use super::pattern;

/// Scheme, host and port of a URI (RFC 6454, 4). Shown without the scheme's own port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whether the scheme is `https`; else it is `http`.
    pub secure: bool,
    /// Host, in lower case, and port.
    pub target: Target,
}

impl Origin {
    /// Takes a URI apart: its origin, and what follows it. The error says what is wrong.
    pub(crate) fn split(text: &str) -> Result<(Self, &str), String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err("the scheme is missing".to_owned());
        };
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("the scheme is neither `https` nor `http`".to_owned()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority.contains('@') {
            return Err("a user has no place in it".to_owned());
        }
        let has_port = match authority.rsplit_once(']') {
            Some((_, after)) => !after.is_empty(),
            None => authority.contains(':'),
        };
        let target = if has_port {
            pattern::target(authority)?
        } else {
            pattern::target(&format!("{authority}:{}", Self::default_port(secure)))?
        };
        Ok((Self { secure, target }, rest))
    }

    /// The port of a URI that names none.
    pub fn default_port(secure: bool) -> u16 {
        if secure { 443 } else { 80 }
    }

    /// What Host says of it: the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        let shown = self.target.to_string();
        let port = format!(":{}", Self::default_port(self.secure));
        match shown.strip_suffix(&port) {
            Some(host) if self.target.port == Self::default_port(self.secure) => host.to_owned(),
            _ => shown,
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_origin_is_read_and_shown_alike() {
        for (text, shown, rest) in [
            ("https://login.example.com", "https://login.example.com", ""),
            (
                "HTTPS://Login.Example.com:443/a?b",
                "https://login.example.com",
                "/a?b",
            ),
            ("https://a:80?x", "https://a:80", "?x"),
            ("http://10.0.0.7:8080/", "http://10.0.0.7:8080", "/"),
            ("http://a:80", "http://a", ""),
            ("https://[::1]", "https://[::1]", ""),
            ("https://[::1]:8443#x", "https://[::1]:8443", "#x"),
        ] {
            let (origin, after) = Origin::split(text).unwrap();
            assert_eq!((&*origin.to_string(), after), (shown, rest), "{text}");
        }
    }

    #[test]
    fn a_host_may_end_like_a_port() {
        let (origin, _) = Origin::split("http://[::80]").unwrap();
        assert_eq!(origin.authority(), "[::80]");
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "a",
            "a:80",
            "://a",
            "ftp://a",
            "https:/a",
            "https://",
            "https:///x",
            "https://me@a",
            "https://me:pw@a/",
            "https://a:",
            "https://a:0",
            "https://a:x",
            "https://a:443:443",
            "https://::1",
            "https://[::1]x",
            "https://a b",
            "https://*.a",
            "https://300.1.1.1",
            "https://\u{e9}.example",
        ] {
            assert!(Origin::split(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same(text in "https?://[a-zA-Z0-9.:\\[\\]@/?]{0,20}") {
            if let Ok((read, _)) = Origin::split(&text) {
                let shown = read.to_string();
                prop_assert_eq!(Origin::split(&shown), Ok((read, "")));
            }
        }
    }
}
