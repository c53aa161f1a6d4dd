//! Limits that count right: the sets that a plugin opened.

use std::sync::Arc;

use super::scope::Scope;
use crate::store::{Consistency, Limit, LimitSet, Store};

/// Sets of limits that one instance may open.
const MAX_SETS: usize = 64;

/// Limits that are taken together, and where they are counted.
#[derive(Clone)]
pub(crate) struct OpenLimits {
    pub(crate) store: Store,
    pub(crate) set: Arc<LimitSet>,
}

/// Opens limits. The error is for the operator.
pub(crate) fn open(
    scope: &Scope,
    opened: &mut Vec<OpenLimits>,
    store: &str,
    consistency: Consistency,
    limits: Vec<Limit>,
) -> Result<u32, String> {
    let Some(found) = scope.quota.get(store) else {
        return Err(scope.no_store(store));
    };
    if opened.len() >= MAX_SETS {
        return Err(format!("a plugin opens at most {MAX_SETS} sets of limits"));
    }
    opened.push(OpenLimits {
        store: found.store.clone(),
        set: Arc::new(LimitSet::new(&scope.name, consistency, limits)?),
    });
    u32::try_from(opened.len() - 1).map_err(|e| e.to_string())
}
