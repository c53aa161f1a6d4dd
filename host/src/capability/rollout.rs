//! The rollout of one binding: its plan is the same in all its instances.

use std::sync::{Arc, OnceLock};

use crate::rollout::{Plan, Rollout, Rollouts};

/// Where a plugin's rollout is kept.
pub(crate) struct Seat {
    registry: Option<Arc<Rollouts>>,
    taken: OnceLock<Arc<Rollout>>,
}

impl Seat {
    /// A seat in `registry`; without one, nothing can be opened.
    pub(crate) fn new(registry: Option<Arc<Rollouts>>) -> Self {
        Self {
            registry,
            taken: OnceLock::new(),
        }
    }

    /// Opens the plugin's rollout. The error is for the operator.
    pub(crate) fn open(&self, plugin: &str, plan: Plan) -> Result<(), String> {
        let Some(registry) = &self.registry else {
            return Err("there are no rollouts here".into());
        };
        if let Some(taken) = self.taken.get() {
            return if *taken.plan() == plan {
                Ok(())
            } else {
                Err("a plugin has one plan".into())
            };
        }
        let opened = registry.open(plugin, plan)?;
        // Another instance may have been quicker, with the same plan.
        let _ = self.taken.set(opened);
        Ok(())
    }

    /// The rollout, once it has been opened.
    pub(crate) fn rollout(&self) -> Option<&Arc<Rollout>> {
        self.taken.get()
    }
}
