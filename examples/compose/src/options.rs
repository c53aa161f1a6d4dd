//! What the operator may say.

use std::time::Duration;

use sluice_plugin::RESERVED_HEADERS;
use sluice_plugin::http_client::MAX_CALLS;
use sluice_plugin::prelude::*;

use crate::target::Target;

/// The member of the answer that lists what failed.
pub(crate) const ERRORS: &str = "errors";

/// Longer calls are cut short by the gateway.
const LONGEST: Duration = Duration::from_secs(30);

/// Headers that each call has anyhow, besides those of the gateway.
const TAKEN: [&str; 3] = ["accept", "host", "x-request-id"];

fn is_taken(name: &str) -> bool {
    let mut taken = RESERVED_HEADERS.iter().chain(&TAKEN);
    taken.any(|taken| taken.eq_ignore_ascii_case(name))
}

/// Answers with one JSON object, made of what several services answer.
#[derive(Debug, Config)]
pub struct Options {
    /// What the object is made of, 1 to 16 parts. They are asked side by side.
    pub(crate) parts: Vec<Part>,
    /// Headers of the client that each call carries. `x-request-id` is there anyhow.
    #[config(default = ["accept-language", "traceparent", "tracestate"])]
    pub(crate) forward: Vec<String>,
    /// All parts together, in bytes. A part that does not fit fails.
    #[config(default = 4194304)]
    pub(crate) max_bytes: u32,
}

/// One member of the object.
#[derive(Debug, Config)]
pub(crate) struct Part {
    /// The member's name.
    pub(crate) name: String,
    /// Who is asked: `UPSTREAM:/path` or `https://HOST/path`, with captures of the route as `{NAME}`.
    pub(crate) target: Target,
    /// Whether there is no answer without it. Otherwise it is `null` where it
    /// fails, and `errors` says why.
    #[config(default = false)]
    pub(crate) required: bool,
    /// How long its answer may take, up to 30 seconds.
    #[config(default = "1s")]
    pub(crate) timeout: Duration,
}

impl Options {
    /// What types alone do not say.
    pub(crate) fn problems(&self) -> Problems {
        let mut problems = Problems::new();
        if !(1..=MAX_CALLS).contains(&self.parts.len()) {
            problems.add("/parts", "expected 1 to 16 parts");
        }
        for (index, part) in self.parts.iter().enumerate() {
            let at = |key: &str| ["/parts/", &index.to_string(), key].concat();
            if part.name.is_empty() || part.name == ERRORS {
                let message = "expected a name other than `errors`, which lists what failed";
                problems.add(at("/name"), message);
            }
            if self.parts.iter().take(index).any(|p| p.name == part.name) {
                problems.add(at("/name"), "another part has this name already");
            }
            if part.timeout.is_zero() || part.timeout > LONGEST {
                problems.add(at("/timeout"), "expected 1ms to 30s");
            }
        }
        for (at, name) in self.forward.iter().enumerate() {
            let message = if name.is_empty() || !name.bytes().all(is_token) {
                "expected a header name (RFC 9110, 5.1)"
            } else if is_taken(name) {
                "this header is not the client's to say"
            } else {
                continue;
            };
            problems.add(["/forward/", &at.to_string()].concat(), message);
        }
        problems
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
