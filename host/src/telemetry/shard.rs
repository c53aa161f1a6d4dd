//! The series of one worker.
//!
//! A series is looked up by name when a worker takes up a generation, and then
//! held: the hot path touches numbers only.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::counter::{Counter, Gauge, HOOK_BOUNDS, Histogram, REQUEST_BOUNDS};
use crate::config::model::Name;

/// Different (upstream, status) pairs that one route counts apart on one worker.
const MAX_STATUSES: usize = 256;

/// All series of one worker.
#[derive(Debug, Default)]
pub struct Shard {
    pub(super) routes: Mutex<HashMap<Name, Arc<RouteSeries>>>,
    pub(super) upstreams: Mutex<HashMap<Name, Arc<UpstreamSeries>>>,
    pub(super) hooks: Mutex<HashMap<(Name, &'static str), Arc<HookSeries>>>,
    pub(super) listeners: Mutex<HashMap<Name, Arc<ListenerSeries>>>,
    pub(super) plugins: Mutex<HashMap<Name, Arc<PluginSeries>>>,
    /// Access log lines that were lost because the log could not keep up.
    pub lost_lines: Counter,
    /// Exchanges under way.
    pub exchanges: Gauge,
}

impl Shard {
    /// The series of a route.
    pub fn route(&self, name: &Name) -> Arc<RouteSeries> {
        get(&self.routes, name.clone())
    }

    /// The series of an upstream.
    pub fn upstream(&self, name: &Name) -> Arc<UpstreamSeries> {
        get(&self.upstreams, name.clone())
    }

    /// The series of one hook of a plugin.
    pub fn hook(&self, plugin: &Name, hook: &'static str) -> Arc<HookSeries> {
        get(&self.hooks, (plugin.clone(), hook))
    }

    /// The series of a plugin's instance.
    pub fn plugin(&self, name: &Name) -> Arc<PluginSeries> {
        get(&self.plugins, name.clone())
    }

    /// The series of a listener.
    pub fn listener(&self, name: &Name) -> Arc<ListenerSeries> {
        get(&self.listeners, name.clone())
    }

    /// Forgets series that nobody holds any more: names that no generation has.
    pub fn forget_unused(&self) {
        lock(&self.routes).retain(|_, s| Arc::strong_count(s) > 1);
        lock(&self.upstreams).retain(|_, s| Arc::strong_count(s) > 1);
        lock(&self.hooks).retain(|_, s| Arc::strong_count(s) > 1);
        lock(&self.listeners).retain(|_, s| Arc::strong_count(s) > 1);
        lock(&self.plugins).retain(|_, s| Arc::strong_count(s) > 1);
    }
}

fn get<K: Eq + Hash, S: Default>(map: &Mutex<HashMap<K, Arc<S>>>, key: K) -> Arc<S> {
    lock(map).entry(key).or_default().clone()
}

/// Numbers stay usable after a panic elsewhere.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is counted for a route.
#[derive(Debug)]
pub struct RouteSeries {
    pub(super) statuses: Mutex<Vec<(Option<Name>, u16, u64)>>,
    pub(super) duration: Histogram,
}

impl Default for RouteSeries {
    fn default() -> Self {
        Self {
            statuses: Mutex::default(),
            duration: Histogram::new(REQUEST_BOUNDS),
        }
    }
}

impl RouteSeries {
    /// Counts an exchange that has ended.
    pub fn record(&self, upstream: Option<&Name>, status: u16, took: Duration) {
        self.duration.observe(took);
        let mut statuses = lock(&self.statuses);
        let same =
            |(u, s, _): &&mut (Option<Name>, u16, u64)| *s == status && u.as_ref() == upstream;
        if let Some((_, _, n)) = statuses.iter_mut().find(same) {
            *n += 1;
        } else if statuses.len() < MAX_STATUSES {
            statuses.push((upstream.cloned(), status, 1));
        }
    }
}

/// What is counted for an upstream.
#[derive(Debug)]
pub struct UpstreamSeries {
    /// From the request's first byte to the response's head.
    pub duration: Histogram,
    /// Connections that carry a request.
    pub active: Gauge,
    /// Connections that wait for one.
    pub idle: Gauge,
    /// Connections that were opened.
    pub opened: Counter,
    /// Connections that could not be opened.
    pub connect_failures: Counter,
    /// Requests that were sent again because their connection turned out to be gone.
    pub resent: Counter,
}

impl Default for UpstreamSeries {
    fn default() -> Self {
        Self {
            duration: Histogram::new(REQUEST_BOUNDS),
            active: Gauge::default(),
            idle: Gauge::default(),
            opened: Counter::default(),
            connect_failures: Counter::default(),
            resent: Counter::default(),
        }
    }
}

/// What is counted for one hook of a plugin.
#[derive(Debug)]
pub struct HookSeries {
    pub(super) outcomes: Mutex<Vec<(&'static str, u64)>>,
    pub(super) ok: Counter,
    pub(super) duration: Histogram,
}

impl Default for HookSeries {
    fn default() -> Self {
        Self {
            outcomes: Mutex::default(),
            ok: Counter::default(),
            duration: Histogram::new(HOOK_BOUNDS),
        }
    }
}

impl HookSeries {
    /// Counts a call that went well.
    pub fn record_ok(&self, took: Duration) {
        self.ok.add(1);
        self.duration.observe(took);
    }

    /// Counts a call that failed; `kind` is one of a fixed set of words.
    pub fn record_failure(&self, kind: &'static str, took: Duration) {
        self.duration.observe(took);
        let mut outcomes = lock(&self.outcomes);
        match outcomes.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, n)) => *n += 1,
            None => outcomes.push((kind, 1)),
        }
    }
}

/// What is counted for a plugin's instance.
#[derive(Debug, Default)]
pub struct PluginSeries {
    /// Bytes of memory and tables.
    pub memory: Gauge,
    /// 1 while the plugin is left alone after repeated failures.
    pub tripped: Gauge,
}

/// What is counted for a listener.
#[derive(Debug, Default)]
pub struct ListenerSeries {
    /// Open connections of clients.
    pub connections: Gauge,
    /// Connections that were accepted.
    pub accepted: Counter,
    /// Connections that were closed at once, because there are as many as there may be.
    pub refused: Counter,
    /// Requests whose framing was in doubt.
    pub malformed: Counter,
    /// Connections that were closed because they said nothing for too long.
    pub timed_out: Counter,
}
