//! The hooks as things that can be called: at once, or by a call that may wait.

use bytes::Bytes;
use wasmtime::{Result, Store};

use super::abi::v0_1::{self, Calls};
use super::state::State;
use super::{BodyVerdict, Failure, HeadVerdict, Hook, Summary};
use crate::capability::log::printable;

/// Bytes of a plugin's own error message that are kept.
const MAX_MESSAGE: usize = 1024;

/// What a plugin made of a hook, where the engine has nothing to say.
type Answered<V> = Result<Result<V, Failure>>;

/// One call of one hook. A plugin that lacks the hook lets everything pass.
pub trait HookCall {
    /// What the hook decides.
    type Verdict;
    /// Which hook it is.
    const HOOK: Hook;

    /// Whether a whole body goes in, and may come back.
    fn carries_body(&self) -> bool {
        false
    }

    /// Calls it; for an instance that never waits.
    fn now(&self, calls: &Calls, store: &mut Store<State>) -> Answered<Self::Verdict>;

    /// Calls it; for an instance that may wait.
    fn waiting(
        &self,
        calls: &Calls,
        store: &mut Store<State>,
    ) -> impl Future<Output = Answered<Self::Verdict>>;
}

/// `on-request`
#[derive(Debug, Clone, Copy)]
pub struct OnRequest;

/// `on-request-body`, with the whole body.
#[derive(Debug)]
pub struct OnRequestBody<'a>(pub &'a Bytes);

/// `on-response`
#[derive(Debug, Clone, Copy)]
pub struct OnResponse;

/// `on-response-body`, with the whole body.
#[derive(Debug)]
pub struct OnResponseBody<'a>(pub &'a Bytes);

/// `on-log`
#[derive(Debug)]
pub struct OnLog<'a>(pub &'a Summary);

impl HookCall for OnRequest {
    type Verdict = HeadVerdict;
    const HOOK: Hook = Hook::OnRequest;

    #[inline]
    fn now(&self, calls: &Calls, store: &mut Store<State>) -> Answered<HeadVerdict> {
        match &calls.on_request {
            Some(hook) => hook.call(store, ()).map(|(result,)| head(result)),
            None => Ok(Ok(HeadVerdict::Next)),
        }
    }

    async fn waiting(&self, calls: &Calls, store: &mut Store<State>) -> Answered<HeadVerdict> {
        match &calls.on_request {
            Some(hook) => hook.call_async(store, ()).await.map(|(r,)| head(r)),
            None => Ok(Ok(HeadVerdict::Next)),
        }
    }
}

impl HookCall for OnResponse {
    type Verdict = HeadVerdict;
    const HOOK: Hook = Hook::OnResponse;

    #[inline]
    fn now(&self, calls: &Calls, store: &mut Store<State>) -> Answered<HeadVerdict> {
        match &calls.on_response {
            Some(hook) => hook.call(store, ()).map(|(result,)| head(result)),
            None => Ok(Ok(HeadVerdict::Next)),
        }
    }

    async fn waiting(&self, calls: &Calls, store: &mut Store<State>) -> Answered<HeadVerdict> {
        match &calls.on_response {
            Some(hook) => hook.call_async(store, ()).await.map(|(r,)| head(r)),
            None => Ok(Ok(HeadVerdict::Next)),
        }
    }
}

impl HookCall for OnRequestBody<'_> {
    type Verdict = BodyVerdict;
    const HOOK: Hook = Hook::OnRequestBody;

    fn carries_body(&self) -> bool {
        true
    }

    fn now(&self, calls: &Calls, store: &mut Store<State>) -> Answered<BodyVerdict> {
        match &calls.on_request_body {
            Some(hook) => hook.call(store, (self.0.clone(),)).map(|(r,)| body(r)),
            None => Ok(Ok(BodyVerdict::Keep)),
        }
    }

    async fn waiting(&self, calls: &Calls, store: &mut Store<State>) -> Answered<BodyVerdict> {
        match &calls.on_request_body {
            Some(hook) => {
                let called = hook.call_async(store, (self.0.clone(),)).await;
                called.map(|(r,)| body(r))
            }
            None => Ok(Ok(BodyVerdict::Keep)),
        }
    }
}

impl HookCall for OnResponseBody<'_> {
    type Verdict = BodyVerdict;
    const HOOK: Hook = Hook::OnResponseBody;

    fn carries_body(&self) -> bool {
        true
    }

    fn now(&self, calls: &Calls, store: &mut Store<State>) -> Answered<BodyVerdict> {
        match &calls.on_response_body {
            Some(hook) => hook.call(store, (self.0.clone(),)).map(|(r,)| body(r)),
            None => Ok(Ok(BodyVerdict::Keep)),
        }
    }

    async fn waiting(&self, calls: &Calls, store: &mut Store<State>) -> Answered<BodyVerdict> {
        match &calls.on_response_body {
            Some(hook) => {
                let called = hook.call_async(store, (self.0.clone(),)).await;
                called.map(|(r,)| body(r))
            }
            None => Ok(Ok(BodyVerdict::Keep)),
        }
    }
}

impl HookCall for OnLog<'_> {
    type Verdict = ();
    const HOOK: Hook = Hook::OnLog;

    fn now(&self, calls: &Calls, store: &mut Store<State>) -> Answered<()> {
        match &calls.on_log {
            Some(hook) => hook.call(store, (self.0.into(),)).map(Ok),
            None => Ok(Ok(())),
        }
    }

    async fn waiting(&self, calls: &Calls, store: &mut Store<State>) -> Answered<()> {
        match &calls.on_log {
            Some(hook) => hook.call_async(store, (self.0.into(),)).await.map(Ok),
            None => Ok(Ok(())),
        }
    }
}

fn head(result: std::result::Result<v0_1::HeadVerdict, String>) -> Checked<HeadVerdict> {
    result.map_err(refused)?.check()
}

fn body(result: std::result::Result<v0_1::BodyVerdict, String>) -> Checked<BodyVerdict> {
    result.map_err(refused)?.check()
}

/// A verdict, if what it holds can be sent.
type Checked<V> = std::result::Result<V, Failure>;

fn refused(message: String) -> Failure {
    Failure::Refused(printable(&message, MAX_MESSAGE))
}
