//! One instance of a plugin: memory of its own, one call at a time.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use super::Failure;
use super::abi::v0_1::{Calls, Description, Problem};
use super::artifact::Artifact;
use super::call::HookCall;
use super::deadline::{Deadline, Exceeded};
use super::limiter::Limiter;
use super::state::State;
use super::ticker::Ticker;
use crate::capability::Scope;
use crate::capability::http::Outcalls;
use crate::capability::log::printable;
use crate::config::model::PluginLimits;
use crate::exchange::Exchange;

/// CPU time of instantiating and of `configure`, each.
const START_DEADLINE: Duration = Duration::from_secs(2);
/// Resources that an instance may hold at a time.
const MAX_HANDLES: usize = 1000;
/// Bytes of a trap's message that are kept.
const MAX_MESSAGE: usize = 1024;

/// An instance of a plugin. It can move between threads, and is called by one at a time.
pub struct Instance {
    store: Store<State>,
    calls: Calls,
    host_call_bytes: usize,
    /// The last call was allowed more data than the next one.
    restore_fuel: bool,
    /// How long it took to make it.
    made_in: Duration,
    /// Hooks that it was called for so far.
    served: u32,
    /// More memory than this, and it makes way for a new one between two calls.
    worn_at: usize,
    /// How long one call may wait.
    wait: Duration,
    /// It is called by [`Instance::wait`], and never by [`Instance::call`].
    waits: bool,
}

impl Instance {
    /// Instantiates; the instance is not configured yet.
    pub(super) fn start(
        artifact: &Artifact,
        scope: Arc<Scope>,
        limits: &PluginLimits,
        ticker: &Arc<Ticker>,
        waits: bool,
    ) -> Result<Self, Failure> {
        let deadline = Deadline::new(START_DEADLINE);
        let limiter = Limiter::new(limits.memory);
        let state = State::new(scope, deadline, limiter, ticker.clone());
        let pre = artifact.pre(waits);
        let mut store = Store::new(pre.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.host_call_bytes);
        store.set_max_component_handles(MAX_HANDLES);
        store.epoch_deadline_callback(|mut store| {
            let state = store.data_mut();
            state.ticker.touch();
            match state.deadline.look(state.ticker.ticks()) {
                Ok(ticks) => Ok(UpdateDeadline::Continue(ticks)),
                Err(exceeded) => Err(wasmtime::Error::new(exceeded)),
            }
        });
        begin(&mut store);
        let instantiated = if waits {
            at_once(pre.instantiate_async(&mut store))
        } else {
            pre.instantiate(&mut store)
        };
        let started = instantiated.and_then(|instance| {
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
                host_call_bytes: limits.host_call_bytes,
                restore_fuel: false,
                made_in: Duration::ZERO,
                served: 0,
                worn_at: limits.memory - limits.memory / 8,
                wait: limits.wait,
                waits,
            }),
            Err(error) => Err(failure(&error, store.data())),
        }
    }

    /// Asks it what it is.
    pub(super) fn describe(&mut self) -> Result<Description, Failure> {
        begin(&mut self.store);
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
        begin(&mut self.store);
        let (configure, config) = (&self.calls.configure, (config.clone(),));
        let configured = if self.waits {
            at_once(configure.call_async(&mut self.store, config))
        } else {
            configure.call(&mut self.store, config)
        };
        let state = self.store.data_mut();
        state.starting = false;
        // What it needs from the start is not what it gathers.
        self.worn_at = self.worn_at.max(state.limiter.used());
        state.deadline = Deadline::new(deadline);
        configured
            .map(|(result,)| result)
            .map_err(|error| failure(&error, self.store.data()))
    }

    /// Calls a hook, with the exchange lent to it. Edits of a failed call are undone.
    #[inline]
    pub(super) fn call<C: HookCall>(
        &mut self,
        mut exchange: Box<Exchange>,
        hook: &C,
    ) -> (Box<Exchange>, Result<C::Verdict, Failure>) {
        self.begin(&mut exchange, hook.carries_body());
        let state = self.store.data_mut();
        let ticks = state.deadline.begin(state.ticker.ticks());
        self.store.set_epoch_deadline(ticks);
        self.store.data_mut().exchange = Some(exchange);
        let called = hook.now(&self.calls, &mut self.store);
        let result = self.end(called);
        // Host functions take it out for an edit only, and put it back on every path.
        let taken = self.take_exchange();
        let exchange = taken.expect("the exchange is back after a call"); // invariant
        (exchange, result)
    }

    /// The same for a plugin that may wait. The exchange stays with the instance:
    /// [`Instance::take_exchange`] has it back, also after a call that was given up.
    pub(super) async fn wait<C: HookCall>(
        &mut self,
        mut exchange: Box<Exchange>,
        hook: &C,
    ) -> Result<C::Verdict, Failure> {
        self.begin(&mut exchange, hook.carries_body());
        let ticks = self.store.data_mut().deadline.begin_counted();
        self.store.set_epoch_deadline(ticks);
        self.store.data_mut().exchange = Some(exchange);
        let called = hook.waiting(&self.calls, &mut self.store);
        match tokio::time::timeout(self.wait, called).await {
            Ok(called) => self.end(called),
            Err(_) => {
                self.undo();
                Err(Failure::Waited)
            }
        }
    }

    /// Whether it has gathered so much memory that a new one should take its
    /// place, before a request pays for it.
    #[inline]
    pub(super) fn is_worn(&self) -> bool {
        self.memory_bytes() > self.worn_at
    }

    /// Notes how long it took to make it.
    pub(super) fn was_made_in(&mut self, time: Duration) {
        self.made_in = time;
    }

    /// Whether making it took longer than its calls could have: where such an
    /// instance is worn, its worker does little else than make the next.
    pub(super) fn was_dear(&self, deadline: Duration) -> bool {
        self.made_in > deadline.saturating_mul(self.served)
    }

    /// Where its calls go while a hook waits for them.
    pub(super) fn connect(&mut self, outcalls: Outcalls) {
        self.store.data_mut().outcalls = Some(outcalls);
    }

    /// The exchange that was lent to it, without the edits of a call that did not end.
    pub(super) fn take_exchange(&mut self) -> Option<Box<Exchange>> {
        self.store.data_mut().exchange.take()
    }

    /// Undoes the edits of the present call.
    pub(super) fn undo(&mut self) {
        if let Some(exchange) = &mut self.store.data_mut().exchange {
            exchange.undo_edits();
        }
    }

    /// Bytes of linear memory and tables that it has.
    pub(super) fn memory_bytes(&self) -> usize {
        self.store.data().limiter.used()
    }

    #[inline]
    fn begin(&mut self, exchange: &mut Exchange, carries_body: bool) {
        exchange.begin_edits();
        self.served = self.served.saturating_add(1);
        if carries_body {
            // What a route lets through as a body, a plugin may return as one.
            let fuel = self.host_call_bytes.max(exchange.route.body_limit);
            self.store.set_hostcall_fuel(fuel);
            self.restore_fuel = true;
        } else if self.restore_fuel {
            self.store.set_hostcall_fuel(self.host_call_bytes);
            self.restore_fuel = false;
        }
        let state = self.store.data_mut();
        state.ticker.touch();
        state.limiter.begin();
    }

    #[inline]
    fn end<V>(&mut self, called: wasmtime::Result<Result<V, Failure>>) -> Result<V, Failure> {
        let result = match called {
            Ok(result) => result,
            Err(error) => Err(failure(&error, self.store.data())),
        };
        if result.is_err() {
            self.undo();
        } else if let Some(exchange) = &mut self.store.data_mut().exchange {
            exchange.keep_edits();
        }
        result
    }
}

/// A new call of an export that needs no exchange.
fn begin(store: &mut Store<State>) {
    let state = store.data_mut();
    state.ticker.touch();
    state.limiter.begin();
    let ticks = state.deadline.begin(state.ticker.ticks());
    store.set_epoch_deadline(ticks);
}

/// What a future gives that has nothing to wait for: a plugin that is not
/// serving yet reaches nothing that could keep it waiting.
fn at_once<V>(future: impl Future<Output = wasmtime::Result<V>>) -> wasmtime::Result<V> {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    match future.as_mut().poll(&mut context) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(wasmtime::Error::msg("it waits before it serves")),
    }
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
        return match backtrace {
            // The guest had returned, and what it returned was being read.
            None => Failure::TooLarge,
            Some(_) => Failure::Trap(
                "it hands over more data in one call than limits.host_call_bytes allows".into(),
            ),
        };
    }
    let place = backtrace
        .and_then(|trace| trace.frames().first()?.func_name())
        .map(|name| format!(", in {name}"));
    let cause = format!("{cause}{}", place.unwrap_or_default());
    Failure::Trap(printable(&cause, MAX_MESSAGE))
}
