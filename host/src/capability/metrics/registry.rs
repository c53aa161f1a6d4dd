//! Which metrics exist, in the whole process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::MetricError;
use super::family::{Family, Shape, is_name};
use crate::config::model::Name;

/// Metrics of one plugin.
const MAX_METRICS: usize = 32;

/// All metrics that plugins have made. Cheap to clone.
#[derive(Clone, Default)]
pub struct CustomMetrics(Arc<Mutex<Families>>);

#[derive(Default)]
struct Families {
    /// Every family that some binding has, whether it serves or not.
    known: Vec<(Id, Weak<Family>)>,
    /// What is shown: of each metric the family that was published last.
    shown: BTreeMap<Id, Weak<Family>>,
}

/// The metric's name, then the plugin's: rendering goes by name.
type Id = (String, Name);

impl CustomMetrics {
    /// The metrics of a new binding of this plugin.
    pub(crate) fn plugin(&self, plugin: Name) -> PluginMetrics {
        PluginMetrics {
            metrics: self.clone(),
            plugin,
            kept: Mutex::default(),
        }
    }

    /// Appends all metrics in the Prometheus text format, version 0.0.4.
    pub fn render(&self, out: &mut String) {
        super::render::render(&self.alive(), out);
    }

    fn alive(&self) -> Vec<(Name, Arc<Family>)> {
        let mut families = self.families();
        families.forget();
        families
            .shown
            .iter()
            .filter_map(|((_, plugin), family)| Some((plugin.clone(), family.upgrade()?)))
            .collect()
    }

    fn families(&self) -> MutexGuard<'_, Families> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Families {
    /// Drops what no binding has any more.
    fn forget(&mut self) {
        self.known.retain(|(_, family)| family.strong_count() > 0);
        self.shown.retain(|_, family| family.strong_count() > 0);
    }

    /// Finds what another binding of the plugin registered, or makes it.
    fn register(&mut self, id: Id, shape: Shape) -> Result<Arc<Family>, MetricError> {
        self.forget();
        let (name, plugin) = &id;
        let counter = shape.buckets().is_none();
        let mut same = None;
        for ((known, owner), family) in &self.known {
            let Some(family) = family.upgrade().filter(|_| known == name) else {
                continue;
            };
            if owner == plugin {
                same = same.or_else(|| (family.shape == shape).then_some(family));
            } else if family.shape.buckets().is_none() != counter {
                // One name is one kind of metric, whoever has it.
                return Err(MetricError::Invalid);
            }
        }
        if let Some(family) = same {
            return Ok(family);
        }
        let family = Arc::new(Family::new(name.clone(), shape));
        self.known.push((id, Arc::downgrade(&family)));
        Ok(family)
    }
}

/// The metrics of one binding. What it registered lives as long as it does,
/// and longer where another binding of the same plugin registers the same. It
/// is shown once it was published: a binding that never serves hides nothing.
pub(crate) struct PluginMetrics {
    metrics: CustomMetrics,
    plugin: Name,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    families: Vec<Arc<Family>>,
    published: bool,
}

impl PluginMetrics {
    /// The metric of this name and shape.
    pub(crate) fn register(&self, name: String, shape: Shape) -> Result<Arc<Family>, MetricError> {
        if !is_name(&name) {
            return Err(MetricError::Invalid);
        }
        let mut kept = self.kept();
        if let Some(family) = kept.families.iter().find(|f| f.name == name) {
            let same = family.shape == shape;
            return same.then(|| family.clone()).ok_or(MetricError::Invalid);
        }
        if kept.families.len() >= MAX_METRICS {
            return Err(MetricError::Full);
        }
        let id = (name, self.plugin.clone());
        let mut families = self.metrics.families();
        let family = families.register(id.clone(), shape)?;
        if kept.published {
            // Only a later instance asked for it. It takes no other's place.
            let shown = families.shown.entry(id);
            shown.or_insert_with(|| Arc::downgrade(&family));
        }
        kept.families.push(family.clone());
        Ok(family)
    }

    /// The binding serves: what it registered is shown from now on, in the
    /// place of what the plugin had under the same names.
    pub(crate) fn publish(&self) {
        let mut kept = self.kept();
        kept.published = true;
        let mut families = self.metrics.families();
        families.forget();
        for family in &kept.families {
            let id = (family.name.clone(), self.plugin.clone());
            families.shown.insert(id, Arc::downgrade(family));
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
        old.publish();
        add(&mut first, n, &[]);
        let (new, mut second) = (metrics.plugin("p".into()), Handles::default());
        let n = second.insert(new.register("hits".into(), shape(&[])).unwrap());
        new.publish();
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
        new.publish();
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
    fn who_never_serves_hides_nothing_and_who_serves_again_is_shown_again() {
        let metrics = CustomMetrics::default();
        let (old, mut first) = (metrics.plugin("p".into()), Handles::default());
        let n = first.insert(old.register("hits".into(), shape(&[])).unwrap());
        add(&mut first, n, &[]);
        assert_eq!(text(&metrics), "", "it does not serve yet");
        old.publish();
        let served = text(&metrics);
        assert!(served.ends_with("hits{plugin=\"p\"} 1\n"), "{served}");
        let rejected = metrics.plugin("p".into());
        let _family = rejected.register("hits".into(), shape(&["a"])).unwrap();
        let _other = rejected.register("misses".into(), shape(&[])).unwrap();
        assert_eq!(text(&metrics), served);
        rejected.publish();
        assert_ne!(text(&metrics), served);
        old.publish();
        assert!(
            text(&metrics).contains("hits{plugin=\"p\"} 1\n"),
            "rolled back"
        );
    }

    #[test]
    fn a_metric_that_a_later_instance_registers_is_shown_at_once() {
        let metrics = CustomMetrics::default();
        let (plugin, mut handles) = (metrics.plugin("p".into()), Handles::default());
        plugin.publish();
        let n = handles.insert(plugin.register("late".into(), shape(&[])).unwrap());
        add(&mut handles, n, &[]);
        assert!(text(&metrics).ends_with("late{plugin=\"p\"} 1\n"));
    }

    #[test]
    fn labels_and_metrics_are_bounded() {
        let metrics = CustomMetrics::default();
        let (plugin, mut handles) = (metrics.plugin("p".into()), Handles::default());
        let n = handles.insert(plugin.register("m0".into(), shape(&["who"])).unwrap());
        for i in 0..1000 {
            add(&mut handles, n, &[&i.to_string()]);
        }
        plugin.publish();
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
        plugin.publish();
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
