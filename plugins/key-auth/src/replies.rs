//! The refusals, made once.

use sluice_plugin::prelude::*;

/// All with status 401 but one.
#[derive(Debug)]
pub(crate) struct Replies {
    missing: Reply,
    duplicate: Reply,
    unauthorized: Reply,
    unavailable: Reply,
}

impl Replies {
    pub(crate) fn new(realm: Option<&str>) -> Self {
        let challenge = match realm {
            // A quoted-string of RFC 9110, 5.6.4.
            Some(realm) => {
                let realm = realm.replace('\\', "\\\\").replace('"', "\\\"");
                ["Key realm=\"", &realm, "\""].concat()
            }
            None => "Key".to_owned(),
        };
        let reply = |status, title, (header, value): (&str, &str), text: &str| {
            let mut reply = Reply::problem(status, title, text).with_header(header, value);
            // Clients of other gateways read `message`.
            reply.body.pop();
            reply.body.extend_from_slice(b",\"message\":\"");
            reply.body.extend_from_slice(text.as_bytes());
            reply.body.extend_from_slice(b"\"}");
            reply
        };
        let challenge = ("www-authenticate", challenge.as_str());
        let refused = |text: &str| reply(401, "Unauthorized", challenge, text);
        let later = "API keys cannot be looked up at the moment";
        Self {
            missing: refused("No API key found in request"),
            duplicate: refused("Duplicate API key found"),
            unauthorized: refused("Unauthorized"),
            unavailable: reply(503, "Service Unavailable", ("retry-after", "1"), later),
        }
    }

    /// There is no key.
    pub(crate) fn missing(&self) -> Reply {
        self.missing.clone()
    }

    /// There are several values where one was looked for.
    pub(crate) fn duplicate(&self) -> Reply {
        self.duplicate.clone()
    }

    /// The key is unknown, revoked, not yet valid, or expired: callers do not learn which.
    pub(crate) fn unauthorized(&self) -> Reply {
        self.unauthorized.clone()
    }

    /// The store does not answer: nobody knows whose the key is. Status 503.
    pub(crate) fn unavailable(&self) -> Reply {
        self.unavailable.clone()
    }
}
