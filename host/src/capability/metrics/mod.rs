//! Metrics that plugins make: a bounded number of them, with a bounded number
//! of series each. They live as long as a binding that registered them, so a
//! reload does not set them back, and are shown once that binding serves.

mod family;
mod handles;
mod registry;
mod render;

pub(crate) use family::Shape;
pub(crate) use handles::Handles;
pub(crate) use handles::Key;
pub use registry::CustomMetrics;
pub(crate) use registry::PluginMetrics;

/// Why a metric was not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricError {
    /// Not a valid name, label or bucket list, or the name has another shape already.
    Invalid,
    /// This plugin has as many metrics as it may.
    Full,
}
