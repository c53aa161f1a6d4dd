//! Whose capabilities these are: the binding that an instance belongs to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hooks::Skipped;
use super::keys::Keys;
use super::log::LogSink;
use super::metrics::PluginMetrics;
use super::rollout::Seat;
use super::services::{Services, Stores};
use crate::config::model::{Consumers, HttpGrant, Name, Plugin, PluginSource};
use crate::config::nearest;

/// The store that a builtin may always use.
const LOCAL: &str = "local";

/// What one binding has been granted. Shared by all its instances.
pub(crate) struct Scope {
    /// The plugin's name in the configuration.
    pub(crate) name: Name,
    /// Where its lines go.
    pub(crate) log: LogSink,
    /// The consumers that it may read: none where it does not import them.
    pub(crate) consumers: Arc<Consumers>,
    /// Their keys.
    pub(crate) keys: Keys,
    /// Its metrics; none for an instance that only describes itself.
    pub(crate) metrics: Option<PluginMetrics>,
    /// Where it may keep values.
    pub(crate) kv: Stores,
    /// Where it may count.
    pub(crate) quota: Stores,
    /// The names of all stores, for the words of refusals.
    pub(crate) stores: Vec<Name>,
    /// The hooks that it does not need.
    pub(crate) hooks: Skipped,
    /// Its rollout.
    pub(crate) rollout: Seat,
    /// What it may call.
    pub(crate) http: Vec<HttpGrant>,
    /// Bytes of one answer to its calls.
    pub(crate) answer_bytes: usize,
    /// The secrets that it may know.
    pub(crate) secrets: BTreeMap<Name, Arc<str>>,
}

impl Scope {
    /// What `plugin` is granted of `services`, as far as it imports it; `imports`
    /// says whether it imports an interface.
    pub(crate) fn new(
        plugin: &Plugin,
        services: &Services<'_>,
        imports: impl Fn(&str) -> bool,
    ) -> Self {
        let grants = &plugin.grants;
        let builtin = matches!(plugin.source, PluginSource::Builtin(_));
        let stores = |interface: &str, granted: &[Name]| -> Stores {
            if !imports(interface) {
                return Stores::new();
            }
            let configured = plugin.config.get("store").and_then(|s| s.as_str());
            let own = |name: &str| builtin && (name == LOCAL || Some(name) == configured);
            let all = services.stores.iter();
            all.filter(|(name, _)| granted.contains(name) || own(name))
                .map(|(name, store)| (name.clone(), store.clone()))
                .collect()
        };
        let secrets = services.secrets.iter();
        let consumers = match imports("consumers") {
            true => services.consumers.clone(),
            false => Arc::default(),
        };
        Self {
            name: plugin.name.clone(),
            log: LogSink::new(plugin.name.clone()),
            keys: Keys::of(&consumers),
            consumers,
            metrics: Some(services.metrics.plugin(plugin.name.clone())),
            kv: stores("kv", &grants.kv),
            quota: stores("quota", &grants.quota),
            stores: services.stores.keys().cloned().collect(),
            hooks: Skipped::default(),
            rollout: Seat::new(imports("rollout").then(|| services.rollouts.clone())),
            http: grants.http.clone(),
            answer_bytes: plugin.limits.host_call_bytes,
            secrets: secrets
                .filter(|(name, _)| grants.secrets.contains(name))
                .map(|(name, secret)| (name.clone(), secret.0.clone()))
                .collect(),
        }
    }

    /// For an instance that is asked to describe itself, and reaches nothing.
    pub(crate) fn nobody() -> Self {
        let name = Name::from("");
        Self {
            log: LogSink::muted(name.clone()),
            name,
            consumers: Arc::default(),
            keys: Keys::default(),
            metrics: None,
            kv: Stores::new(),
            quota: Stores::new(),
            stores: Vec::new(),
            hooks: Skipped::default(),
            rollout: Seat::new(None),
            http: Vec::new(),
            answer_bytes: 0,
            secrets: BTreeMap::new(),
        }
    }

    /// Whether it behaves the same as `other` would, and counts in the same places.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let same = |a: &Stores, b: &Stores| {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((n, a), (m, b))| n == m && Arc::ptr_eq(a, b))
        };
        self.name == other.name
            && self.consumers == other.consumers
            && same(&self.kv, &other.kv)
            && same(&self.quota, &other.quota)
            && self.http == other.http
            && self.secrets == other.secrets
    }

    /// Whether some store of it answers only after a while.
    pub(crate) fn has_waiting_store(&self) -> bool {
        let mut stores = self.kv.values().chain(self.quota.values());
        stores.any(|store| store.store.waits())
    }

    /// What to say of a store that is not there, or not granted.
    pub(crate) fn no_store(&self, name: &str) -> String {
        let known = self.stores.iter().map(|known| &**known);
        if known.clone().any(|known| known == name) {
            return format!("the store `{name}` is not granted");
        }
        let near = nearest(name, known.clone());
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let known: Vec<_> = known.collect();
        format!(
            "no such store: `{name}`, expected one of {}{near}",
            known.join(", ")
        )
    }
}
