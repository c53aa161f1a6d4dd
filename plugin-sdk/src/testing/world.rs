//! What the imports of a running hook speak to.
//!
//! Imports are plain functions, as in a component, so what they reach must be
//! found without an argument: it is the thread's own, for the time of a hook.

use std::cell::RefCell;

use super::{Exchange, Gateway};

/// Which hooks are running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Configure,
    Request,
    Response,
    Log,
}

/// All that a hook can reach.
#[derive(Debug)]
pub(super) struct World {
    pub(super) gateway: Gateway,
    pub(super) exchange: Exchange,
    pub(super) phase: Phase,
}

thread_local! {
    static CURRENT: RefCell<Option<World>> = const { RefCell::new(None) };
}

impl World {
    /// Runs a hook in this world, and gives back what has become of it.
    pub(super) fn run<T>(self, hook: impl FnOnce() -> T) -> (Self, T) {
        CURRENT.with_borrow_mut(|current| *current = Some(self));
        let result = hook();
        let world = CURRENT.take();
        (world.expect("a hook does not run inside another"), result)
    }
}

/// What the world of the running hook answers.
pub(super) fn ask<T>(question: impl FnOnce(&mut World) -> T) -> T {
    CURRENT.with_borrow_mut(|current| match current {
        Some(world) => question(world),
        None => panic!("outside of a hook: call it through a `testing::Harness`"),
    })
}
