//! The refusals, made once.

use sluice_plugin::prelude::*;

use crate::options::Options;

/// With the challenges of RFC 6750, 3.
#[derive(Debug)]
pub(crate) struct Replies {
    missing: Reply,
    several: Reply,
    invalid: Reply,
    too_little: Reply,
    no_provider: Reply,
}

impl Replies {
    pub(crate) fn new(options: &Options) -> Self {
        let scope = options.scopes.join(" ");
        let challenge = |error: &str, scope: &str| {
            let parameters = [
                ("realm", options.realm.as_deref().unwrap_or_default()),
                ("error", error),
                ("scope", scope),
            ];
            let mut text = "Bearer".to_owned();
            for (name, value) in parameters.into_iter().filter(|(_, v)| !v.is_empty()) {
                let separator = if text == "Bearer" { " " } else { ", " };
                text.extend([separator, name, "=\""]);
                // A quoted-string of RFC 9110, 5.6.4.
                text.push_str(&value.replace('\\', "\\\\").replace('"', "\\\""));
                text.push('"');
            }
            text
        };
        let reply = |status, title, detail, error, scope| {
            Reply::problem(status, title, detail)
                .with_header("www-authenticate", challenge(error, scope))
        };
        let unauthorized = "Unauthorized";
        Self {
            // Who shows nothing learns no error.
            missing: reply(401, unauthorized, "A bearer token is required.", "", &scope),
            several: reply(
                400,
                "Bad Request",
                "There is more than one Authorization.",
                "invalid_request",
                "",
            ),
            invalid: reply(
                401,
                unauthorized,
                "The token is not valid here.",
                "invalid_token",
                "",
            ),
            too_little: reply(
                403,
                "Forbidden",
                "The token is not good for this.",
                "insufficient_scope",
                &scope,
            ),
            no_provider: Reply::problem(
                503,
                "Service Unavailable",
                "Tokens cannot be checked at the moment.",
            ),
        }
    }

    /// There is no token.
    pub(crate) fn missing(&self) -> Reply {
        self.missing.clone()
    }

    /// There are several headers where one is expected.
    pub(crate) fn several(&self) -> Reply {
        self.several.clone()
    }

    /// Unknown, expired, revoked, meant for others: callers do not learn which.
    pub(crate) fn invalid(&self) -> Reply {
        self.invalid.clone()
    }

    /// A scope is missing.
    pub(crate) fn too_little(&self) -> Reply {
        self.too_little.clone()
    }

    /// The provider does not answer.
    pub(crate) fn no_provider(&self) -> Reply {
        self.no_provider.clone()
    }
}
