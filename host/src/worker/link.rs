//! One plugin in a chain, on one worker: its instance, and what is counted of its hooks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::config::model::{Name, OnError};
use crate::exchange::Exchange;
use crate::plugin::{Binding, BodyVerdict, Failure, HeadVerdict, Hook, Instance, Slot, Summary};
use crate::telemetry::{HookSeries, PluginSeries, Shard};

/// A plugin on one worker. A hook that the plugin does not export has no series.
pub struct Link {
    /// The plugin's name in the configuration.
    pub name: Name,
    /// Its instance.
    pub slot: Slot,
    /// `on-request`
    pub on_request: Option<Arc<HookSeries>>,
    /// `on-request-body`
    pub on_request_body: Option<Arc<HookSeries>>,
    /// `on-response`
    pub on_response: Option<Arc<HookSeries>>,
    /// `on-response-body`
    pub on_response_body: Option<Arc<HookSeries>>,
    /// `on-log`
    pub on_log: Option<Arc<HookSeries>>,
    series: Arc<PluginSeries>,
}

/// A hook's result, and the exchange back.
type Called<T> = (Box<Exchange>, Result<T, Failure>);

impl Link {
    /// The plugin `name`, with an instance that is ready if there is one.
    pub fn new(name: Name, binding: Arc<Binding>, first: Option<Instance>, shard: &Shard) -> Self {
        let hooks = binding.hooks();
        let series = |hook: Hook| hooks.contains(hook).then(|| shard.hook(&name, hook.name()));
        Self {
            on_request: series(Hook::OnRequest),
            on_request_body: series(Hook::OnRequestBody),
            on_response: series(Hook::OnResponse),
            on_response_body: series(Hook::OnResponseBody),
            on_log: series(Hook::OnLog),
            slot: Slot::new(binding, first),
            series: shard.plugin(&name),
            name,
        }
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

    /// Calls `on-request`.
    pub fn call_on_request(
        &self,
        exchange: Box<Exchange>,
        spent: &mut Duration,
    ) -> Called<HeadVerdict> {
        let series = self.on_request.as_deref();
        self.timed(series, Hook::OnRequest, spent, || {
            self.slot.on_request(exchange)
        })
    }

    /// Calls `on-request-body`.
    pub fn call_on_request_body(
        &self,
        exchange: Box<Exchange>,
        body: &Bytes,
        spent: &mut Duration,
    ) -> Called<BodyVerdict> {
        let series = self.on_request_body.as_deref();
        let call = || self.slot.on_request_body(exchange, body);
        self.timed(series, Hook::OnRequestBody, spent, call)
    }

    /// Calls `on-response`.
    pub fn call_on_response(
        &self,
        exchange: Box<Exchange>,
        spent: &mut Duration,
    ) -> Called<HeadVerdict> {
        let series = self.on_response.as_deref();
        self.timed(series, Hook::OnResponse, spent, || {
            self.slot.on_response(exchange)
        })
    }

    /// Calls `on-response-body`.
    pub fn call_on_response_body(
        &self,
        exchange: Box<Exchange>,
        body: &Bytes,
        spent: &mut Duration,
    ) -> Called<BodyVerdict> {
        let series = self.on_response_body.as_deref();
        let call = || self.slot.on_response_body(exchange, body);
        self.timed(series, Hook::OnResponseBody, spent, call)
    }

    /// Calls `on-log`.
    pub fn call_on_log(
        &self,
        exchange: Box<Exchange>,
        summary: &Summary,
        spent: &mut Duration,
    ) -> Called<()> {
        let series = self.on_log.as_deref();
        self.timed(series, Hook::OnLog, spent, || {
            self.slot.on_log(exchange, summary)
        })
    }

    fn timed<T>(
        &self,
        series: Option<&HookSeries>,
        hook: Hook,
        spent: &mut Duration,
        call: impl FnOnce() -> Called<T>,
    ) -> Called<T> {
        let begun = Instant::now();
        let (exchange, result) = call();
        let took = begun.elapsed();
        *spent += took;
        if let Some(series) = series {
            match &result {
                Ok(_) => series.record_ok(took),
                Err(failure) => series.record_failure(failure.kind(), took),
            }
        }
        // That it is left alone was said when that began.
        if let Err(failure) = &result
            && !matches!(failure, Failure::Tripped)
        {
            let route = &*exchange.route.name;
            let id = exchange.request_id.to_str().unwrap_or("");
            tracing::warn!(
                plugin = &*self.name,
                hook = hook.name(),
                route,
                request_id = id,
                "hook failed: {failure}"
            );
        }
        (exchange, result)
    }
}
