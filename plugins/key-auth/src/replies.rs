//! The refusals, made once.

use sluice_plugin::prelude::*;

/// All with status 401.
#[derive(Debug)]
pub(crate) struct Replies {
    missing: Reply,
    duplicate: Reply,
    unauthorized: Reply,
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
        let reply = |text: &str| {
            let mut reply = Reply::problem(401, "Unauthorized", text)
                .with_header("www-authenticate", challenge.as_str());
            // Clients of other gateways read `message`.
            reply.body.pop();
            reply.body.extend_from_slice(b",\"message\":\"");
            reply.body.extend_from_slice(text.as_bytes());
            reply.body.extend_from_slice(b"\"}");
            reply
        };
        Self {
            missing: reply("No API key found in request"),
            duplicate: reply("Duplicate API key found"),
            unauthorized: reply("Unauthorized"),
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
}
