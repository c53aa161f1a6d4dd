//! Which metrics exist, in the whole process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::MetricError;
use super::family::{Family, Shape, is_name};
use crate::config::model::Name;

/// Metrics of one plugin.
const MAX_METRICS: usize = 32;

/// All metrics that plugins have made. Cheap to clone.
#[derive(Clone, Default)]
pub struct CustomMetrics(Arc<Registry>);

#[derive(Default)]
struct Registry {
    owners: AtomicU64,
    families: Mutex<BTreeMap<Id, Entry>>,
}

/// The metric's name, then the plugin's: rendering goes by name.
type Id = (String, Name);

struct Entry {
    family: Weak<Family>,
    /// The youngest binding that registered it.
    owner: u64,
}

impl CustomMetrics {
    /// The metrics of a new binding of this plugin.
    pub(crate) fn plugin(&self, plugin: Name) -> PluginMetrics {
        PluginMetrics {
            metrics: self.clone(),
            plugin,
            owner: self.0.owners.fetch_add(1, Ordering::Relaxed),
            kept: Mutex::default(),
        }
    }

    /// Appends all metrics in the Prometheus text format, version 0.0.4.
    pub fn render(&self, out: &mut String) {
        super::render::render(&self.alive(), out);
    }

    fn alive(&self) -> Vec<(Name, Arc<Family>)> {
        let mut all = self.families();
        all.retain(|_, entry| entry.family.strong_count() > 0);
        all.iter()
            .filter_map(|((_, plugin), entry)| Some((plugin.clone(), entry.family.upgrade()?)))
            .collect()
    }

    fn families(&self) -> MutexGuard<'_, BTreeMap<Id, Entry>> {
        let families = &self.0.families;
        families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The metrics of one binding. What it registered lives as long as it does,
/// and longer where a younger binding of the same plugin registers the same.
pub(crate) struct PluginMetrics {
    metrics: CustomMetrics,
    plugin: Name,
    owner: u64,
    kept: Mutex<Vec<Arc<Family>>>,
}

impl PluginMetrics {
    /// The metric of this name and shape.
    pub(crate) fn register(&self, name: String, shape: Shape) -> Result<Arc<Family>, MetricError> {
        if !is_name(&name) {
            return Err(MetricError::Invalid);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(family) = kept.iter().find(|f| f.name == name) {
            let same = family.shape == shape;
            return same.then(|| family.clone()).ok_or(MetricError::Invalid);
        }
        if kept.len() >= MAX_METRICS {
            return Err(MetricError::Full);
        }
        let family = self.publish(name, shape)?;
        kept.push(family.clone());
        Ok(family)
    }

    /// Finds what an older binding registered, or makes it.
    fn publish(&self, name: String, shape: Shape) -> Result<Arc<Family>, MetricError> {
        let mut all = self.metrics.families();
        all.retain(|_, entry| entry.family.strong_count() > 0);
        let counter = shape.buckets().is_none();
        // One name is one kind of metric, whoever has it.
        let clash = all.iter().any(|((n, plugin), entry)| {
            let other = entry.family.upgrade();
            let differs = other.is_some_and(|f| f.shape.buckets().is_none() != counter);
            *n == name && *plugin != self.plugin && differs
        });
        if clash {
            return Err(MetricError::Invalid);
        }
        let id = (name, self.plugin.clone());
        if let Some(entry) = all.get_mut(&id)
            && let Some(family) = entry.family.upgrade()
        {
            if family.shape == shape {
                entry.owner = entry.owner.max(self.owner);
                return Ok(family);
            }
            if entry.owner > self.owner {
                // A younger binding changed the shape: this one counts for nobody.
                return Ok(Arc::new(Family::new(id.0, shape)));
            }
        }
        let family = Arc::new(Family::new(id.0.clone(), shape));
        let entry = Entry {
            family: Arc::downgrade(&family),
            owner: self.owner,
        };
        all.insert(id, entry);
        Ok(family)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Handles;
    use super::*;

    fn shape(labels: &[&str]) -> Shape {
        Shape::counter(labels.iter().map(|l| (*l).to_owned()).collect()).unwrap()
    }

    fn add(handles: &mut Handles, handle: u32, values: &[&str]) {
        let mut key = handles.key();
        values.iter().for_each(|v| key.push(v));
        handles.add(handle, 1, key);
    }

    fn text(metrics: &CustomMetrics) -> String {
        let mut out = String::new();
        metrics.render(&mut out);
        out
    }

    #[test]
    fn a_reload_keeps_what_was_counted() {
        let metrics = CustomMetrics::default();
        let (old, mut first) = (metrics.plugin("p".into()), Handles::default());
        let n = first.insert(old.register("hits".into(), shape(&[])).unwrap());
        add(&mut first, n, &[]);
        let (new, mut second) = (metrics.plugin("p".into()), Handles::default());
        let n = second.insert(new.register("hits".into(), shape(&[])).unwrap());
        drop((old, first));
        add(&mut second, n, &[]);
        assert_eq!(
            text(&metrics),
            "# TYPE sluice_plugin_custom_hits counter\nsluice_plugin_custom_hits{plugin=\"p\"} 2\n"
        );
        drop((new, second));
        assert_eq!(text(&metrics), "");
    }

    #[test]
    fn a_new_shape_replaces_the_old_one() {
        let metrics = CustomMetrics::default();
        let (old, new) = (metrics.plugin("p".into()), metrics.plugin("p".into()));
        let _first = old.register("hits".into(), shape(&[])).unwrap();
        assert_eq!(
            old.register("hits".into(), shape(&["a"])).unwrap_err(),
            MetricError::Invalid
        );
        let mut handles = Handles::default();
        let n = handles.insert(new.register("hits".into(), shape(&["a"])).unwrap());
        add(&mut handles, n, &["x\"\\\n"]);
        let again = metrics.plugin("q".into());
        let timed = Shape::histogram(vec![], vec![1.0]).unwrap();
        assert_eq!(
            again.register("hits".into(), timed).unwrap_err(),
            MetricError::Invalid,
            "another plugin's counter"
        );
        assert!(text(&metrics).ends_with("{plugin=\"p\",a=\"x\\\"\\\\\\n\"} 1\n"));
    }

    #[test]
    fn labels_and_metrics_are_bounded() {
        let metrics = CustomMetrics::default();
        let (plugin, mut handles) = (metrics.plugin("p".into()), Handles::default());
        let n = handles.insert(plugin.register("m0".into(), shape(&["who"])).unwrap());
        for i in 0..1000 {
            add(&mut handles, n, &[&i.to_string()]);
        }
        add(&mut handles, n, &["1", "2"]);
        add(&mut handles, 77, &["1"]);
        let text = text(&metrics);
        assert_eq!(text.lines().count(), 1 + 201);
        assert!(text.contains("who=\"other\"} 800\n"));
        for i in 1..32 {
            plugin.register(format!("m{i}"), shape(&[])).unwrap();
        }
        assert_eq!(
            plugin.register("m32".into(), shape(&[])).unwrap_err(),
            MetricError::Full
        );
    }

    #[test]
    fn a_histogram_counts_by_bucket() {
        let metrics = CustomMetrics::default();
        let (plugin, mut handles) = (metrics.plugin("p".into()), Handles::default());
        let shape = Shape::histogram(vec![], vec![0.5, 2.0]).unwrap();
        let n = handles.insert(plugin.register("size".into(), shape).unwrap());
        for value in [0.25, 1.0, 1.5, 9.0, f64::NAN] {
            let key = handles.key();
            handles.observe(n, value, key);
        }
        let expected = "# TYPE sluice_plugin_custom_size histogram\n\
            sluice_plugin_custom_size_bucket{plugin=\"p\",le=\"0.5\"} 1\n\
            sluice_plugin_custom_size_bucket{plugin=\"p\",le=\"2\"} 3\n\
            sluice_plugin_custom_size_bucket{plugin=\"p\",le=\"+Inf\"} 4\n\
            sluice_plugin_custom_size_sum{plugin=\"p\"} 11.75\n\
            sluice_plugin_custom_size_count{plugin=\"p\"} 4\n";
        assert_eq!(text(&metrics), expected);
    }

    #[test]
    fn names_are_checked() {
        let plugin = CustomMetrics::default().plugin("p".into());
        for name in ["", "1a", "a-b", "a b", "é", &"x".repeat(65)] {
            assert!(plugin.register(name.into(), shape(&[])).is_err(), "{name}");
        }
        for labels in [&["le"][..], &["plugin"], &["__x"], &["a", "b", "a"]] {
            let labels = labels.iter().map(|l| (*l).to_owned()).collect();
            assert!(Shape::counter(labels).is_err());
        }
        for buckets in [vec![], vec![2.0, 1.0], vec![1.0, 1.0], vec![f64::NAN]] {
            assert!(Shape::histogram(vec![], buckets).is_err());
        }
    }
}
