//! The metrics as Prometheus text (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use super::counter::HistogramTotal;
use super::metrics::Metrics;
use super::shard::{Shard, lock};
use crate::config::model::Name;

impl Metrics {
    /// Everything that the host itself counts.
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(16 * 1024);
        self.render_process(&mut out);
        self.render_routes(&mut out);
        self.render_upstreams(&mut out);
        self.render_hooks(&mut out);
        self.render_plugins(&mut out);
        self.render_listeners(&mut out);
        out
    }

    fn render_process(&self, out: &mut String) {
        head(out, "sluice_build_info", "gauge", "The version that runs.");
        line(
            out,
            "sluice_build_info",
            &[("version", env!("CARGO_PKG_VERSION"))],
            1,
        );
        head(
            out,
            "sluice_generation",
            "gauge",
            "The configuration's generation that new exchanges get.",
        );
        line(out, "sluice_generation", &[], self.generation.load(Relaxed));
        head(
            out,
            "sluice_generations_live",
            "gauge",
            "Generations that are still held.",
        );
        line(
            out,
            "sluice_generations_live",
            &[],
            self.live_generations.load(Relaxed),
        );
        head(
            out,
            "sluice_reloads_total",
            "counter",
            "Reloads by outcome.",
        );
        for (outcome, n) in self.reload_counts() {
            line(out, "sluice_reloads_total", &[("outcome", outcome)], n);
        }
        head(out, "sluice_workers", "gauge", "Worker threads.");
        line(out, "sluice_workers", &[], self.shards.len());
        head(
            out,
            "sluice_worker_exchanges",
            "gauge",
            "Exchanges under way on a worker.",
        );
        for (i, shard) in self.shards.iter().enumerate() {
            let worker = i.to_string();
            line(
                out,
                "sluice_worker_exchanges",
                &[("worker", &worker)],
                shard.exchanges.get(),
            );
        }
        head(
            out,
            "sluice_access_log_lost_total",
            "counter",
            "Access log lines that could not be written.",
        );
        let lost: u64 = self.shards.iter().map(|s| s.lost_lines.get()).sum();
        line(out, "sluice_access_log_lost_total", &[], lost);
    }

    fn render_routes(&self, out: &mut String) {
        let mut requests: BTreeMap<(Name, Option<Name>, u16), u64> = BTreeMap::new();
        let mut durations: BTreeMap<Name, HistogramTotal> = BTreeMap::new();
        self.each(
            |s| &s.routes,
            |route, series| {
                for (upstream, status, n) in lock(&series.statuses).iter() {
                    *requests
                        .entry((route.clone(), upstream.clone(), *status))
                        .or_default() += n;
                }
                series
                    .duration
                    .add_to(durations.entry(route.clone()).or_default());
            },
        );
        head(
            out,
            "sluice_requests_total",
            "counter",
            "Exchanges that have ended.",
        );
        for ((route, upstream, status), n) in &requests {
            let upstream = upstream.as_deref().unwrap_or("");
            let labels = [
                ("route", &**route),
                ("upstream", upstream),
                ("status", &status.to_string()),
            ];
            line(out, "sluice_requests_total", &labels, n);
        }
        let help = "From the request's head to the response's last byte.";
        head(out, "sluice_request_duration_seconds", "histogram", help);
        for (route, total) in &durations {
            histogram(
                out,
                "sluice_request_duration_seconds",
                &[("route", route)],
                total,
            );
        }
    }

    fn render_upstreams(&self, out: &mut String) {
        let mut totals: BTreeMap<Name, (HistogramTotal, [u64; 3], [i64; 2])> = BTreeMap::new();
        self.each(
            |s| &s.upstreams,
            |name, s| {
                let (duration, counts, gauges) = totals.entry(name.clone()).or_default();
                s.duration.add_to(duration);
                for (sum, n) in counts
                    .iter_mut()
                    .zip([&s.opened, &s.connect_failures, &s.resent])
                {
                    *sum += n.get();
                }
                for (sum, n) in gauges.iter_mut().zip([&s.active, &s.idle]) {
                    *sum += n.get();
                }
            },
        );
        head(
            out,
            "sluice_upstream_duration_seconds",
            "histogram",
            "From sending a request to the response's head.",
        );
        for (name, (duration, _, _)) in &totals {
            histogram(
                out,
                "sluice_upstream_duration_seconds",
                &[("upstream", name)],
                duration,
            );
        }
        head(
            out,
            "sluice_upstream_connections",
            "gauge",
            "Open connections to targets.",
        );
        for (name, (_, _, [active, idle])) in &totals {
            line(
                out,
                "sluice_upstream_connections",
                &[("upstream", name), ("state", "active")],
                active,
            );
            line(
                out,
                "sluice_upstream_connections",
                &[("upstream", name), ("state", "idle")],
                idle,
            );
        }
        let counters = [
            (
                "sluice_upstream_connections_opened_total",
                "Connections that were opened.",
            ),
            (
                "sluice_upstream_connect_failures_total",
                "Connections that could not be opened.",
            ),
            (
                "sluice_upstream_resent_total",
                "Requests that were sent again on another connection.",
            ),
        ];
        for (i, (metric, help)) in counters.into_iter().enumerate() {
            head(out, metric, "counter", help);
            for (name, (_, counts, _)) in &totals {
                line(
                    out,
                    metric,
                    &[("upstream", name)],
                    counts.get(i).copied().unwrap_or(0),
                );
            }
        }
    }

    fn render_hooks(&self, out: &mut String) {
        let mut calls: BTreeMap<(Name, &str, &str), u64> = BTreeMap::new();
        let mut durations: BTreeMap<(Name, &str), HistogramTotal> = BTreeMap::new();
        self.each(
            |s| &s.hooks,
            |(plugin, hook), series| {
                *calls.entry((plugin.clone(), hook, "ok")).or_default() += series.ok.get();
                for (outcome, n) in lock(&series.outcomes).iter() {
                    *calls.entry((plugin.clone(), hook, outcome)).or_default() += n;
                }
                series
                    .duration
                    .add_to(durations.entry((plugin.clone(), hook)).or_default());
            },
        );
        head(
            out,
            "sluice_plugin_calls_total",
            "counter",
            "Hook calls by what came of them.",
        );
        for ((plugin, hook, outcome), n) in &calls {
            let labels = [
                ("plugin", &**plugin),
                ("hook", *hook),
                ("outcome", *outcome),
            ];
            line(out, "sluice_plugin_calls_total", &labels, n);
        }
        head(
            out,
            "sluice_plugin_call_duration_seconds",
            "histogram",
            "How long hook calls take.",
        );
        for ((plugin, hook), total) in &durations {
            let labels = [("plugin", &**plugin), ("hook", *hook)];
            histogram(out, "sluice_plugin_call_duration_seconds", &labels, total);
        }
    }

    fn render_plugins(&self, out: &mut String) {
        let mut totals: BTreeMap<Name, [i64; 2]> = BTreeMap::new();
        self.each(
            |s| &s.plugins,
            |name, s| {
                let [memory, tripped] = totals.entry(name.clone()).or_default();
                *memory += s.memory.get();
                *tripped += s.tripped.get();
            },
        );
        head(
            out,
            "sluice_plugin_memory_bytes",
            "gauge",
            "Memory of all instances.",
        );
        for (name, [memory, _]) in &totals {
            line(
                out,
                "sluice_plugin_memory_bytes",
                &[("plugin", name)],
                memory,
            );
        }
        let help = "Workers on which the plugin is left alone after repeated failures.";
        head(out, "sluice_plugin_tripped", "gauge", help);
        for (name, [_, tripped]) in &totals {
            line(out, "sluice_plugin_tripped", &[("plugin", name)], tripped);
        }
    }

    fn render_listeners(&self, out: &mut String) {
        let mut open: BTreeMap<Name, i64> = BTreeMap::new();
        let mut totals: BTreeMap<Name, [u64; 4]> = BTreeMap::new();
        self.each(
            |s| &s.listeners,
            |name, s| {
                *open.entry(name.clone()).or_default() += s.connections.get();
                let counts = [&s.accepted, &s.refused, &s.malformed, &s.timed_out];
                for (sum, n) in totals
                    .entry(name.clone())
                    .or_default()
                    .iter_mut()
                    .zip(counts)
                {
                    *sum += n.get();
                }
            },
        );
        head(
            out,
            "sluice_connections",
            "gauge",
            "Open connections of clients.",
        );
        for (name, n) in &open {
            line(out, "sluice_connections", &[("listener", name)], n);
        }
        let counters = [
            (
                "sluice_connections_accepted_total",
                "Connections that were accepted.",
            ),
            (
                "sluice_connections_refused_total",
                "Connections above the limit, closed at once.",
            ),
            (
                "sluice_malformed_requests_total",
                "Requests whose framing was in doubt.",
            ),
            (
                "sluice_connections_timed_out_total",
                "Connections that were silent for too long.",
            ),
        ];
        for (i, (metric, help)) in counters.into_iter().enumerate() {
            head(out, metric, "counter", help);
            for (name, counts) in &totals {
                line(
                    out,
                    metric,
                    &[("listener", name)],
                    counts.get(i).copied().unwrap_or(0),
                );
            }
        }
    }

    fn each<K, S>(
        &self,
        pick: impl Fn(&Shard) -> &Mutex<std::collections::HashMap<K, Arc<S>>>,
        mut visit: impl FnMut(&K, &S),
    ) {
        for shard in &self.shards {
            for (key, series) in lock(pick(shard)).iter() {
                visit(key, series);
            }
        }
    }
}

pub(super) fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn labels(out: &mut String, labels: &[(&str, &str)], le: Option<&str>) {
    let all = labels.iter().copied().chain(le.map(|v| ("le", v)));
    for (i, (key, value)) in all.enumerate() {
        out.push(if i == 0 { '{' } else { ',' });
        let _ = write!(out, "{key}=\"");
        for c in value.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                c => out.push(c),
            }
        }
        out.push('"');
    }
    if !labels.is_empty() || le.is_some() {
        out.push('}');
    }
}

pub(super) fn line(
    out: &mut String,
    name: &str,
    pairs: &[(&str, &str)],
    value: impl std::fmt::Display,
) {
    out.push_str(name);
    labels(out, pairs, None);
    let _ = writeln!(out, " {value}");
}

fn histogram(out: &mut String, name: &str, pairs: &[(&str, &str)], total: &HistogramTotal) {
    let mut sum = 0;
    let bounds = total.bounds.iter().map(|b| b.as_secs_f64().to_string());
    for (bound, n) in bounds.chain(["+Inf".to_owned()]).zip(&total.buckets) {
        sum += n;
        let _ = write!(out, "{name}_bucket");
        labels(out, pairs, Some(&bound));
        let _ = writeln!(out, " {sum}");
    }
    let _ = write!(out, "{name}_sum");
    labels(out, pairs, None);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sum of seconds needs no more than 53 bits"
    )]
    let _ = writeln!(out, " {}", total.sum_ns as f64 / 1e9);
    let _ = write!(out, "{name}_count");
    labels(out, pairs, None);
    let _ = writeln!(out, " {sum}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn workers_add_up_and_buckets_are_cumulative() {
        let metrics = Metrics::new(2);
        let name: Name = "api".into();
        for worker in 0..2 {
            let shard = metrics.shard(worker);
            shard
                .route(&name)
                .record(Some(&"a\"b".into()), 200, Duration::from_millis(2));
        }
        let text = metrics.render();
        assert!(
            text.contains(r#"sluice_requests_total{route="api",upstream="a\"b",status="200"} 2"#),
            "{text}"
        );
        assert!(
            text.contains(r#"sluice_request_duration_seconds_bucket{route="api",le="0.001"} 0"#),
            "{text}"
        );
        assert!(
            text.contains(r#"sluice_request_duration_seconds_bucket{route="api",le="0.0025"} 2"#),
            "{text}"
        );
        assert!(
            text.contains(r#"sluice_request_duration_seconds_bucket{route="api",le="+Inf"} 2"#),
            "{text}"
        );
        assert!(
            text.contains(r#"sluice_request_duration_seconds_count{route="api"} 2"#),
            "{text}"
        );
    }

    #[test]
    fn series_that_nobody_holds_are_forgotten() {
        let metrics = Metrics::new(1);
        let shard = metrics.shard(0);
        let kept = shard.route(&"kept".into());
        drop(shard.route(&"gone".into()));
        kept.record(None, 404, Duration::ZERO);
        shard
            .route(&"gone".into())
            .record(None, 404, Duration::ZERO);
        shard.forget_unused();
        let text = metrics.render();
        assert!(text.contains(r#"route="kept""#) && !text.contains(r#"route="gone""#));
    }
}
