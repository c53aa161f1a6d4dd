//! A compiled component and what its type and its description say.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, InstancePre, Linker};

use super::abi::v0_1::{self, Exports, Pace};
use super::instance::Instance;
use super::state::State;
use super::ticker::Ticker;
use super::world::{World, own_interface};
use super::{Digest, Hooks, LoadError};
use crate::capability::Scope;
use crate::config::model::PluginLimits;

/// What an instance may use that only describes itself.
const DESCRIBE_LIMITS: PluginLimits = PluginLimits {
    deadline: Duration::from_secs(2),
    memory: 256 << 20,
    host_call_bytes: 1 << 20,
    instances: 1,
    wait: Duration::ZERO,
};

/// A plugin's code, ready to be instantiated. Immutable.
pub struct Artifact {
    digest: Digest,
    size: usize,
    compiled_size: usize,
    hooks: Hooks,
    imports: Vec<String>,
    summary: String,
    config_schema: String,
    pre: InstancePre<State>,
    /// With capabilities that may wait; none where it imports none of them.
    waiting: Option<InstancePre<State>>,
    exports: Exports,
}

impl Artifact {
    /// Reads the type, links the imports, and asks the plugin to describe itself.
    pub(super) fn new(
        digest: Digest,
        size: usize,
        component: &Component,
        linker: impl Fn(&World, Pace) -> wasmtime::Result<Linker<State>>,
        ticker: &Arc<Ticker>,
    ) -> Result<Self, LoadError> {
        let world = World::read(&component.component_type(), component.engine())?;
        let unfit = |error: wasmtime::Error| LoadError::WrongWorld(vec![format!("{error:#}")]);
        let exports = Exports::find(component, &world.lifecycle, &world.hooks).map_err(unfit)?;
        let pre = |pace| linker(&world, pace)?.instantiate_pre(component);
        let waits = |name: &String| own_interface(name).is_some_and(v0_1::may_wait);
        let waiting = match world.imports.iter().any(waits) {
            true => Some(pre(Pace::Waiting).map_err(unfit)?),
            false => None,
        };
        let pre = pre(Pace::AtOnce).map_err(unfit)?;
        let image = component.image_range();
        let mut artifact = Self {
            digest,
            size,
            compiled_size: (image.end as usize).saturating_sub(image.start as usize),
            hooks: world.hooks.iter().map(|(hook, _)| *hook).collect(),
            imports: world.imports,
            summary: String::new(),
            config_schema: String::new(),
            pre,
            waiting,
            exports,
        };
        let scope = Arc::new(Scope::nobody());
        let instance = Instance::start(&artifact, scope, &DESCRIBE_LIMITS, ticker, false);
        let description = instance
            .and_then(|mut instance| instance.describe())
            .map_err(LoadError::Describe)?;
        artifact.summary = description.summary;
        artifact.config_schema = description.config_schema;
        Ok(artifact)
    }

    /// The SHA-256 of the file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The hooks that it exports: all that are ever called.
    pub fn hooks(&self) -> Hooks {
        self.hooks
    }

    /// The interfaces that it imports, as its type has them: all that it can reach.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// What it is, in its own words.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The JSON Schema (2020-12) of its configuration.
    pub fn config_schema(&self) -> &str {
        &self.config_schema
    }

    /// Bytes of the file.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bytes of the compiled code and its data.
    pub fn compiled_size(&self) -> usize {
        self.compiled_size
    }

    /// Whether it imports this interface of the gateway, named without its package.
    pub fn reaches(&self, interface: &str) -> bool {
        self.interfaces().any(|i| i == interface)
    }

    /// The bare names of this gateway's interfaces that it imports.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = &str> {
        self.imports.iter().filter_map(|name| own_interface(name))
    }

    /// For instances that wait, or for those that never do.
    pub(super) fn pre(&self, waits: bool) -> &InstancePre<State> {
        match &self.waiting {
            Some(waiting) if waits => waiting,
            _ => &self.pre,
        }
    }

    pub(super) fn exports(&self) -> &Exports {
        &self.exports
    }
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Artifact({})", self.digest)
    }
}
