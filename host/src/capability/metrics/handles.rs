//! The metrics of one instance, by the numbers that it was given.

use std::collections::HashMap;
use std::sync::Arc;

use super::family::{Family, SEPARATOR, Series};

/// Bytes of one label value; what is longer is cut.
const MAX_VALUE: usize = 128;

/// What one instance registered, and the series that it has used: an update
/// takes no lock once its series is known here.
#[derive(Default)]
pub(crate) struct Handles {
    metrics: Vec<Handle>,
    key: Key,
}

struct Handle {
    family: Arc<Family>,
    seen: HashMap<Box<[u8]>, Arc<Series>>,
}

/// Label values on their way to a series.
#[derive(Default)]
pub(crate) struct Key {
    bytes: Vec<u8>,
    values: usize,
}

impl Key {
    /// Appends a value.
    pub(crate) fn push(&mut self, value: &str) {
        if self.values > 0 {
            self.bytes.push(SEPARATOR);
        }
        let end = value.floor_char_boundary(MAX_VALUE);
        let kept = value.get(..end).unwrap_or_default();
        self.bytes.extend_from_slice(kept.as_bytes());
        self.values += 1;
    }
}

impl Handles {
    /// Gives the metric a number.
    pub(crate) fn insert(&mut self, family: Arc<Family>) -> u32 {
        let same = |h: &Handle| Arc::ptr_eq(&h.family, &family);
        let at = self.metrics.iter().position(same).unwrap_or_else(|| {
            self.metrics.push(Handle {
                family,
                seen: HashMap::new(),
            });
            self.metrics.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// How many labels a metric has; none where there is no such number.
    pub(crate) fn labels(&self, handle: u32) -> Option<usize> {
        let metric = self.metrics.get(usize::try_from(handle).ok()?)?;
        Some(metric.family.shape.labels().len())
    }

    /// An empty key that keeps its memory; [`Handles::add`] and
    /// [`Handles::observe`] take it back.
    pub(crate) fn key(&mut self) -> Key {
        let mut key = std::mem::take(&mut self.key);
        key.bytes.clear();
        key.values = 0;
        key
    }

    /// Adds to a counter. An unknown handle or a wrong number of values is ignored.
    pub(crate) fn add(&mut self, handle: u32, delta: u64, key: Key) {
        self.with(handle, key, |family, series| {
            if family.shape.buckets().is_none() {
                series.add(delta);
            }
        });
    }

    /// Adds to a histogram; the same is ignored, and what is not a number.
    pub(crate) fn observe(&mut self, handle: u32, value: f64, key: Key) {
        self.with(handle, key, |family, series| {
            if let Some(bounds) = family.shape.buckets()
                && value.is_finite()
            {
                series.observe(bounds, value);
            }
        });
    }

    fn with(&mut self, handle: u32, key: Key, update: impl FnOnce(&Family, &Series)) {
        let at = usize::try_from(handle).unwrap_or(usize::MAX);
        if let Some(metric) = self.metrics.get_mut(at)
            && metric.family.shape.labels().len() == key.values
        {
            if let Some(series) = metric.seen.get(&*key.bytes) {
                update(&metric.family, series);
            } else {
                let (series, own) = metric.family.series(&key.bytes);
                update(&metric.family, &series);
                if own {
                    metric.seen.insert(key.bytes.as_slice().into(), series);
                }
            }
        }
        self.key = key;
    }
}
