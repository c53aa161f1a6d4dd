//! The Prometheus text format, version 0.0.4.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::family::{Family, Series};
use crate::config::model::Name;

/// Appends these metrics, which are in the order of their names.
pub(super) fn render(families: &[(Name, Arc<Family>)], out: &mut String) {
    let mut last = None;
    for (plugin, family) in families {
        if last != Some(&family.name) {
            let kind = match family.shape.buckets() {
                Some(_) => "histogram",
                None => "counter",
            };
            let _ = writeln!(out, "# TYPE sluice_plugin_custom_{} {kind}", family.name);
            last = Some(&family.name);
        }
        for series in family.all() {
            self::series(plugin, family, &series, out);
        }
    }
}

fn series(plugin: &str, family: &Family, series: &Series, out: &mut String) {
    let mut line = |suffix: &str, le: Option<&str>, value: &str| {
        let _ = write!(
            out,
            "sluice_plugin_custom_{}{suffix}{{plugin=\"",
            family.name
        );
        escape(plugin, out);
        out.push('"');
        let labels = family.shape.labels().iter().map(String::as_str);
        let values = series.values.iter().map(String::as_str);
        for (label, value) in labels.zip(values).chain(le.map(|le| ("le", le))) {
            let _ = write!(out, ",{label}=\"");
            escape(value, out);
            out.push('"');
        }
        let _ = writeln!(out, "}} {value}");
    };
    let count = series.count.load(Ordering::Relaxed);
    let Some(bounds) = family.shape.buckets() else {
        line("", None, &count.to_string());
        return;
    };
    let mut below = 0;
    for (bound, bucket) in bounds.iter().zip(&series.buckets) {
        below += bucket.load(Ordering::Relaxed);
        line("_bucket", Some(&bound.to_string()), &below.to_string());
    }
    // The parts are read one after the other while others write them.
    let count = count.max(below).to_string();
    line("_bucket", Some("+Inf"), &count);
    line("_sum", None, &series.sum().to_string());
    line("_count", None, &count);
}

fn escape(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
