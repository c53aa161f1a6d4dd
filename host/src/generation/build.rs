//! From a validated model to a generation, or to all that is wrong with it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::{Destinations, Generation, Listening, destinations, stores};
use crate::capability::{CustomMetrics, Services, Stores};
use crate::config::model::{Config, Name, Plugin, PluginSource};
use crate::config::{self, Loaded, Places, Problem};
use crate::plugin::{self, Artifact, Binding, Digest, Instance, StartError, builtin};
use crate::rollout::Rollouts;
use crate::route::Table;
use crate::server::{Sockets, TlsError, server_config};
use crate::telemetry::access_log::AccessLog;

/// What outlives every generation.
pub struct Environment {
    /// Engine and compile cache.
    pub runtime: plugin::Runtime,
    /// The metrics that plugins register.
    pub custom: CustomMetrics,
    /// Canaries, and how far they are.
    pub rollouts: Arc<Rollouts>,
    /// How many workers there are, each with an instance of each plugin.
    pub workers: usize,
}

/// Whether a generation is to serve.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Serve,
    Check,
}

/// Builds generation `number`. What `previous` has, and that is the same, is
/// taken over: plugins with their instances, sockets, the access log.
///
/// # Errors
/// All problems, and nothing has changed.
pub fn build(
    loaded: &Loaded,
    environment: &Environment,
    previous: Option<&Generation>,
    number: u64,
) -> Result<Generation, Vec<Problem>> {
    Building::new(loaded, environment, previous, Purpose::Serve).finish(number)
}

/// Loads everything as [`build`] does, plugins and their `configure` included,
/// but takes no address and opens no log.
///
/// # Errors
/// All problems.
pub fn check(loaded: &Loaded, environment: &Environment) -> Result<Generation, Vec<Problem>> {
    Building::new(loaded, environment, None, Purpose::Check).finish(0)
}

struct Building<'a> {
    config: &'a Config,
    places: &'a Places,
    environment: &'a Environment,
    previous: Option<&'a Generation>,
    purpose: Purpose,
    problems: Vec<Problem>,
}

impl<'a> Building<'a> {
    fn new(
        loaded: &'a Loaded,
        environment: &'a Environment,
        previous: Option<&'a Generation>,
        purpose: Purpose,
    ) -> Self {
        Self {
            config: &loaded.config,
            places: &loaded.places,
            environment,
            previous,
            purpose,
            problems: Vec::new(),
        }
    }

    fn finish(mut self, number: u64) -> Result<Generation, Vec<Problem>> {
        let routes = self.routes();
        let mut instances = HashMap::new();
        let stores = self.stores();
        let bindings = self.bindings(&stores, &mut instances);
        self.rollouts(&bindings);
        let destinations = self.destinations();
        let listeners = self.listeners();
        let access_log = self.access_log();
        match (routes, access_log) {
            (Some(routes), Some(access_log)) if self.problems.is_empty() => Ok(Generation {
                number,
                built: SystemTime::now(),
                config: self.config.clone(),
                routes: Arc::new(routes),
                bindings,
                stores,
                destinations,
                listeners,
                access_log,
                instances: Mutex::new(instances),
            }),
            _ => Err(self.problems),
        }
    }

    fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(self.places.problem(key, message));
    }

    fn routes(&mut self) -> Option<Table> {
        match Table::build(&self.config.routes) {
            Ok(table) => Some(table),
            Err(conflicts) => {
                for conflict in conflicts {
                    let name = |i: usize| self.config.routes.get(i).map_or("", |r| &r.name);
                    let message = format!(
                        "this route and route \"{}\" match the same requests: {}",
                        name(conflict.first),
                        conflict.why
                    );
                    self.problem(&format!("routes[{}].match", conflict.second), message);
                }
                None
            }
        }
    }

    fn stores(&mut self) -> Stores {
        let previous = self.previous.map(|g| &g.stores);
        let connect = self.purpose == Purpose::Serve;
        let (stores, problems) = stores::open(self.config, previous, connect);
        for (name, why) in problems {
            self.problem(&format!("stores.{name}"), why);
        }
        stores
    }

    fn destinations(&mut self) -> Destinations {
        let previous = self.previous.map(|g| &g.destinations);
        let (destinations, problems) = destinations::open(self.config, previous);
        for (key, why) in problems {
            self.problem(&key, why);
        }
        destinations
    }

    fn bindings(
        &mut self,
        stores: &Stores,
        instances: &mut HashMap<Name, Vec<Instance>>,
    ) -> BTreeMap<Name, Arc<Binding>> {
        let mut bindings = BTreeMap::new();
        for (name, plugin) in &self.config.plugins {
            let Some(artifact) = self.artifact(plugin) else {
                continue;
            };
            let services = Services {
                consumers: &self.config.consumers,
                stores,
                secrets: &self.config.secrets,
                metrics: &self.environment.custom,
                rollouts: &self.environment.rollouts,
            };
            let bound = Binding::new(artifact, plugin, &services, &self.environment.runtime);
            let binding = match bound {
                Ok(binding) => binding,
                Err(why) => {
                    self.problem(&format!("plugins.{name}.grants"), why.to_string());
                    continue;
                }
            };
            let known = self.previous.and_then(|g| g.bindings.get(name));
            if let Some(known) = known.filter(|k| k.same_as(&binding)) {
                bindings.insert(name.clone(), known.clone());
            } else if let Some(ready) = self.start(name, &binding) {
                instances.insert(name.clone(), ready);
                bindings.insert(name.clone(), Arc::new(binding));
            }
        }
        bindings
    }

    /// A canary can only choose among the upstreams of its routes.
    fn rollouts(&mut self, bindings: &BTreeMap<Name, Arc<Binding>>) {
        for (index, route) in self.config.routes.iter().enumerate() {
            for plugin in &route.plugins {
                let rollout = bindings.get(plugin).and_then(|b| b.rollout());
                let variants = rollout.map_or(&[][..], |r| &r.plan().variants);
                for variant in variants {
                    if route.upstreams.iter().any(|u| **u == *variant.name) {
                        continue;
                    }
                    let message = format!(
                        "the plugin \"{plugin}\" sends requests to \"{}\", which the route \
                         does not have",
                        variant.name
                    );
                    self.problem(&format!("routes[{index}].upstreams"), message);
                }
            }
        }
    }

    /// The plugin's code, compiled.
    fn artifact(&mut self, plugin: &Plugin) -> Option<Arc<Artifact>> {
        let key = |key: &str| format!("plugins.{}.{key}", plugin.name);
        let bytes = match source(&plugin.source) {
            Ok(bytes) => bytes,
            Err(mut why) => {
                let place = self.places.problem(&key("source"), "");
                why.place = place.place;
                why.key = place.key;
                self.problems.push(*why);
                return None;
            }
        };
        // Before anything of a file is compiled that is not the pinned one.
        if let Some(expected) = plugin.sha256.map(Digest) {
            let found = Digest::of(&bytes);
            if found != expected {
                let mut problem = self.places.problem(
                    &key("sha256"),
                    "the plugin's file is not the one that was pinned",
                );
                problem.found = Some(found.to_string());
                problem.expected = Some(expected.to_string());
                self.problems.push(problem);
                return None;
            }
        }
        match self.environment.runtime.load(&bytes) {
            Ok(artifact) => Some(artifact),
            Err(why) => {
                self.problem(&key("source"), why.to_string());
                None
            }
        }
    }

    /// An instance for each worker: the first one shows whether `configure` agrees.
    fn start(&mut self, name: &Name, binding: &Binding) -> Option<Vec<Instance>> {
        let count = match self.purpose {
            Purpose::Serve => self.environment.workers,
            Purpose::Check => 1,
        };
        let mut ready = Vec::with_capacity(count);
        for _ in 0..count {
            match binding.instantiate() {
                Ok(instance) => ready.push(instance),
                Err(StartError::Problems(problems)) => {
                    for (pointer, message) in problems {
                        self.problem(&config::plugin_key(name, &pointer), message);
                    }
                    return None;
                }
                Err(StartError::Failed(failure)) => {
                    let message = format!("the plugin's configure failed: {failure}");
                    self.problem(&format!("plugins.{name}"), message);
                    return None;
                }
            }
        }
        Some(ready)
    }

    fn listeners(&mut self) -> BTreeMap<Name, Listening> {
        let mut listeners = BTreeMap::new();
        for (name, listener) in &self.config.listeners {
            let tls = match listener.tls.as_ref().map(server_config).transpose() {
                Ok(tls) => tls,
                Err(why) => {
                    let (key, why) = match why {
                        TlsError::Certificate(why) => ("certificate", why),
                        TlsError::Key(why) => ("key", why),
                    };
                    let key = format!("listeners.{name}.tls.certificates[0].{key}");
                    self.problem(&key, format!("cannot be used: {why}"));
                    continue;
                }
            };
            let sockets = match self.purpose {
                Purpose::Check => None,
                Purpose::Serve => match self.sockets(name, listener.address) {
                    Ok(sockets) => Some(sockets),
                    Err(why) => {
                        let message = format!("cannot listen on {}: {why}", listener.address);
                        self.problem(&format!("listeners.{name}.address"), message);
                        continue;
                    }
                },
            };
            let config = Arc::new(listener.clone());
            listeners.insert(
                name.clone(),
                Listening {
                    config,
                    sockets,
                    tls,
                },
            );
        }
        listeners
    }

    /// The sockets that listen on this address already, whatever the listener
    /// was called, or new ones.
    fn sockets(&self, name: &Name, address: std::net::SocketAddr) -> std::io::Result<Arc<Sockets>> {
        let known = self.previous.and_then(|g| {
            let asked = |l: &&Listening| l.config.address == address;
            let same = g.listeners.get(name).filter(asked);
            same.or_else(|| g.listeners.values().find(asked))
        });
        if let Some(sockets) = known.and_then(|l| l.sockets.clone()) {
            return Ok(sockets);
        }
        Sockets::bind(address, self.environment.workers).map(Arc::new)
    }

    fn access_log(&mut self) -> Option<AccessLog> {
        let wanted = match self.purpose {
            Purpose::Serve => &self.config.access_log,
            Purpose::Check => &crate::config::model::AccessLog::Off,
        };
        if let Some(known) = self
            .previous
            .map(|g| &g.access_log)
            .filter(|l| l.serves(wanted))
        {
            return Some(known.clone());
        }
        match AccessLog::open(wanted) {
            Ok(log) => Some(log),
            Err(why) => {
                self.problem("access_log.output", format!("cannot be opened: {why}"));
                None
            }
        }
    }
}

/// The bytes of a plugin.
fn source(source: &PluginSource) -> Result<std::borrow::Cow<'static, [u8]>, Box<Problem>> {
    let problem = |message: String| Problem {
        place: None,
        key: String::new(),
        message,
        found: None,
        expected: None,
        nearest: None,
    };
    match source {
        PluginSource::Builtin(name) => builtin::find(name).map(Into::into).ok_or_else(|| {
            let mut problem = problem("no such built-in plugin".into());
            problem.found = Some(format!("\"builtin:{name}\""));
            let names: Vec<_> = builtin::names().collect();
            problem.expected = Some(format!("one of {}", names.join(", ")));
            problem.nearest = config::nearest(name, names);
            Box::new(problem)
        }),
        PluginSource::File(path) => std::fs::read(path)
            .map(Into::into)
            .map_err(|why| Box::new(problem(format!("cannot read {}: {why}", path.display())))),
    }
}

/// Whether `loaded` means what `current` serves: the same model, and the same
/// code of every plugin.
pub(super) fn means_the_same(loaded: &Loaded, current: &Generation) -> bool {
    config::diff(&current.config, &loaded.config).is_empty()
        && loaded.config.plugins.iter().all(|(name, plugin)| {
            let known = current.bindings.get(name);
            source(&plugin.source).is_ok_and(|bytes| {
                let digest = Digest::of(&bytes);
                known.is_some_and(|b| b.artifact().digest() == digest)
            })
        })
}
