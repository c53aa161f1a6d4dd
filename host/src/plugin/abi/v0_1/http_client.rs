//! `http-client`: calls to what was granted.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower};
use wasmtime::{Result, StoreContextMut};

use super::Pace;
use crate::capability::Scope;
use crate::capability::http::{
    Budget, MAX_CALLS, Outcall, OutcallAnswer, OutcallError, callee, granted, timeout,
};
use crate::exchange::{is_reserved, normalised_target};
use crate::message::Headers;
use crate::plugin::state::{State, wait};

type Store<'a> = StoreContextMut<'a, State>;
type Answers = (Vec<std::result::Result<Answer, CallError>>,);

/// Header lines of one call.
const MAX_HEADERS: usize = 256;

/// `http-client.call`
#[derive(ComponentType, Lift)]
#[component(record)]
struct Call {
    #[component(name = "method")]
    method: String,
    #[component(name = "target")]
    target: String,
    #[component(name = "headers")]
    headers: Vec<(String, Bytes)>,
    #[component(name = "body")]
    body: Bytes,
    #[component(name = "timeout-ms")]
    timeout_ms: u32,
}

/// `http-client.answer`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Answer {
    #[component(name = "status")]
    status: u16,
    #[component(name = "headers")]
    headers: Vec<(String, Bytes)>,
    #[component(name = "body")]
    body: Bytes,
}

/// `http-client.call-error`
#[derive(ComponentType, Lower)]
#[component(variant)]
enum CallError {
    #[component(name = "not-granted")]
    NotGranted,
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "timed-out")]
    TimedOut,
    #[component(name = "too-large")]
    TooLarge,
    #[component(name = "failed")]
    Failed(String),
}

impl Call {
    fn check(self, scope: &Scope, budget: &Budget) -> std::result::Result<Outcall, OutcallError> {
        let invalid = |what: &str| OutcallError::Invalid(what.to_owned());
        let (callee, target) = callee(&self.target).map_err(OutcallError::Invalid)?;
        let target: PathAndQuery =
            normalised_target(target).ok_or_else(|| invalid("the target's path is none"))?;
        let upstream = granted(&scope.http, &callee, target.path());
        let upstream = upstream.ok_or(OutcallError::NotGranted)?;
        if self.headers.len() > MAX_HEADERS {
            return Err(invalid("more than 256 header lines"));
        }
        let mut headers = Headers::with_capacity(self.headers.len());
        for (name, value) in self.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| invalid("an invalid header name"))?;
            if is_reserved(&name) || name == http::header::HOST {
                return Err(invalid("a header that belongs to the gateway"));
            }
            let value = HeaderValue::from_maybe_shared(value)
                .map_err(|_| invalid("an invalid header value"))?;
            headers.append(name, value);
        }
        let method = http::Method::from_bytes(self.method.as_bytes())
            .ok()
            .filter(|method| method != http::Method::CONNECT)
            .ok_or_else(|| invalid("an invalid method"))?;
        Ok(Outcall {
            upstream,
            method,
            target,
            headers,
            body: self.body,
            timeout: timeout(self.timeout_ms),
            budget: budget.clone(),
        })
    }
}

impl From<OutcallAnswer> for Answer {
    fn from(answer: OutcallAnswer) -> Self {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = Bytes::copy_from_slice(value.as_bytes());
            (name.as_str().to_owned(), value)
        };
        Self {
            status: answer.status.as_u16(),
            headers: answer.headers.iter().map(line).collect(),
            body: answer.body,
        }
    }
}

impl From<OutcallError> for CallError {
    fn from(why: OutcallError) -> Self {
        match why {
            OutcallError::NotGranted => CallError::NotGranted,
            OutcallError::Invalid(what) => CallError::Invalid(what),
            OutcallError::TimedOut => CallError::TimedOut,
            OutcallError::TooLarge => CallError::TooLarge,
            OutcallError::Failed(why) => CallError::Failed(why),
        }
    }
}

pub(super) fn link(linker: &mut LinkerInstance<'_, State>, pace: Pace) -> Result<()> {
    match pace {
        // Only to describe itself is such a plugin ever instantiated like this.
        Pace::AtOnce => linker.func_wrap("send", |_: Store, (calls,): (Vec<Call>,)| {
            Ok(refused(calls.len()))
        }),
        Pace::Waiting => {
            linker.func_wrap_async("send", |mut store: Store, (calls,): (Vec<Call>,)| {
                Box::new(async move {
                    let state = store.data();
                    let Some(outcalls) = state.outcalls.clone().filter(|_| !state.starting) else {
                        return Ok(refused(calls.len()));
                    };
                    if calls.len() > MAX_CALLS {
                        return Ok((too_many(calls.len()),));
                    }
                    let scope = &state.scope;
                    let budget = Budget::new(scope.answer_bytes);
                    let calls = calls.into_iter();
                    let calls = calls.map(|call| call.check(scope, &budget)).collect();
                    let answers = wait(&mut store, outcalls.send(calls)).await?;
                    let answers = answers.into_iter();
                    let answers = answers.map(|a| a.map(Into::into).map_err(Into::into));
                    Ok((answers.collect(),))
                })
            })
        }
    }
}

fn refused(calls: usize) -> Answers {
    let why = || CallError::Failed("calls are made in hooks, not in `configure`".into());
    ((0..calls).map(|_| Err(why())).collect(),)
}

fn too_many(calls: usize) -> Vec<std::result::Result<Answer, CallError>> {
    let why = || CallError::Invalid(format!("more than {MAX_CALLS} calls at once"));
    (0..calls).map(|_| Err(why())).collect()
}
