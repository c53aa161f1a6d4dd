//! What the operator may say.

use std::time::Duration;

use sluice_plugin::RESERVED_HEADERS;
use sluice_plugin::prelude::*;

/// Each is looked for, and taken out, in each request.
const MOST_NAMES: usize = 64;

/// Whether the gateway keeps this name to itself: a key in it never arrives.
fn is_reserved(name: &str) -> bool {
    let mut reserved = RESERVED_HEADERS.iter().chain([&"host"]);
    reserved.any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// Lets in callers that show a key of a consumer, and tells the upstream who they are.
#[derive(Debug, Config)]
pub struct Options {
    /// Where the key may stand. The first name that is present wins; for each
    /// name the header is looked at first, then the query, then the body.
    #[config(default = ["x-api-key", "apikey"])]
    pub(crate) key_names: Vec<String>,
    /// Look for the key in headers.
    #[config(default = true)]
    pub(crate) key_in_header: bool,
    /// Look for the key in the query. Queries get logged in many places.
    #[config(default = false)]
    pub(crate) key_in_query: bool,
    /// Look for the key in the body, if it is JSON, a form or multipart. The
    /// gateway then collects such bodies, up to the route's `body_limit`.
    #[config(default = false)]
    pub(crate) key_in_body: bool,
    /// Take every name of `key_names` out of what goes to the upstream: out of
    /// headers and query, and out of the body where keys are looked for in it.
    #[config(default = true)]
    pub(crate) hide_credentials: bool,
    /// The consumer to use where no key is given. A wrong key is refused all the same.
    pub(crate) anonymous: Option<String>,
    /// `WWW-Authenticate: Key realm="…"` instead of `Key`.
    pub(crate) realm: Option<String>,
    /// False lets CORS preflights pass without a key: `OPTIONS` with `Origin`
    /// and `Access-Control-Request-Method`.
    #[config(default = true)]
    pub(crate) run_on_preflight: bool,
    /// A store on Redis in which keys stand too. They change without a reload.
    /// Keys of the configuration are looked up first.
    pub(crate) store: Option<String>,
    /// How long what the store says of a key is believed without asking again,
    /// and so how long a key works after it was revoked, or is refused after it
    /// was added. `"0s"` asks every time; at most `"1h"`.
    #[config(default = "5s")]
    pub(crate) cache: Duration,
    /// What happens while the store does not answer.
    #[config(default = "deny")]
    pub(crate) on_store_error: OnStoreError,
}

/// What happens while the store does not answer, to keys that are neither of the
/// configuration nor remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Config)]
pub(crate) enum OnStoreError {
    /// Their requests are refused with 503: nobody knows whose they are.
    Deny,
    /// They are unknown keys: this process goes by what it has itself.
    Local,
}

/// The longest time that a store is not asked.
const LONGEST_CACHE: Duration = Duration::from_hours(1);

impl Options {
    /// What types alone do not say.
    pub(crate) fn problems(&self) -> Problems {
        let mut problems = Problems::new();
        if self.key_names.is_empty() {
            problems.add("/key_names", "expected at least one name");
        }
        if self.key_names.len() > MOST_NAMES {
            problems.add("/key_names", "expected at most 64 names");
        }
        for (at, name) in self.key_names.iter().enumerate() {
            let message = if name.is_empty() || !name.bytes().all(is_token) {
                "expected a header name (RFC 9110, 5.1)"
            } else if is_reserved(name) {
                "this header belongs to the gateway"
            } else {
                continue;
            };
            problems.add(["/key_names/", &at.to_string()].concat(), message);
        }
        if self.cache > LONGEST_CACHE {
            problems.add("/cache", "expected at most `1h`");
        }
        if self.realm.as_deref().is_some_and(|r| !is_field_value(r)) {
            problems.add("/realm", "expected text without control characters");
        }
        problems
    }
}

/// Whether a header can carry this text.
pub(crate) fn is_field_value(text: &str) -> bool {
    text.bytes().all(|b| b >= b' ' && b != 0x7f)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
