//! The metrics of the contract, kept where a test can look.

use super::gateway::{Gateway, Metric};
use super::world::{Phase, ask};
use crate::metrics::MetricError;

pub(crate) fn counter(name: &str, labels: &[&str]) -> Result<u32, MetricError> {
    register(name, labels, None)
}

pub(crate) fn histogram(name: &str, labels: &[&str], buckets: &[f64]) -> Result<u32, MetricError> {
    if !buckets.is_sorted_by(|a, b| a < b) {
        return Err(MetricError::Invalid);
    }
    register(name, labels, Some(buckets.to_vec()))
}

pub(crate) fn add(counter: u32, delta: u64, values: &[&str]) {
    ask(|w| {
        if let Some(series) = series(&mut w.gateway, counter, values) {
            series.count = series.count.saturating_add(delta);
        }
    });
}

pub(crate) fn observe(histogram: u32, value: f64, values: &[&str]) {
    ask(|w| {
        if let Some(series) = series(&mut w.gateway, histogram, values) {
            series.count = series.count.saturating_add(1);
            series.observed.push(value);
        }
    });
}

fn register(name: &str, labels: &[&str], buckets: Option<Vec<f64>>) -> Result<u32, MetricError> {
    if !is_name(name) || !labels.iter().all(|label| is_name(label)) {
        return Err(MetricError::Invalid);
    }
    ask(|w| {
        if w.phase != Phase::Configure {
            return Err(MetricError::TooLate);
        }
        let metrics = &mut w.gateway.metrics;
        let at = match metrics.iter().position(|m| m.name == name) {
            Some(at) if metrics[at].labels == labels && metrics[at].buckets == buckets => at,
            Some(_) => return Err(MetricError::Invalid),
            None => {
                metrics.push(Metric {
                    name: name.to_owned(),
                    labels: labels.iter().map(|&l| l.to_owned()).collect(),
                    buckets,
                    series: Default::default(),
                });
                metrics.len() - 1
            }
        };
        u32::try_from(at).map_err(|_| MetricError::Full)
    })
}

fn series<'g>(
    gateway: &'g mut Gateway,
    handle: u32,
    values: &[&str],
) -> Option<&'g mut super::gateway::Series> {
    let metric = gateway.metrics.get_mut(usize::try_from(handle).ok()?)?;
    if metric.labels.len() != values.len() {
        return None;
    }
    let values = values.iter().map(|&v| v.to_owned()).collect();
    Some(metric.series.entry(values).or_default())
}

/// A name of the Prometheus data model.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
