//! Whose capabilities these are: the binding that an instance belongs to.

use std::sync::Arc;

use super::log::LogSink;
use super::metrics::PluginMetrics;
use crate::config::model::{Consumers, Name};

/// Shared by all instances of one binding.
pub(crate) struct Scope {
    /// The plugin's name in the configuration.
    pub(crate) name: Name,
    /// Where its lines go.
    pub(crate) log: LogSink,
    /// The consumers that it may read: none where it does not import them.
    pub(crate) consumers: Arc<Consumers>,
    /// Its metrics; none for an instance that only describes itself.
    pub(crate) metrics: Option<PluginMetrics>,
}

impl Scope {
    /// For an instance that is asked to describe itself, and reaches nothing.
    pub(crate) fn nobody() -> Self {
        let name = Name::from("");
        Self {
            log: LogSink::muted(name.clone()),
            name,
            consumers: Arc::default(),
            metrics: None,
        }
    }
}
