//! `match.host`: `api.example.com`, `*.example.com`, `[::1]`, `*`.

use std::net::Ipv6Addr;

use super::super::model::HostPattern;

/// Reads a host pattern; what a request's Host cannot be is refused.
pub(in super::super) fn host(text: &str) -> Result<HostPattern, String> {
    if text == "*" {
        return Ok(HostPattern::Any);
    }
    if text.starts_with('[') {
        return bracketed(text).map(HostPattern::Exact);
    }
    match text.strip_prefix("*.") {
        Some(below) => name(below).map(HostPattern::Below),
        None => name(text).map(HostPattern::Exact),
    }
}

fn bracketed(text: &str) -> Result<String, String> {
    let Some((inside, behind)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) else {
        return Err("`[` lacks its `]`".to_owned());
    };
    if !behind.is_empty() {
        return Err("a host is matched without its port".to_owned());
    }
    let address: Ipv6Addr = inside
        .parse()
        .map_err(|_| "not an IPv6 address between `[` and `]`".to_owned())?;
    Ok(format!("[{address}]"))
}

/// A DNS name in lower case, without the dot at its end.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.contains("://") || text.contains('/') {
        return Err("a host has neither a scheme nor a path".to_owned());
    }
    if text.contains(':') {
        return Err(
            "a host is matched without its port; an IPv6 address stands in brackets".to_owned(),
        );
    }
    if text.contains('*') {
        return Err("`*` can only be the whole first label, as in `*.example.com`".to_owned());
    }
    if !text.is_ascii() {
        return Err("write an international name in its ASCII form, `xn--…`".to_owned());
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() {
        return Err("a host is empty".to_owned());
    }
    if text.len() > 253 {
        return Err("a host has at most 253 characters".to_owned());
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 {
            return Err("between the dots of a host stand 1 to 63 characters".to_owned());
        }
        if !label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        {
            return Err("a host has letters, digits, `-`, `_` and dots".to_owned());
        }
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::model::HostPattern;
    use super::host;

    #[test]
    fn hosts_are_stored_as_requests_are_compared() {
        let exact = |text: &str| Ok(HostPattern::Exact(text.to_owned()));
        assert_eq!(host("API.Example.com."), exact("api.example.com"));
        assert_eq!(host("127.0.0.1"), exact("127.0.0.1"));
        assert_eq!(host("[0:0::1]"), exact("[::1]"));
        assert_eq!(host("*"), Ok(HostPattern::Any));
        let below = HostPattern::Below("example.com".to_owned());
        assert_eq!(host("*.Example.com"), Ok(below));
    }

    #[test]
    fn what_no_host_can_be_is_refused() {
        let table = [
            "",
            ".",
            "*.",
            "a..b",
            "a.*.b",
            "a*.b",
            "example.com:80",
            "[::1]:80",
            "[::1",
            "[x]",
            "http://a",
            "a/b",
            "a b",
            "ä.example",
            "::1",
        ];
        for text in table {
            assert!(host(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_name_stays_itself(text in "[a-zA-Z0-9.*:\\[\\]ä-]{0,20}") {
            if let Ok(HostPattern::Exact(name)) = host(&text) {
                prop_assert_eq!(host(&name), Ok(HostPattern::Exact(name.clone())));
            }
        }
    }
}
