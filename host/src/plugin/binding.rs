//! A plugin as the operator configured it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::artifact::Artifact;
use super::instance::Instance;
use super::ticker::Ticker;
use super::{Failure, Hook, Hooks, Runtime, problems};
use crate::capability::log::{Admitted, Bound};
use crate::capability::{Scope, Services, grants};
use crate::config::model::{Name, OnError, Plugin, PluginSource};
use crate::rollout::Rollout;

/// Lines about failed hooks of one plugin in a second, all workers together.
const FAILURES_PER_SECOND: u32 = 10;
/// Trips of the same plugin on several workers are one line in the log.
const TRIP_LINE_EVERY: Duration = Duration::from_secs(5);

/// Problems of a configuration that are said in one line.
const SHOWN: usize = 5;

/// An artifact with its configuration, grants and limits. Immutable: what
/// changes is another binding.
pub struct Binding {
    artifact: Arc<Artifact>,
    plugin: Arc<Plugin>,
    config: Arc<str>,
    waits: bool,
    scope: Arc<Scope>,
    ticker: Arc<Ticker>,
    failures: Bound,
    last_trip: Mutex<Option<Instant>>,
}

/// Why a plugin cannot be configured like this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindError {
    /// It imports what the operator did not grant.
    NotGranted {
        /// The interface.
        import: String,
        /// What to write in `grants`.
        grant: &'static str,
    },
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::NotGranted { import, grant } => write!(
                f,
                "imports `{import}`, which is not granted: write `grants = {{ {grant} }}` if it may"
            ),
        }
    }
}

impl std::error::Error for BindError {}

/// Why there is no instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartError {
    /// The plugin refuses its configuration: JSON Pointers into it, and messages,
    /// both fit to be shown.
    Problems(Vec<(String, String)>),
    /// It failed before it could say anything.
    Failed(Failure),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Failed(failure) => write!(f, "{failure}"),
            StartError::Problems(problems) => {
                f.write_str("refuses its configuration")?;
                for (n, (at, message)) in problems.iter().take(SHOWN).enumerate() {
                    let mark = if n == 0 { ": " } else { "; " };
                    let at = if at.is_empty() { "/" } else { at };
                    write!(f, "{mark}{at}: {message}")?;
                }
                match problems.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more"),
                }
            }
        }
    }
}

impl std::error::Error for StartError {}

impl Binding {
    /// Checks the grants. Nothing of the plugin runs yet.
    pub fn new(
        artifact: Arc<Artifact>,
        plugin: &Arc<Plugin>,
        services: &Services<'_>,
        runtime: &Runtime,
    ) -> Result<Self, BindError> {
        let builtin = matches!(plugin.source, PluginSource::Builtin(_));
        if let Some((import, grant)) = grants::missing(artifact.interfaces(), &plugin.grants)
            && !builtin
        {
            let import = import.to_owned();
            return Err(BindError::NotGranted { import, grant });
        }
        let imports = |interface: &str| artifact.reaches(interface);
        let scope = Scope::new(plugin, services, imports);
        Ok(Self {
            config: plugin.config.to_string().into(),
            waits: imports("http-client") || scope.has_waiting_store(),
            artifact,
            plugin: plugin.clone(),
            scope: Arc::new(scope),
            ticker: runtime.ticker().clone(),
            failures: Bound::new(FAILURES_PER_SECOND),
            last_trip: Mutex::default(),
        })
    }

    /// Whether `other` would behave the same in every respect, so that the
    /// older of the two, and its instances, can go on.
    pub fn same_as(&self, other: &Self) -> bool {
        let (a, b) = (&*self.plugin, &*other.plugin);
        self.artifact.digest() == other.artifact.digest()
            && a.on_error == b.on_error
            && a.on_error_status == b.on_error_status
            && a.limits == b.limits
            && a.grants == b.grants
            && self.config == other.config
            && self.scope.same_as(&other.scope)
    }

    /// Makes an instance and configures it. This takes some microseconds and
    /// what `configure` takes.
    pub fn instantiate(&self) -> Result<Instance, StartError> {
        let limits = &self.plugin.limits;
        let began = Instant::now();
        let mut instance = Instance::start(
            &self.artifact,
            self.scope.clone(),
            limits,
            &self.ticker,
            self.waits,
        )
        .map_err(StartError::Failed)?;
        match instance.configure(&self.config, limits.deadline) {
            Ok(Ok(())) => {
                instance.was_made_in(began.elapsed());
                Ok(instance)
            }
            Ok(Err(problems)) => {
                let problems = problems::readable(&problems, &self.plugin);
                Err(StartError::Problems(problems))
            }
            Err(failure) => Err(StartError::Failed(failure)),
        }
    }

    /// It serves from now on: its metrics are shown.
    pub fn publish(&self) {
        if let Some(metrics) = &self.scope.metrics {
            metrics.publish();
        }
    }

    /// The plugin's name in the configuration.
    pub fn name(&self) -> &Name {
        &self.plugin.name
    }

    /// The hooks that it has, and needs as it is configured: known once it has
    /// an instance.
    pub fn hooks(&self) -> Hooks {
        self.scope.hooks.without(self.artifact.hooks())
    }

    /// Whether it can read the request after it has gone upstream, so that the
    /// request's headers must be kept.
    pub fn uses_request_after(&self) -> bool {
        let after = [Hook::OnResponse, Hook::OnResponseBody, Hook::OnLog];
        let hooks = self.hooks();
        self.artifact.reaches("request") && after.iter().any(|h| hooks.contains(*h))
    }

    /// Whether it can read the response after it has gone to the client.
    pub fn uses_response_after(&self) -> bool {
        self.artifact.reaches("response") && self.hooks().contains(Hook::OnLog)
    }

    /// Whether its hooks may wait for a store or a call.
    #[inline]
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// The rollout that it opened, once it has been configured.
    pub fn rollout(&self) -> Option<&Arc<Rollout>> {
        self.scope.rollout.rollout()
    }

    /// What to do with an exchange whose hook failed.
    pub fn on_error(&self) -> OnError {
        self.plugin.on_error
    }

    /// The plugin as configured.
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// The code.
    pub fn artifact(&self) -> &Arc<Artifact> {
        &self.artifact
    }

    /// Whether there is room in this second for a line about a failed hook. What
    /// had none is counted, in a line of its own.
    pub fn may_report_failure(&self) -> bool {
        let Admitted { admitted, dropped } = self.failures.admit(Instant::now());
        if dropped > 0 {
            tracing::warn!(
                plugin = &**self.name(),
                dropped,
                "more hooks of this plugin failed: {FAILURES_PER_SECOND} lines a second say so"
            );
        }
        admitted
    }

    /// Says in the log that the plugin is left alone, once for all workers.
    pub(super) fn report_trip(&self, now: Instant, failure: &dyn fmt::Display) {
        let mut last = self
            .last_trip
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|at| now.saturating_duration_since(at) >= TRIP_LINE_EVERY) {
            *last = Some(now);
            tracing::warn!(
                plugin = &**self.name(),
                %failure,
                "plugin failed again and again, and is left alone for a while"
            );
        }
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binding({}, {:?})", self.name(), self.artifact)
    }
}
