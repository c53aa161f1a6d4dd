//! Calls that plugins make: what they may call, and the way to who makes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, uri::PathAndQuery};
use tokio::sync::{mpsc, oneshot};

use crate::config::model::{HttpGrant, Name, Origin};
use crate::message::Headers;

/// Calls in one `send`.
pub(crate) const MAX_CALLS: usize = 16;
/// Where a plugin says none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that one call may take.
const MAX_TIMEOUT: Duration = Duration::from_secs(30);

/// One call, checked.
#[derive(Debug)]
pub struct Outcall {
    /// An upstream of the configuration, or an origin.
    pub upstream: Name,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: PathAndQuery,
    /// No name that the host owns.
    pub headers: Headers,
    /// The whole body.
    pub body: Bytes,
    /// From now to the last byte of the answer.
    pub timeout: Duration,
    /// What the bodies of all answers of one `send` may take.
    pub budget: Budget,
}

/// Bytes that the answers of one `send` share.
#[derive(Debug, Clone)]
pub struct Budget(Arc<AtomicUsize>);

/// What one answer has of it. An answer that fails gives it back.
#[derive(Debug)]
pub struct Taken<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Budget {
    /// So many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// The part of an answer that has not come yet.
    pub fn begin(&self) -> Taken<'_> {
        Taken {
            budget: self,
            bytes: 0,
        }
    }
}

impl Taken<'_> {
    /// Takes so much of the budget that there are `bytes` in all; whether there
    /// was so much left.
    pub fn reach(&mut self, bytes: usize) -> bool {
        let Some(more) = bytes.checked_sub(self.bytes) else {
            return true;
        };
        let left = |left: usize| left.checked_sub(more);
        let taken = self.budget.0.fetch_update(Relaxed, Relaxed, left).is_ok();
        if taken {
            self.bytes = bytes;
        }
        taken
    }

    /// The answer is whole.
    pub fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes, Relaxed);
    }
}

/// What came back.
#[derive(Debug)]
pub struct OutcallAnswer {
    /// The status.
    pub status: StatusCode,
    /// All header lines but hop-by-hop ones.
    pub headers: Headers,
    /// The whole body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutcallError {
    /// No such upstream or origin, or no grant for it.
    NotGranted,
    /// It is no HTTP request.
    Invalid(String),
    /// The answer did not come in time.
    TimedOut,
    /// The answers are larger than the plugin may take in.
    TooLarge,
    /// The upstream could not be reached, or broke off.
    Failed(String),
}

/// A call, and where its answer goes.
pub type Asked = (
    Outcall,
    oneshot::Sender<Result<OutcallAnswer, OutcallError>>,
);

/// Where the calls of one hook go.
#[derive(Debug, Clone)]
pub struct Outcalls(mpsc::Sender<Asked>);

impl Outcalls {
    /// A way for calls, and its other end.
    pub fn new() -> (Self, mpsc::Receiver<Asked>) {
        let (sender, receiver) = mpsc::channel(MAX_CALLS);
        (Self(sender), receiver)
    }

    /// Makes all calls side by side; answers come in the order of the calls.
    pub(crate) async fn send(
        &self,
        calls: Vec<Result<Outcall, OutcallError>>,
    ) -> Vec<Result<OutcallAnswer, OutcallError>> {
        let mut asked = Vec::with_capacity(calls.len());
        for call in calls {
            let (answer, answered) = oneshot::channel();
            match call {
                Ok(call) => match self.0.send((call, answer)).await {
                    Ok(()) => asked.push(Ok(answered)),
                    Err(_) => asked.push(Err(gone())),
                },
                Err(why) => asked.push(Err(why)),
            }
        }
        let mut answers = Vec::with_capacity(asked.len());
        for asked in asked {
            answers.push(match asked {
                Ok(answered) => answered.await.unwrap_or_else(|_| Err(gone())),
                Err(why) => Err(why),
            });
        }
        answers
    }
}

fn gone() -> OutcallError {
    OutcallError::Failed("the exchange has ended".into())
}

/// The time that a call gets that asks for `ms`.
pub(crate) fn timeout(ms: u32) -> Duration {
    match ms {
        0 => DEFAULT_TIMEOUT,
        ms => Duration::from_millis(ms.into()).min(MAX_TIMEOUT),
    }
}

/// Who is called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Callee<'a> {
    /// An upstream of the configuration.
    Upstream(&'a str),
    /// A server that is none.
    Origin(Origin),
}

/// Takes `UPSTREAM:/path` and `https://host/path` apart: who is called, and the
/// rest, which need not be a path. The error says what is wrong.
pub(crate) fn callee(target: &str) -> Result<(Callee<'_>, &str), String> {
    match target.split_once(':') {
        Some((_, rest)) if rest.starts_with("//") => {
            let (origin, rest) = Origin::split(target)?;
            let rest = if rest.is_empty() { "/" } else { rest };
            Ok((Callee::Origin(origin), rest))
        }
        Some((upstream, rest)) => Ok((Callee::Upstream(upstream), rest)),
        None => Err("a target is \"UPSTREAM:/path\" or \"https://host/path\"".to_owned()),
    }
}

/// The pool for a call, if it may be made: of an upstream, the path is what was
/// granted, or below it; of an origin, everything.
pub(crate) fn granted(grants: &[HttpGrant], callee: &Callee<'_>, path: &str) -> Option<Name> {
    let allows = |grant: &&HttpGrant| match (grant, callee) {
        (HttpGrant::Upstream { upstream, path: p }, Callee::Upstream(called)) => {
            let below = |rest: &str| p == "/" || rest.is_empty() || rest.starts_with('/');
            &**upstream == *called && path.strip_prefix(p.as_str()).is_some_and(below)
        }
        (HttpGrant::Origin(origin), Callee::Origin(called)) => origin == called,
        _ => false,
    };
    Some(match grants.iter().find(allows)? {
        HttpGrant::Upstream { upstream, .. } => upstream.clone(),
        HttpGrant::Origin(origin) => origin.to_string().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_gives_back_what_it_took() {
        let budget = Budget::new(10);
        let mut one = budget.begin();
        assert!(one.reach(6) && one.reach(4));
        let mut two = budget.begin();
        assert!(!two.reach(5) && two.reach(4));
        drop(one);
        assert!(two.reach(10));
        two.keep();
        assert!(!budget.begin().reach(1));
    }

    /// The pool of a call.
    fn pool(grants: &[HttpGrant], target: &str) -> Option<String> {
        let (callee, path) = callee(target).unwrap();
        granted(grants, &callee, path).map(|name| name.to_string())
    }

    fn upstream(path: &str) -> HttpGrant {
        HttpGrant::Upstream {
            upstream: "idp".into(),
            path: path.into(),
        }
    }

    #[test]
    fn a_grant_is_for_a_path_and_what_is_below_it() {
        let grants = [upstream("/oauth/introspect")];
        for path in ["/oauth/introspect", "/oauth/introspect/x"] {
            let pool = pool(&grants, &format!("idp:{path}"));
            assert_eq!(pool.as_deref(), Some("idp"));
        }
        for path in ["/oauth/introspection", "/oauth", "/", "/x/oauth/introspect"] {
            assert_eq!(pool(&grants, &format!("idp:{path}")), None, "{path}");
        }
        assert_eq!(pool(&grants, "other:/oauth/introspect"), None);
        assert!(pool(&[upstream("/")], "idp:/anything").is_some());
    }

    #[test]
    fn an_origin_is_granted_with_its_scheme_host_and_port() {
        let (origin, _) = Origin::split("https://login.example.com").unwrap();
        let grants = [upstream("/"), HttpGrant::Origin(origin)];
        for target in [
            "https://login.example.com",
            "https://login.example.com/a?b=http://c",
            "HTTPS://LOGIN.example.com:443/",
        ] {
            let pool = pool(&grants, target);
            assert_eq!(
                pool.as_deref(),
                Some("https://login.example.com"),
                "{target}"
            );
        }
        for target in [
            "http://login.example.com/",
            "https://login.example.com:8443/",
            "https://example.com/",
            "https://a.login.example.com/",
            "https://idp/",
            "https:/x",
        ] {
            assert_eq!(pool(&grants, target), None, "{target}");
        }
        assert_eq!(
            pool(&grants, "idp:/x?next=https://other/").as_deref(),
            Some("idp")
        );
    }

    #[test]
    fn what_nobody_can_be_called_by_is_refused() {
        for target in [
            "",
            "idp",
            "ftp://a/",
            "https://",
            "https://me@login.example.com/",
        ] {
            assert!(callee(target).is_err(), "{target}");
        }
    }
}
