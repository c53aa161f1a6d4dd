//! What surrounds an exchange: consumers, secrets, services, stores, time, metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Harness;
use super::http_client::Services;
use super::quota::Opened;
use super::rollout::OpenPlan;
use super::store::{Store, stores};
use crate::consumers::Credential;
use crate::{Hook, Plugin, Problems};

/// How much of a made-up key is its public prefix.
const PREFIX: usize = 8;

/// The parts of a gateway that plugins can ask about, with time that stands still.
#[derive(Debug, Clone)]
pub struct Gateway {
    pub(super) consumers: BTreeMap<String, Consumer>,
    pub(super) unix_ms: u64,
    pub(super) monotonic_ns: u64,
    pub(super) random: u64,
    pub(super) metrics: Vec<Metric>,
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    pub(super) services: Services,
    pub(super) stores: BTreeMap<String, Store>,
    pub(super) limits: Vec<Opened>,
    pub(super) unavailable: BTreeSet<String>,
    pub(super) skipped: Vec<Hook>,
    pub(super) plan: Option<OpenPlan>,
}

/// A metric that the plugin registered.
#[derive(Debug, Clone)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) labels: Vec<String>,
    /// None of a counter.
    pub(super) buckets: Option<Vec<f64>>,
    pub(super) series: BTreeMap<Vec<String>, Series>,
}

/// What was counted under one set of values.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    pub(super) count: u64,
    pub(super) observed: Vec<f64>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            consumers: BTreeMap::new(),
            unix_ms: 1_750_000_000_000,
            monotonic_ns: 1_000_000_000,
            random: 0,
            metrics: Vec::new(),
            secrets: BTreeMap::new(),
            services: Services::default(),
            stores: stores(),
            limits: Vec::new(),
            unavailable: BTreeSet::new(),
            skipped: Vec::new(),
            plan: None,
        }
    }
}

impl Gateway {
    /// One without consumers, with the store `local`, in the middle of 2025.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more consumer.
    #[must_use]
    pub fn with_consumer(mut self, consumer: Consumer) -> Self {
        self.consumers.insert(consumer.name.clone(), consumer);
        self
    }

    /// The time, in milliseconds since 1970.
    #[must_use]
    pub fn at_unix_ms(mut self, unix_ms: u64) -> Self {
        self.unix_ms = unix_ms;
        self
    }

    /// Configures a plugin in this gateway.
    pub fn configure<P: Plugin>(self, config: Value) -> Result<Harness<P>, Problems> {
        Harness::configure_in(self, &config)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.unix_ms = self.unix_ms.saturating_add(ms);
        self.monotonic_ns = self.monotonic_ns.saturating_add(ns);
    }
}

/// A consumer of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Consumer {
    pub(super) name: String,
    pub(super) groups: Vec<String>,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) credentials: Vec<Credential>,
}

impl Consumer {
    /// One without groups, attributes and keys.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// In one more group.
    #[must_use]
    pub fn with_group(mut self, group: &str) -> Self {
        self.groups.push(group.to_owned());
        self
    }

    /// With one more attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With one more key, whose first eight bytes are its prefix.
    #[must_use]
    pub fn with_key(self, id: &str, key: &str) -> Self {
        self.with_key_between(id, key, None, None)
    }

    /// With one more key that is valid from `not_before` until before
    /// `expires`, both in Unix seconds.
    #[must_use]
    pub fn with_key_between(
        mut self,
        id: &str,
        key: &str,
        not_before: Option<u64>,
        expires: Option<u64>,
    ) -> Self {
        self.credentials.push(Credential {
            id: id.to_owned(),
            consumer: self.name.clone(),
            prefix: key.chars().take(PREFIX).collect(),
            sha256: Sha256::digest(key).to_vec(),
            not_before,
            expires,
        });
        self
    }
}
