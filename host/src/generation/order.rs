//! Chains of plugins whose order is probably not what was meant.

use serde_json::Value;

use super::Generation;
use crate::config::model::Route;
use crate::plugin::Binding;

impl Generation {
    /// What is odd about the order of a route's plugins, for the operator.
    pub fn odd_orders(&self, route: &Route) -> Vec<String> {
        let mut known = false;
        let mut odd = Vec::new();
        for name in &route.plugins {
            let Some(binding) = self.bindings.get(name) else {
                continue;
            };
            if !known && counts_by_caller(binding) {
                odd.push(format!(
                    "`{name}` limits by consumer, and no plugin before it says who the consumer \
                     is: put the authentication first"
                ));
            }
            known |= binding.artifact().reaches("identity-edit");
        }
        odd
    }
}

/// Whether it counts under the caller's name: a plugin that takes from limits
/// and reads who calls, unless its `by` says that it counts by something else.
fn counts_by_caller(binding: &Binding) -> bool {
    let artifact = binding.artifact();
    if !artifact.reaches("quota") || !artifact.reaches("identity") {
        return false;
    }
    let caller = |value: &Value| matches!(value.as_str(), Some("consumer" | "credential"));
    match binding.plugin().config.get("by") {
        None => true,
        Some(Value::Array(parts)) => parts.iter().any(caller),
        Some(by) => caller(by),
    }
}
