//! One metric and its series.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::MetricError;

/// Series of one metric. What comes after them goes to one whose values are all `other`.
const MAX_SERIES: usize = 200;
const MAX_LABELS: usize = 8;
const MAX_BUCKETS: usize = 32;
const MAX_NAME: usize = 64;
/// Stands between the values of a key. No UTF-8 text contains it.
pub(super) const SEPARATOR: u8 = 0xff;

/// What a metric is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    labels: Vec<String>,
    buckets: Option<Vec<f64>>,
}

impl Shape {
    /// A counter with these labels.
    pub(crate) fn counter(labels: Vec<String>) -> Result<Self, MetricError> {
        // Nothing is looked at where there are too many: a plugin may name very many.
        if labels.len() > MAX_LABELS {
            return Err(MetricError::Invalid);
        }
        let known = labels.iter().all(|l| is_label(l));
        let distinct = labels
            .iter()
            .enumerate()
            .all(|(i, l)| !labels.iter().take(i).any(|o| o == l));
        if known && distinct {
            Ok(Self {
                labels,
                buckets: None,
            })
        } else {
            Err(MetricError::Invalid)
        }
    }

    /// A histogram with these labels and upper bounds, which must grow.
    pub(crate) fn histogram(labels: Vec<String>, buckets: Vec<f64>) -> Result<Self, MetricError> {
        if buckets.is_empty() || buckets.len() > MAX_BUCKETS {
            return Err(MetricError::Invalid);
        }
        let grows = buckets.is_sorted_by(|a, b| a < b) && buckets.iter().all(|b| b.is_finite());
        if !grows {
            return Err(MetricError::Invalid);
        }
        Ok(Self {
            buckets: Some(buckets),
            ..Self::counter(labels)?
        })
    }

    /// The names of the labels.
    pub(crate) fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The upper bounds of a histogram; none for a counter.
    pub(super) fn buckets(&self) -> Option<&[f64]> {
        self.buckets.as_deref()
    }
}

/// Whether this can be the name of a metric: `[a-zA-Z_][a-zA-Z0-9_]*`, at most 64.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_label(name: &str) -> bool {
    is_name(name) && !name.starts_with("__") && name != "le" && name != "plugin"
}

/// A metric of one plugin.
#[derive(Debug)]
pub(crate) struct Family {
    pub(super) name: String,
    pub(super) shape: Shape,
    series: RwLock<HashMap<Box<[u8]>, Arc<Series>>>,
}

/// One set of label values.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) values: Vec<String>,
    /// The counter, or the number of observations.
    pub(super) count: AtomicU64,
    /// The sum of a histogram, as the bits of an f64.
    sum: AtomicU64,
    /// Observations by bucket, not cumulated.
    pub(super) buckets: Box<[AtomicU64]>,
}

impl Family {
    pub(super) fn new(name: String, shape: Shape) -> Self {
        Self {
            name,
            shape,
            series: RwLock::default(),
        }
    }

    /// The series of a key: the values, with [`SEPARATOR`] between them. The
    /// second is false for the one that takes the rest.
    pub(super) fn series(&self, key: &[u8]) -> (Arc<Series>, bool) {
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(key) {
            return (series.clone(), true);
        }
        drop(known);
        let mut all = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let own = all.len() < MAX_SERIES;
        let values = if own {
            key.split(|b| *b == SEPARATOR)
                .take(self.shape.labels.len())
                .map(|v| String::from_utf8_lossy(v).into_owned())
                .collect()
        } else {
            vec!["other".to_owned(); self.shape.labels.len()]
        };
        let key = if own { key.into() } else { join(&values) };
        let series = all.entry(key).or_insert_with(|| {
            let buckets = self.shape.buckets().unwrap_or_default();
            Arc::new(Series {
                values,
                count: AtomicU64::new(0),
                sum: AtomicU64::new(0),
                buckets: buckets.iter().map(|_| AtomicU64::new(0)).collect(),
            })
        });
        (series.clone(), own)
    }

    /// All series, in the order of their values.
    pub(super) fn all(&self) -> Vec<Arc<Series>> {
        let all = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = all.values().cloned().collect();
        all.sort_unstable_by(|a, b| a.values.cmp(&b.values));
        all
    }
}

fn join(values: &[String]) -> Box<[u8]> {
    let parts: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
    parts.join(&SEPARATOR).into()
}

impl Series {
    pub(super) fn add(&self, delta: u64) {
        self.count.fetch_add(delta, Ordering::Relaxed);
    }

    pub(super) fn observe(&self, bounds: &[f64], value: f64) {
        if let Some((_, bucket)) = bounds.iter().zip(&self.buckets).find(|(b, _)| value <= **b) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        let _ = self
            .sum
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sum(&self) -> f64 {
        f64::from_bits(self.sum.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_labels_or_buckets_are_refused_before_they_are_compared() {
        // Comparing all of them with each other would take minutes.
        let labels: Vec<_> = (0..300_000).map(|n| format!("l{n}")).collect();
        let refused = Some(MetricError::Invalid);
        assert_eq!(Shape::counter(labels.clone()).err(), refused);
        assert_eq!(Shape::histogram(labels, vec![1.0]).err(), refused);
        let buckets = (0..33).map(f64::from).collect();
        assert_eq!(Shape::histogram(Vec::new(), buckets).err(), refused);
        let twice = vec!["a".to_owned(), "a".to_owned()];
        assert_eq!(Shape::counter(twice).err(), refused);
    }
}
