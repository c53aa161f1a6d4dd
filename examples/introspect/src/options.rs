//! What the operator may say.

use std::time::Duration;

use sluice_plugin::prelude::*;

/// Longer calls are cut short by the gateway.
const LONGEST: Duration = Duration::from_secs(30);

/// Lets in callers whose bearer token an identity provider vouches for (OAuth
/// 2.0 token introspection, RFC 7662), and tells the upstream who they are.
#[derive(Debug, Config)]
pub struct Options {
    /// The provider's introspection endpoint, `UPSTREAM:/path` or `https://HOST/path`.
    /// It needs the grant `http`.
    pub(crate) endpoint: String,
    /// Who this gateway is to the provider.
    pub(crate) client_id: String,
    /// The name of the secret that proves it. It needs the grant `secrets`.
    pub(crate) client_secret: String,
    /// How long the provider may take, up to 30 seconds.
    #[config(default = "2s")]
    pub(crate) timeout: Duration,
    /// What a token must be good for: all of these.
    #[config(default = [])]
    pub(crate) scopes: Vec<String>,
    /// Whom a token must be meant for: one of these. Empty for anybody.
    #[config(default = [])]
    pub(crate) audience: Vec<String>,
    /// Who must have issued it.
    pub(crate) issuer: Option<String>,
    /// How long a token is believed without asking again, and so how long it
    /// works after it was revoked. `"0s"` asks every time.
    #[config(default = "1m")]
    pub(crate) cache: Duration,
    /// How long a token is refused without asking again.
    #[config(default = "10s")]
    pub(crate) refused_cache: Duration,
    /// Where answers are kept. It needs the grant `kv`.
    #[config(default = "local")]
    pub(crate) store: String,
    /// What happens to a request while the provider does not answer.
    #[config(default = "deny")]
    pub(crate) on_provider_error: OnProviderError,
    /// Take the token out of what goes to the upstream.
    #[config(default = true)]
    pub(crate) hide_credentials: bool,
    /// `WWW-Authenticate: Bearer realm="…"`
    pub(crate) realm: Option<String>,
}

/// What happens to a request while the provider does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Config)]
pub(crate) enum OnProviderError {
    /// It is refused with 503.
    Deny,
    /// It goes on, and nobody is identified.
    Allow,
}

impl Options {
    /// What types alone do not say.
    pub(crate) fn problems(&self) -> Problems {
        let mut problems = Problems::new();
        if !is_endpoint(&self.endpoint) {
            let message = "expected UPSTREAM:/path, such as \"idp:/introspect\", \
                           or https://HOST/path";
            problems.add("/endpoint", message);
        }
        if self.client_id.is_empty() {
            problems.add("/client_id", "expected the client's name at the provider");
        }
        if self.timeout.is_zero() || self.timeout > LONGEST {
            problems.add("/timeout", "expected 1ms to 30s");
        }
        for (at, scope) in self.scopes.iter().enumerate() {
            if scope.is_empty() || !scope.bytes().all(is_scope) {
                let message = "expected one scope: visible ASCII without space, `\"` and `\\`";
                problems.add(["/scopes/", &at.to_string()].concat(), message);
            }
        }
        if self.realm.as_deref().is_some_and(|r| !is_field_value(r)) {
            problems.add("/realm", "expected text without control characters");
        }
        problems
    }
}

/// Whether this names somebody and a path. In clear text only an upstream is asked,
/// as it gets the gateway's secret.
fn is_endpoint(text: &str) -> bool {
    let (name, path) = match text.strip_prefix("https://") {
        Some(rest) => rest.split_once('/').unwrap_or_default(),
        None => text.split_once(":/").unwrap_or_default(),
    };
    !name.is_empty() && !name.contains('/') && !path.starts_with('/')
}

/// Whether a header can carry this text.
pub(crate) fn is_field_value(text: &str) -> bool {
    text.bytes().all(|b| b >= b' ' && b != 0x7f)
}

/// RFC 6749, 3.3: no quotes, so that it can stand between some.
fn is_scope(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}
