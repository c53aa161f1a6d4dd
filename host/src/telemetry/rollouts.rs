//! Rollouts as Prometheus text.

use super::prometheus::{head, line};
use crate::rollout::{State, Status, VariantStatus};

/// Appends what canaries do.
pub fn render_rollouts(all: &[Status], out: &mut String) {
    let name = "sluice_canary_weight";
    head(out, name, "gauge", "The share of an upstream, in percent.");
    each(all, |labels, variant| {
        line(out, name, labels, variant.weight);
    });
    let name = "sluice_canary_requests_total";
    let help = "Requests that were judged, by upstream.";
    head(out, name, "counter", help);
    each(all, |labels, variant| {
        line(out, name, labels, variant.requests);
    });
    let name = "sluice_canary_failures_total";
    let help = "Those of them that failed: 5xx, no answer, a failure of gRPC.";
    head(out, name, "counter", help);
    each(all, |labels, variant| {
        line(out, name, labels, variant.failures);
    });
    let name = "sluice_canary_state";
    head(out, name, "gauge", "1 for the state that a canary is in.");
    for status in all {
        for state in State::ALL {
            let labels = [("plugin", &*status.name), ("state", state.name())];
            line(out, name, &labels, u8::from(state == status.state));
        }
    }
    let name = "sluice_canary_waits_for_verdict";
    let help = "1 while a step whose time is over has had too few requests for a verdict.";
    head(out, name, "gauge", help);
    for status in all {
        let labels = [("plugin", &*status.name)];
        line(out, name, &labels, u8::from(status.waits_for_verdict));
    }
}

fn each(all: &[Status], mut write: impl FnMut(&[(&str, &str)], &VariantStatus)) {
    for status in all {
        for variant in &status.variants {
            write(
                &[("plugin", &status.name), ("upstream", &variant.name)],
                variant,
            );
        }
    }
}
