//! HTTP calls to what the operator granted: an upstream of the configuration and
//! the beginning of a path (`grants = { http = ["idp:/introspect"] }`), or an
//! origin (`grants = { http = ["https://login.example.com"] }`), over TLS by the
//! certificates that the machine trusts. Redirects are answers, and not followed.
//!
//! A hook waits for the answers; other exchanges go on meanwhile. The time
//! that it waits is no part of its deadline: each call has a time-out of its
//! own. A status of any kind is an [`Answer`]; a [`CallError`] means that there
//! was none. There are no calls in [`configure`](crate::Plugin::configure): a
//! gateway starts, and checks a configuration, without what it calls.
//!
//! ```
//! use sluice_plugin::http_client::{Answer, Call};
//! use sluice_plugin::prelude::*;
//!
//! /// Asks whether a door is open.
//! #[derive(Config)]
//! struct Door {}
//!
//! #[plugin]
//! impl Plugin for Door {
//!     fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
//!         let answer = Call::get("porter:/door").send()?;
//!         Ok(match answer.status {
//!             204 => Verdict::Next,
//!             _ => Verdict::respond(Reply::problem(403, "Forbidden", "The door is closed.")),
//!         })
//!     }
//! }
//!
//! use sluice_plugin::testing::{Exchange, Gateway, json};
//! let gateway = Gateway::new().with_upstream("porter", |_| Ok(Answer::new(204)));
//! let plugin = gateway.configure::<Door>(json!({})).unwrap();
//! assert_eq!(plugin.on_request(&mut Exchange::get("/")).unwrap(), Verdict::Next);
//! assert_eq!(plugin.calls()[0].target, "porter:/door");
//! ```

use std::fmt;
use std::time::Duration;

use crate::sys;
use crate::sys::types::http_client as wit;

/// More calls than this are not sent together.
pub const MAX_CALLS: usize = 16;

/// A request to an upstream or an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: String,
    /// `UPSTREAM:/path?query`, or `https://host:port/path?query`
    pub target: String,
    /// Header lines. The gateway adds the framing and the host.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// How long the answer may take, whole milliseconds up to 30 seconds; by
    /// default 5 seconds.
    pub timeout: Option<Duration>,
}

impl Call {
    /// A call without headers and body. `target` is `UPSTREAM:/path?query`, or
    /// `https://host:port/path?query`.
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
        }
    }

    /// `GET target`
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// `POST target` with a body of this media type.
    pub fn post(target: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut call = Self::new("POST", target).with_header("content-type", content_type);
        call.body = body.into();
        call
    }

    /// This call with one more header line.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// This call with a bound on the time that the answer may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        first(&self.headers, name)
    }

    /// Sends this call, and waits for its answer.
    pub fn send(&self) -> Result<Answer, CallError> {
        let mut answers = send_all(std::slice::from_ref(self));
        answers.pop().unwrap_or_else(|| Err(no_answer()))
    }

    /// At most 30 seconds, and never the 0 that stands for the default.
    fn timeout_ms(&self) -> u32 {
        self.timeout.map_or(0, |timeout| {
            let ms = timeout.as_millis().clamp(1, 30_000);
            u32::try_from(ms).unwrap_or(30_000)
        })
    }
}

/// Sends calls side by side, and waits for all of them. The answers come in the
/// order of the calls; more than [`MAX_CALLS`] are all refused.
pub fn send_all(calls: &[Call]) -> Vec<Result<Answer, CallError>> {
    if calls.len() > MAX_CALLS {
        let message = format!("{} calls at once, at most {MAX_CALLS}", calls.len());
        return vec![Err(CallError::Invalid(message)); calls.len()];
    }
    let headers: Vec<Vec<(&str, &[u8])>> = calls
        .iter()
        .map(|call| {
            let lines = call.headers.iter();
            lines.map(|(name, value)| (&**name, &**value)).collect()
        })
        .collect();
    let lent: Vec<_> = calls
        .iter()
        .zip(&headers)
        .map(|(call, headers)| wit::Call {
            method: &call.method,
            target: &call.target,
            headers,
            body: &call.body,
            timeout_ms: call.timeout_ms(),
        })
        .collect();
    let mut answers: Vec<_> = sys::http_client::send(&lent)
        .into_iter()
        .map(|answer| match answer {
            Ok(answer) => Ok(answer.into()),
            Err(error) => Err(error.into()),
        })
        .collect();
    answers.resize_with(calls.len(), || Err(no_answer()));
    answers
}

/// What an upstream answered, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer without headers and body, for tests.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An answer of JSON that is written already, for tests.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let mut answer = Self::new(status).with_header("content-type", "application/json");
        answer.body = body.into();
        answer
    }

    /// This answer with one more header line, for tests.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        first(&self.headers, name)
    }

    /// Whether the status is one of 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl From<wit::Answer> for Answer {
    fn from(answer: wit::Answer) -> Self {
        Self {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
        }
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// There is no such upstream or origin, or no grant for it or for this path.
    NotGranted,
    /// The call itself cannot be sent; what is wrong with it.
    Invalid(String),
    /// The answer took longer than the call's time-out.
    TimedOut,
    /// The answers of one [`send_all`] are larger together than the operator's
    /// `host_call_bytes`.
    TooLarge,
    /// The upstream cannot be reached, or broke off.
    Failed(String),
}

impl From<wit::CallError> for CallError {
    fn from(error: wit::CallError) -> Self {
        match error {
            wit::CallError::NotGranted => Self::NotGranted,
            wit::CallError::Invalid(why) => Self::Invalid(why),
            wit::CallError::TimedOut => Self::TimedOut,
            wit::CallError::TooLarge => Self::TooLarge,
            wit::CallError::Failed(why) => Self::Failed(why),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGranted => f.write_str("no such upstream, or no grant for this call"),
            Self::Invalid(why) => write!(f, "not a valid call: {why}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::TooLarge => f.write_str("the answers are too large"),
            Self::Failed(why) => write!(f, "no answer: {why}"),
        }
    }
}

impl std::error::Error for CallError {}

#[cold]
fn no_answer() -> CallError {
    CallError::Failed("the gateway returned none".to_owned())
}

fn first<'h>(headers: &'h [(String, Vec<u8>)], name: &str) -> Option<&'h [u8]> {
    headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
}
