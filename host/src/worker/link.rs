//! One plugin in a chain, on one worker: its instance, and what is counted of its hooks.

use std::sync::Arc;
use std::time::Duration;

use super::Stopwatch;
use crate::config::model::{Name, OnError};
use crate::exchange::Exchange;
use crate::plugin::{Binding, Failure, Hook, HookCall, Hooks, Instance, Outcalls, Slot};
use crate::telemetry::{HookSeries, PluginSeries, Shard};

/// A plugin on one worker.
pub struct Link {
    /// The plugin's name in the configuration.
    pub name: Name,
    /// Its instances.
    pub slot: Slot,
    /// The hooks that it has and needs.
    needed: Hooks,
    /// By hook; one that is never called has none.
    hooks: [Option<Arc<HookSeries>>; Hook::ALL.len()],
    series: Arc<PluginSeries>,
}

impl Link {
    /// The plugin `name`, with an instance that is ready if there is one.
    pub fn new(name: Name, binding: Arc<Binding>, first: Option<Instance>, shard: &Shard) -> Self {
        let hooks = binding.hooks();
        let series = |hook: Hook| hooks.contains(hook).then(|| shard.hook(&name, hook.name()));
        Self {
            needed: hooks,
            hooks: Hook::ALL.map(series),
            slot: Slot::new(binding, first),
            series: shard.plugin(&name),
            name,
        }
    }

    /// Whether the plugin has this hook, and needs it.
    #[inline]
    pub fn has(&self, hook: Hook) -> bool {
        self.needed.contains(hook)
    }

    /// What a failure of this plugin means for the exchange.
    pub fn on_error(&self) -> OnError {
        self.slot.binding().on_error()
    }

    /// Brings the gauges up to date. Called now and then.
    pub fn measure(&self) {
        let memory = i64::try_from(self.slot.memory_bytes()).unwrap_or(i64::MAX);
        self.series.memory.set(memory);
        self.series.tripped.set(i64::from(self.slot.tripped()));
    }

    /// Calls a hook of a plugin that never waits: a lap of `watch`, which runs.
    #[inline]
    pub fn call<C: HookCall>(
        &self,
        exchange: Box<Exchange>,
        hook: &C,
        watch: &mut Stopwatch,
    ) -> (Box<Exchange>, Result<C::Verdict, Failure>) {
        let (exchange, result) = self.slot.call(exchange, hook);
        let failure = result.as_ref().err();
        self.record(C::HOOK, watch.lap(), Some(&exchange), failure);
        (exchange, result)
    }

    /// The same for a plugin that may wait. See [`Slot::wait`].
    pub async fn wait<C: HookCall>(
        &self,
        home: &mut Option<Box<Exchange>>,
        hook: &C,
        outcalls: Outcalls,
        watch: &mut Stopwatch,
    ) -> Result<C::Verdict, Failure> {
        let result = self.slot.wait(home, hook, outcalls).await;
        let failure = result.as_ref().err();
        self.record(C::HOOK, watch.lap(), home.as_deref(), failure);
        result
    }

    #[inline]
    fn record(
        &self,
        hook: Hook,
        took: Duration,
        exchange: Option<&Exchange>,
        failure: Option<&Failure>,
    ) {
        if let Some(Some(series)) = self.hooks.get(hook as usize) {
            match failure {
                None => series.record_ok(took),
                Some(failure) => series.record_failure(failure.kind(), took),
            }
        }
        // That it is left alone was said when that began.
        if let Some(failure) = failure
            && !matches!(failure, Failure::Tripped)
            && self.slot.binding().may_report_failure()
        {
            let route = exchange.map_or("", |e| &e.route.name);
            let id = exchange.and_then(|e| e.request_id.to_str().ok());
            tracing::warn!(
                plugin = &*self.name,
                hook = hook.name(),
                route,
                request_id = id.unwrap_or(""),
                "hook failed: {failure}"
            );
        }
    }
}
