//! What the gateway offers to plugins, before anybody asks which of it is granted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::metrics::CustomMetrics;
use crate::config::model::{Consumers, Name, Secret, StoreKind};
use crate::rollout::Rollouts;
use crate::store::Store;

/// A store that is open. Two that are the same object count the same.
#[derive(Debug)]
pub struct OpenStore {
    /// What the operator wrote.
    pub kind: StoreKind,
    /// Where it counts and keeps.
    pub store: Store,
}

/// The open stores of a generation, by name; `local` is among them.
pub type Stores = BTreeMap<Name, Arc<OpenStore>>;

/// Everything that a binding can be granted.
pub struct Services<'a> {
    /// `[consumers.*]`
    pub consumers: &'a Arc<Consumers>,
    /// `[stores.*]`
    pub stores: &'a Stores,
    /// `[secrets]`
    pub secrets: &'a BTreeMap<Name, Secret<Arc<str>>>,
    /// Where plugins register their metrics.
    pub metrics: &'a CustomMetrics,
    /// Where canaries are judged.
    pub rollouts: &'a Arc<Rollouts>,
}
