//! Calls that plugins make: what they may call, and the way to who makes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, uri::PathAndQuery};
use tokio::sync::{mpsc, oneshot};

use crate::config::model::{HttpGrant, Name};

/// Calls in one `send`.
pub(crate) const MAX_CALLS: usize = 16;
/// Where a plugin says none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that one call may take.
const MAX_TIMEOUT: Duration = Duration::from_secs(30);

/// One call, checked.
#[derive(Debug)]
pub struct Outcall {
    /// An upstream of the configuration.
    pub upstream: Name,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: PathAndQuery,
    /// No name that the host owns.
    pub headers: HeaderMap,
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
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutcallError {
    /// No such upstream, or no grant for it.
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

/// Whether a path may be called: it is what was granted, or below it.
pub(crate) fn granted(grants: &[HttpGrant], upstream: &str, path: &str) -> bool {
    grants.iter().any(|grant| {
        let below = |rest: &str| grant.path == "/" || rest.is_empty() || rest.starts_with('/');
        &*grant.upstream == upstream && path.strip_prefix(grant.path.as_str()).is_some_and(below)
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

    #[test]
    fn a_grant_is_for_a_path_and_what_is_below_it() {
        let grant = |path: &str| HttpGrant {
            upstream: "idp".into(),
            path: path.into(),
        };
        let grants = [grant("/oauth/introspect")];
        assert!(granted(&grants, "idp", "/oauth/introspect"));
        assert!(granted(&grants, "idp", "/oauth/introspect/x"));
        for path in ["/oauth/introspection", "/oauth", "/", "/x/oauth/introspect"] {
            assert!(!granted(&grants, "idp", path), "{path}");
        }
        assert!(!granted(&grants, "other", "/oauth/introspect"));
        assert!(granted(&[grant("/")], "idp", "/anything"));
    }
}
