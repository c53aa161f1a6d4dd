//! What the operator may say.

use std::time::Duration;

use sluice_plugin::config::{Reader, Schema, Value};
use sluice_plugin::prelude::*;

use crate::ramp::Ramp;
use crate::sticky::Sticky;

/// Sends a part of the requests to other upstreams of the route: by weights,
/// by rules, step by step, and back where gates fail.
#[derive(Debug, Config)]
pub struct Options {
    /// Upstreams of the route, and how many percent of the requests each gets,
    /// in steps of 0.01: together 100. With a `ramp`, its steps say it.
    pub(crate) variants: Vec<Variant>,
    /// The upstream that the others are compared with, and that gets what they
    /// lose; by default the first variant.
    pub(crate) baseline: Option<String>,
    /// What a user is known by, so that the same user gets the same variant:
    /// `consumer`, `client-address`, `header:NAME`, `cookie:NAME` (made where
    /// there is none) or `none`.
    #[config(default = "none")]
    pub(crate) sticky: Sticky,
    /// Looked at before the weights; the first that holds decides.
    #[config(default = [])]
    pub(crate) rules: Vec<RuleOptions>,
    /// How the canary's weight moves: a list of weights with the time that each
    /// stays, or `{ from, to, over }` for an even way.
    pub(crate) ramp: Option<Ramp>,
    /// What the canary must not do, compared with the baseline in the same time.
    pub(crate) gates: Option<GateOptions>,
    /// Requests for a variant without an available target go to the baseline.
    #[config(default = false)]
    pub(crate) fallback: bool,
    /// Other salts give users other variants, and other cookies. By default the
    /// names of the variants with commas between.
    pub(crate) salt: Option<String>,
}

/// An upstream, and how much it gets.
#[derive(Debug, Config)]
pub(crate) struct Variant {
    /// An upstream of the route.
    pub(crate) upstream: String,
    /// Percent, in steps of 0.01.
    pub(crate) weight: Option<Percent>,
}

/// Exactly one of `header`, `query`, `cookie` and `group`.
#[derive(Debug, Config)]
pub(crate) struct RuleOptions {
    /// The name of a header.
    pub(crate) header: Option<String>,
    /// The name of a parameter of the query.
    pub(crate) query: Option<String>,
    /// The name of a cookie.
    pub(crate) cookie: Option<String>,
    /// A group of the consumer.
    pub(crate) group: Option<String>,
    /// The value that it must have; by default any.
    pub(crate) value: Option<String>,
    /// The variant that gets these requests.
    pub(crate) upstream: String,
}

/// At least one of `error_rate`, `p99` and `consecutive_failures`.
#[derive(Debug, Config)]
pub(crate) struct GateOptions {
    /// From one verdict to the next.
    #[config(default = "10s")]
    pub(crate) interval: Duration,
    /// With fewer requests to the canary the interval goes on.
    #[config(default = 100)]
    pub(crate) min_requests: u32,
    /// How much larger the share of failed requests (5xx, no answer, a failure of
    /// gRPC) may be than the baseline's, such as `"2%"`.
    pub(crate) error_rate: Option<Ratio>,
    /// How much slower the slowest hundredth may be than the baseline's.
    pub(crate) p99: Option<Duration>,
    /// So many failed requests one after the other act at once.
    pub(crate) consecutive_failures: Option<u32>,
    /// What happens when a gate fails.
    #[config(default = "rollback")]
    pub(crate) on_fail: OnFailOption,
}

/// What happens when a gate fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Config)]
pub(crate) enum OnFailOption {
    /// All requests go to the baseline, until an operator says otherwise.
    Rollback,
    /// The weights stay as they are, until an operator says otherwise.
    Hold,
}

/// Hundredths of a percent, written as percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Percent(pub(crate) u32);

/// Hundredths of a percent, written as `"2%"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio(pub(crate) u32);

impl Config for Percent {
    fn schema(out: &mut Schema) {
        out.keywords(r#""type":"number","minimum":0,"maximum":100,"multipleOf":0.01"#);
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let read = value.as_f64().and_then(hundredths);
        if read.is_none() {
            at.expected("a number from 0 to 100, in steps of 0.01", value);
        }
        read.map(Self)
    }
}

impl Config for Ratio {
    fn schema(out: &mut Schema) {
        out.keywords(r#""type":"string","pattern":"^[0-9]+(\\.[0-9]{1,2})?%$""#);
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let number = value.as_str().and_then(|text| text.strip_suffix('%'));
        let digits = |n: &&str| n.starts_with(|c: char| c.is_ascii_digit());
        let number = number.filter(digits).and_then(|n| n.parse().ok());
        let read = number.and_then(hundredths);
        if read.is_none() {
            at.expected(
                "a ratio such as \"2%\" or \"0.5%\", at most \"100%\"",
                value,
            );
        }
        read.map(Self)
    }
}

/// Percent as hundredths of a percent; none where that is no whole number, or
/// not within 0 to 100 %.
fn hundredths(percent: f64) -> Option<u32> {
    let wanted = percent * 100.0;
    let whole = wanted.round();
    // Decimal fractions are not exact in binary; a step is 1.
    let fits = (0.0..=10_000.0).contains(&whole) && (wanted - whole).abs() < 1e-6;
    fits.then_some(whole as u32)
}
