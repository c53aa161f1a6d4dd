//! The hooks that a binding does not need as it is configured.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::plugin::{Hook, Hooks};

/// Said in `configure`, the same by all instances of a binding.
#[derive(Default)]
pub(crate) struct Skipped(AtomicU8);

impl Skipped {
    /// This hook is not needed.
    pub(crate) fn skip(&self, hook: Hook) {
        self.0.fetch_or(1 << hook as u8, Relaxed);
    }

    /// What is left of `hooks`.
    pub(crate) fn without(&self, hooks: Hooks) -> Hooks {
        let skipped = self.0.load(Relaxed);
        let needed = |hook: &Hook| skipped & (1 << *hook as u8) == 0;
        hooks.iter().filter(needed).collect()
    }
}
