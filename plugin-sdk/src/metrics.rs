//! Series in the gateway's metrics, named `sluice_plugin_custom_NAME`.
//!
//! Register in [`configure`](crate::Plugin::configure), and keep the handle in the plugin.

use crate::sys;

pub use crate::sys::types::metrics::MetricError;

/// A number that only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter(u32);

impl Counter {
    /// Registers a counter with these labels. The same name and labels give the same series.
    pub fn register(name: &str, labels: &[&str]) -> Result<Self, MetricError> {
        sys::metrics::counter(name, labels).map(Self)
    }

    /// Adds `delta` to the series of these values, one for each label. The
    /// gateway bounds how many sets of values there are.
    pub fn add(&self, delta: u64, values: &[&str]) {
        sys::metrics::add(self.0, delta, values);
    }
}

/// How values are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Histogram(u32);

impl Histogram {
    /// Registers a histogram with these labels and upper bounds, which ascend.
    pub fn register(name: &str, labels: &[&str], buckets: &[f64]) -> Result<Self, MetricError> {
        sys::metrics::histogram(name, labels, buckets).map(Self)
    }

    /// Counts one value in the series of these values of the labels.
    pub fn observe(&self, value: f64, values: &[&str]) {
        sys::metrics::observe(self.0, value, values);
    }
}
