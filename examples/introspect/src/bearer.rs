//! The token of a request (RFC 6750, 2.1).

use sluice_plugin::prelude::*;

/// Longer tokens are invalid without a question. It bounds what the provider gets.
const LONGEST: usize = 8192;

/// What the request shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Token(String),
    /// Something that cannot be a token.
    Malformed,
    Several,
}

/// Tokens elsewhere, in the query or a form, are not looked for: they get logged.
pub(crate) fn find(request: &Request) -> Shown {
    match request.header_count("authorization") {
        0 => Shown::Nothing,
        1 => match request.header("authorization") {
            Some(value) => parse(&value),
            None => Shown::Nothing,
        },
        _ => Shown::Several,
    }
}

/// Another scheme is another plugin's.
fn parse(value: &[u8]) -> Shown {
    let scheme = value.iter().position(|b| *b == b' ').unwrap_or(value.len());
    let (scheme, token) = value.split_at(scheme);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Shown::Nothing;
    }
    let token = token.trim_ascii();
    match std::str::from_utf8(token) {
        Ok(token) if is_token(token) => Shown::Token(token.to_owned()),
        _ => Shown::Malformed,
    }
}

/// `b64token`
fn is_token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && token.len() <= LONGEST
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_follows_the_scheme() {
        for value in ["Bearer a.b-c_~+/==", "bEARER  a.b-c_~+/== "] {
            let token = "a.b-c_~+/==".to_owned();
            assert_eq!(parse(value.as_bytes()), Shown::Token(token), "{value}");
        }
        for value in ["", "Basic abc", "Bearerabc", "abc"] {
            assert_eq!(parse(value.as_bytes()), Shown::Nothing, "{value}");
        }
        let long = ["Bearer ", &"a".repeat(LONGEST + 1)].concat();
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer =",
            "Bearer a=b",
            "Bearer a b",
            "Bearer a,Bearer b",
            "Bearer a\"",
            "Bearer é",
            &long,
        ] {
            assert_eq!(parse(value.as_bytes()), Shown::Malformed, "{value}");
        }
        assert_eq!(parse(b"Bearer \xff"), Shown::Malformed);
    }
}
