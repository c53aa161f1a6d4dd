//! One instance of a plugin: memory of its own, one call at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use super::abi::v0_1::{self, Calls, Description, Problem};
use super::artifact::Artifact;
use super::deadline::{Deadline, Exceeded};
use super::limiter::Limiter;
use super::state::State;
use super::ticker::Ticker;
use super::{BodyVerdict, Failure, HeadVerdict, Summary};
use crate::capability::Scope;
use crate::capability::log::printable;
use crate::config::model::PluginLimits;
use crate::exchange::Exchange;

/// CPU time of instantiating and of `configure`, each.
const START_DEADLINE: Duration = Duration::from_secs(2);
/// Resources that an instance may hold at a time.
const MAX_HANDLES: usize = 1000;
/// Bytes of a plugin's own error message that are kept.
const MAX_MESSAGE: usize = 1024;

/// An instance of a plugin. It can move between threads, and is called by one at a time.
pub struct Instance {
    store: Store<State>,
    calls: Calls,
    ticker: Arc<Ticker>,
    host_call_bytes: usize,
}

/// What a hook gives back: the exchange always, and a verdict or a failure.
type Called<V> = (Box<Exchange>, Result<V, Failure>);

impl Instance {
    /// Instantiates; the instance is not configured yet.
    pub(super) fn start(
        artifact: &Artifact,
        scope: Arc<Scope>,
        limits: &PluginLimits,
        ticker: &Arc<Ticker>,
    ) -> Result<Self, Failure> {
        let deadline = Deadline::new(START_DEADLINE);
        let state = State::new(scope, deadline, Limiter::new(limits.memory));
        let pre = artifact.pre();
        let mut store = Store::new(pre.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.host_call_bytes);
        store.set_max_component_handles(MAX_HANDLES);
        let clock = ticker.clone();
        store.epoch_deadline_callback(move |mut store| {
            clock.touch();
            match store.data_mut().deadline.look() {
                Ok(ticks) => Ok(UpdateDeadline::Continue(ticks)),
                Err(exceeded) => Err(wasmtime::Error::new(exceeded)),
            }
        });
        begin(&mut store, ticker);
        let started = pre.instantiate(&mut store).and_then(|instance| {
            let exports = artifact.exports();
            exports.take(
                wasmtime::AsContextMut::as_context_mut(&mut store),
                &instance,
            )
        });
        match started {
            Ok(calls) => Ok(Self {
                store,
                calls,
                ticker: ticker.clone(),
                host_call_bytes: limits.host_call_bytes,
            }),
            Err(error) => Err(failure(&error, store.data())),
        }
    }

    /// Asks it what it is.
    pub(super) fn describe(&mut self) -> Result<Description, Failure> {
        begin(&mut self.store, &self.ticker);
        let described = self.calls.describe.call(&mut self.store, ());
        described
            .map(|(description,)| description)
            .map_err(|error| failure(&error, self.store.data()))
    }

    /// Gives it its configuration: once, before any hook.
    pub(super) fn configure(
        &mut self,
        config: &Arc<str>,
        deadline: Duration,
    ) -> Result<Result<(), Vec<Problem>>, Failure> {
        begin(&mut self.store, &self.ticker);
        let configured = self
            .calls
            .configure
            .call(&mut self.store, (config.clone(),));
        let state = self.store.data_mut();
        state.starting = false;
        state.deadline = Deadline::new(deadline);
        configured
            .map(|(result,)| result)
            .map_err(|error| failure(&error, self.store.data()))
    }

    /// Calls `on-request`; a plugin without it lets everything pass.
    pub(super) fn on_request(&mut self, exchange: Box<Exchange>) -> Called<HeadVerdict> {
        self.call(exchange, |calls, store| match &calls.on_request {
            Some(hook) => hook.call(store, ()).map(|(result,)| head(result)),
            None => Ok(Ok(HeadVerdict::Next)),
        })
    }

    /// Calls `on-request-body`.
    pub(super) fn on_request_body(
        &mut self,
        exchange: Box<Exchange>,
        content: &Bytes,
    ) -> Called<BodyVerdict> {
        self.allow_body(exchange.route.body_limit);
        let called = self.call(exchange, |calls, store| match &calls.on_request_body {
            Some(hook) => hook.call(store, (content.clone(),)).map(|(r,)| body(r)),
            None => Ok(Ok(BodyVerdict::Keep)),
        });
        self.store.set_hostcall_fuel(self.host_call_bytes);
        called
    }

    /// Calls `on-response`; a plugin without it lets everything pass.
    pub(super) fn on_response(&mut self, exchange: Box<Exchange>) -> Called<HeadVerdict> {
        self.call(exchange, |calls, store| match &calls.on_response {
            Some(hook) => hook.call(store, ()).map(|(result,)| head(result)),
            None => Ok(Ok(HeadVerdict::Next)),
        })
    }

    /// Calls `on-response-body`.
    pub(super) fn on_response_body(
        &mut self,
        exchange: Box<Exchange>,
        content: &Bytes,
    ) -> Called<BodyVerdict> {
        self.allow_body(exchange.route.body_limit);
        let called = self.call(exchange, |calls, store| match &calls.on_response_body {
            Some(hook) => hook.call(store, (content.clone(),)).map(|(r,)| body(r)),
            None => Ok(Ok(BodyVerdict::Keep)),
        });
        self.store.set_hostcall_fuel(self.host_call_bytes);
        called
    }

    /// Calls `on-log`.
    pub(super) fn on_log(&mut self, exchange: Box<Exchange>, summary: &Summary) -> Called<()> {
        self.call(exchange, |calls, store| match &calls.on_log {
            Some(hook) => hook.call(store, (summary.into(),)).map(Ok),
            None => Ok(Ok(())),
        })
    }

    /// Bytes of linear memory that it has.
    pub(super) fn memory_bytes(&self) -> usize {
        self.store.data().limiter.used()
    }

    /// What a route lets through as a body, a plugin may return as one.
    fn allow_body(&mut self, body_limit: usize) {
        let fuel = self.host_call_bytes.max(body_limit);
        self.store.set_hostcall_fuel(fuel);
    }

    /// Lends the exchange to one call. Edits of a failed call are undone.
    #[inline]
    fn call<V>(
        &mut self,
        mut exchange: Box<Exchange>,
        call: impl FnOnce(&Calls, &mut Store<State>) -> wasmtime::Result<Result<V, Failure>>,
    ) -> Called<V> {
        begin(&mut self.store, &self.ticker);
        exchange.begin_edits();
        self.store.data_mut().exchange = Some(exchange);
        let called = call(&self.calls, &mut self.store);
        // Host functions take it out for an edit only, and put it back on every path.
        let taken = self.store.data_mut().exchange.take();
        let mut exchange = taken.expect("the exchange is back after a call"); // invariant
        let result = match called {
            Ok(result) => result,
            Err(error) => Err(failure(&error, self.store.data())),
        };
        if result.is_err() {
            exchange.undo_edits();
        }
        (exchange, result)
    }
}

#[inline]
fn begin(store: &mut Store<State>, ticker: &Ticker) {
    ticker.touch();
    let state = store.data_mut();
    state.limiter.begin();
    let ticks = state.deadline.begin();
    store.set_epoch_deadline(ticks);
}

fn head(result: Result<v0_1::HeadVerdict, String>) -> Result<HeadVerdict, Failure> {
    result.map_err(refused)?.check()
}

fn body(result: Result<v0_1::BodyVerdict, String>) -> Result<BodyVerdict, Failure> {
    result.map_err(refused)?.check()
}

fn refused(message: String) -> Failure {
    Failure::Refused(printable(&message, MAX_MESSAGE))
}

/// What an error of the engine means for the operator.
#[cold]
fn failure(error: &wasmtime::Error, state: &State) -> Failure {
    if error.is::<Exceeded>() {
        return Failure::Deadline;
    }
    if state.limiter.denied() {
        return Failure::Memory;
    }
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let cause = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    // The engine's own error for this is private.
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        let why = "more data in one call than limits.host_call_bytes allows";
        return match backtrace {
            None => Failure::InvalidReply(why),
            Some(_) => Failure::Trap(format!("it hands over {why}")),
        };
    }
    let place = backtrace
        .and_then(|trace| trace.frames().first()?.func_name())
        .map(|name| format!(", in {name}"));
    let cause = format!("{cause}{}", place.unwrap_or_default());
    Failure::Trap(printable(&cause, MAX_MESSAGE))
}
