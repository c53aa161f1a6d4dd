//! Immutable generations: everything that one configuration means, built
//! beside traffic and swapped in whole.

mod build;
mod control;
mod destinations;
mod files;
mod history;
mod order;
mod second;
mod stores;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::capability::Stores;
use crate::config::model::{Config, Listener, Name};
use crate::plugin::{Binding, Instance};
use crate::rollout::Rollout;
use crate::route::Table;
use crate::server::Sockets;
use crate::telemetry::access_log::AccessLog;

pub use build::{Environment, build, check};
pub use control::{Cause, Control, ReloadOutcome};
pub use destinations::{Destination, Destinations};
pub use history::Past;
pub use watch::watch;

/// One configuration, ready to serve. It never changes.
pub struct Generation {
    /// From 1, counting up.
    pub number: u64,
    /// When it was built.
    pub built: SystemTime,
    /// What the operator wrote.
    pub config: Config,
    /// The match table over `config.routes`.
    pub routes: Arc<Table>,
    /// Plugins by name: code, configuration, grants and limits.
    pub bindings: BTreeMap<Name, Arc<Binding>>,
    /// Where plugins count and keep, by name; `local` is always there.
    pub stores: Stores,
    /// Where requests and calls go: upstreams, and the origins of grants.
    pub destinations: Destinations,
    /// Listeners by name.
    pub listeners: BTreeMap<Name, Listening>,
    /// Where lines go.
    pub access_log: AccessLog,
    instances: Mutex<HashMap<Name, Vec<Instance>>>,
}

/// A listener that is ready.
#[derive(Clone)]
pub struct Listening {
    /// What the operator wrote.
    pub config: Arc<Listener>,
    /// Where it listens; none where nothing is served, as in `check`.
    pub sockets: Option<Arc<Sockets>>,
    /// TLS, where it has it.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

impl Generation {
    /// The rollouts of the plugins that some route uses.
    pub fn rollouts(&self) -> Vec<Arc<Rollout>> {
        let used = |name: &Name| self.config.routes.iter().any(|r| r.plugins.contains(name));
        let bindings = self.bindings.iter().filter(|(name, _)| used(name));
        bindings.filter_map(|(_, b)| b.rollout().cloned()).collect()
    }

    /// It serves: the metrics of its plugins are shown.
    fn publish_metrics(&self) {
        self.bindings.values().for_each(|binding| binding.publish());
    }

    /// An instance of a plugin that was configured beside traffic, for the
    /// worker that asks first.
    pub fn take_instance(&self, plugin: &str) -> Option<Instance> {
        let mut instances = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        instances.get_mut(plugin)?.pop()
    }
}
