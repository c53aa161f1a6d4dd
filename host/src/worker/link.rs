//! One plugin in a chain, on one worker: its instance, and what is counted of its hooks.

use std::sync::Arc;
use std::time::{Duration, Instant};

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

    /// Calls a hook of a plugin that never waits; `spent` grows by what it took.
    #[inline]
    pub fn call<C: HookCall>(
        &self,
        exchange: Box<Exchange>,
        hook: &C,
        spent: &mut Duration,
    ) -> (Box<Exchange>, Result<C::Verdict, Failure>) {
        let begun = Instant::now();
        let (exchange, result) = self.slot.call(exchange, hook);
        *spent += self.record(C::HOOK, begun, Some(&exchange), result.as_ref().err());
        (exchange, result)
    }

    /// Calls a hook of a plugin that may wait. See [`Slot::wait`].
    pub async fn wait<C: HookCall>(
        &self,
        home: &mut Option<Box<Exchange>>,
        hook: &C,
        outcalls: Outcalls,
        spent: &mut Duration,
    ) -> Result<C::Verdict, Failure> {
        let begun = Instant::now();
        let result = self.slot.wait(home, hook, outcalls).await;
        *spent += self.record(C::HOOK, begun, home.as_deref(), result.as_ref().err());
        result
    }

    #[inline]
    fn record(
        &self,
        hook: Hook,
        begun: Instant,
        exchange: Option<&Exchange>,
        failure: Option<&Failure>,
    ) -> Duration {
        let took = begun.elapsed();
        if let Some(Some(series)) = self.hooks.get(hook as usize) {
            match failure {
                None => series.record_ok(took),
                Some(failure) => series.record_failure(failure.kind(), took),
            }
        }
        // That it is left alone was said when that began.
        if let Some(failure) = failure
            && !matches!(failure, Failure::Tripped)
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
        took
    }
}
