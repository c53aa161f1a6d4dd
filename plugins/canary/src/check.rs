//! From options to a plan, or to all that is wrong with them.

use std::time::Duration;

use sluice_plugin::prelude::*;
use sluice_plugin::rollout::{Gates, OnFail, POINTS, Plan, Rollout, Share, Step};

use crate::options::{GateOptions, OnFailOption, Options, RuleOptions};
use crate::rules::{Condition, Rule};
use crate::sticky::is_token;

/// As many variants as the gateway takes.
const MAX_VARIANTS: usize = 16;
/// How often verdicts are possible.
const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(86_400);

/// Options that make sense.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) upstreams: Vec<String>,
    pub(crate) baseline: usize,
    pub(crate) rules: Vec<Rule>,
    weights: Vec<u32>,
    steps: Vec<Step>,
    gates: Option<Gates>,
}

impl Checked {
    /// Hands the plan to the gateway.
    pub(crate) fn open(&self) -> Result<Rollout, String> {
        let shares = self.upstreams.iter().zip(&self.weights);
        let variants: Vec<_> = shares
            .map(|(upstream, weight)| Share {
                upstream,
                weight: *weight,
            })
            .collect();
        Rollout::open(Plan {
            variants: &variants,
            baseline: u32::try_from(self.baseline).unwrap_or(u32::MAX),
            steps: &self.steps,
            gates: self.gates,
        })
    }
}

impl Options {
    /// What types alone do not say.
    pub(crate) fn check(&self) -> Result<Checked, Problems> {
        let mut problems = Problems::new();
        let upstreams = self.upstreams(&mut problems);
        let baseline = self.baseline(&upstreams, &mut problems);
        let weights = self.weights(baseline, &mut problems);
        let steps = match &self.ramp {
            Some(ramp) => ramp.steps(&mut problems),
            None => Vec::new(),
        };
        for (key, is_there) in [
            ("/ramp", self.ramp.is_some()),
            ("/gates", self.gates.is_some()),
        ] {
            if is_there && upstreams.len() != 2 {
                problems.add(
                    key,
                    "needs a baseline and one canary: expected two variants",
                );
            }
        }
        let gates = self.gates.as_ref().map(|g| g.check(&mut problems));
        if let (Some(ramp), Some(gates)) = (&self.ramp, &self.gates)
            && (gates.error_rate.is_some() || gates.p99.is_some())
        {
            ramp.leave_time(gates.interval, &mut problems);
        }
        let rules = self.rules.iter().enumerate();
        let rules = rules.filter_map(|(i, rule)| rule.check(i, &upstreams, &mut problems));
        let rules = rules.collect();
        if self.salt.as_deref() == Some("") {
            problems.add("/salt", "expected some text");
        }
        problems.or(Checked {
            upstreams,
            baseline,
            rules,
            weights,
            steps,
            gates,
        })
    }

    fn upstreams(&self, problems: &mut Problems) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(self.variants.len());
        if !(2..=MAX_VARIANTS).contains(&self.variants.len()) {
            problems.add("/variants", "expected 2 to 16 variants");
        }
        for (index, variant) in self.variants.iter().enumerate() {
            let name = &variant.upstream;
            if name.is_empty() {
                problems.add(at("/variants/", index, "/upstream"), "expected a name");
            } else if names.contains(name) {
                let message = "this upstream is a variant already";
                problems.add(at("/variants/", index, "/upstream"), message);
            }
            names.push(name.clone());
        }
        names
    }

    fn baseline(&self, upstreams: &[String], problems: &mut Problems) -> usize {
        let Some(name) = &self.baseline else {
            return 0;
        };
        let found = upstreams.iter().position(|u| u == name);
        if found.is_none() {
            problems.add("/baseline", expected_one_of(upstreams));
        }
        found.unwrap_or(0)
    }

    /// What is written, or all for the baseline where a ramp says the rest.
    fn weights(&self, baseline: usize, problems: &mut Problems) -> Vec<u32> {
        let written = self.variants.iter().map(|v| v.weight);
        if self.ramp.is_some() && written.clone().all(|w| w.is_none()) {
            let all = |index| if index == baseline { POINTS } else { 0 };
            return (0..self.variants.len()).map(all).collect();
        }
        for (index, weight) in written.clone().enumerate() {
            if weight.is_none() {
                let message = "required, and missing: only with a ramp all may leave it out";
                problems.add(at("/variants/", index, "/weight"), message);
            }
        }
        let complete = written.clone().all(|w| w.is_some());
        let weights: Vec<u32> = written.map(|w| w.map_or(0, |w| w.0)).collect();
        let sum: u64 = weights.iter().copied().map(u64::from).sum();
        if complete && sum != u64::from(POINTS) {
            let sum = sum as f64 / 100.0;
            let message = format!("the weights add up to {sum}, expected 100");
            problems.add("/variants", message);
        }
        weights
    }
}

impl RuleOptions {
    fn check(&self, index: usize, upstreams: &[String], problems: &mut Problems) -> Option<Rule> {
        let known = problems.len();
        let place = |key| at("/rules/", index, key);
        let variant = upstreams.iter().position(|u| *u == self.upstream);
        if variant.is_none() {
            problems.add(place("/upstream"), expected_one_of(upstreams));
        }
        let value = self.value.clone();
        let condition = match (&self.header, &self.query, &self.cookie, &self.group) {
            (Some(name), None, None, None) => {
                if !is_token(name) {
                    problems.add(place("/header"), "expected a header name (RFC 9110, 5.1)");
                }
                Condition::Header(name.clone(), value)
            }
            (None, Some(name), None, None) => Condition::Query(name.clone(), value),
            (None, None, Some(name), None) => {
                if !is_token(name) {
                    problems.add(place("/cookie"), "expected a cookie name (RFC 6265, 4.1.1)");
                }
                Condition::Cookie(name.clone(), value)
            }
            (None, None, None, Some(group)) => {
                if value.is_some() {
                    problems.add(place("/value"), "a group has no value");
                }
                Condition::Group(group.clone())
            }
            _ => {
                let message = "expected exactly one of `header`, `query`, `cookie`, `group`";
                problems.add(place(""), message);
                return None;
            }
        };
        let variant = variant.filter(|_| problems.len() == known)?;
        Some(Rule { condition, variant })
    }
}

impl GateOptions {
    fn check(&self, problems: &mut Problems) -> Gates {
        if self.error_rate.is_none() && self.p99.is_none() && self.consecutive_failures.is_none() {
            let message = "expected at least one of `error_rate`, `p99`, `consecutive_failures`";
            problems.add("/gates", message);
        }
        if !INTERVALS.contains(&self.interval) {
            problems.add("/gates/interval", "expected \"1s\" to \"24h\"");
        }
        if self.min_requests == 0 {
            problems.add("/gates/min_requests", "expected more than 0");
        }
        if self.consecutive_failures == Some(0) {
            problems.add("/gates/consecutive_failures", "expected more than 0");
        }
        let p99_ms = self.p99.map(|p99| u32::try_from(p99.as_millis()));
        if matches!(p99_ms, Some(Err(_))) {
            problems.add("/gates/p99", "expected at most \"49d\"");
        }
        Gates {
            interval_ms: u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX),
            min_requests: self.min_requests,
            error_ratio: self.error_rate.map(|ratio| ratio.0),
            p99_ms: p99_ms.and_then(Result::ok),
            consecutive_failures: self.consecutive_failures,
            on_fail: match self.on_fail {
                OnFailOption::Rollback => OnFail::Rollback,
                OnFailOption::Hold => OnFail::Hold,
            },
        }
    }
}

fn at(list: &str, index: usize, key: &str) -> String {
    [list, &index.to_string(), key].concat()
}

/// The variants, for somebody who named another.
fn expected_one_of(upstreams: &[String]) -> String {
    let listed: Vec<_> = upstreams.iter().map(|u| format!("`{u}`")).collect();
    ["expected a variant: ", &listed.join(", ")].concat()
}
