//! How the canary's weight moves.

use std::time::Duration;

use sluice_plugin::config::{Reader, Schema, Value};
use sluice_plugin::prelude::*;
use sluice_plugin::rollout::Step;

use crate::options::Percent;

/// As many steps as the gateway takes.
const MAX_STEPS: usize = 64;
/// The longest step: a year.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// The value of `ramp`.
#[derive(Debug)]
pub(crate) enum Ramp {
    Steps(Vec<Hold>),
    Even(Even),
}

/// A weight that stays for a while.
#[derive(Debug, Config)]
pub(crate) struct Hold {
    /// Percent of the requests for the canary.
    weight: Percent,
    /// How long it stays. The last may leave it out: it stays for good.
    hold: Option<Duration>,
}

/// A weight that grows evenly.
#[derive(Debug, Config)]
pub(crate) struct Even {
    /// Percent at the beginning.
    #[config(default = 0)]
    from: Percent,
    /// Percent at the end.
    #[config(default = 100)]
    to: Percent,
    /// How long it takes.
    over: Duration,
}

impl Config for Ramp {
    fn schema(out: &mut Schema) {
        out.keywords(r#""oneOf":[{"#);
        Vec::<Hold>::schema(out);
        out.keywords("},");
        out.nested::<Even>();
        out.keywords("]");
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        match value {
            Value::Array(_) => Config::read(value, at).map(Self::Steps),
            Value::Object(_) => Config::read(value, at).map(Self::Even),
            _ => {
                at.expected(
                    "a list of steps, or a table with `from`, `to`, `over`",
                    value,
                );
                None
            }
        }
    }
}

impl Ramp {
    /// The steps of the plan.
    pub(crate) fn steps(&self, problems: &mut Problems) -> Vec<Step> {
        match self {
            Self::Even(even) => even.steps(problems),
            Self::Steps(holds) => steps(holds, problems),
        }
    }

    /// Names the steps that are over before there can be a verdict on them.
    pub(crate) fn leave_time(&self, interval: Duration, problems: &mut Problems) {
        let mut check = |time: Option<Duration>, at: &str| {
            if time.is_some_and(|time| !time.is_zero() && time < interval) {
                problems.add(
                    at,
                    "too short for a verdict: expected the gates' `interval` or more",
                );
            }
        };
        match self {
            Self::Even(even) => check(Some(even.over), "/ramp/over"),
            Self::Steps(holds) => {
                let judged = holds.iter().enumerate().filter(|(_, h)| h.weight.0 > 0);
                for (index, hold) in judged {
                    check(hold.hold, &["/ramp/", &index.to_string(), "/hold"].concat());
                }
            }
        }
    }
}

impl Even {
    fn steps(&self, problems: &mut Problems) -> Vec<Step> {
        if self.to <= self.from {
            problems.add("/ramp/to", "expected more than `from`");
        }
        let duration_ms = millis(Some(self.over), "/ramp/over", problems);
        vec![Step {
            from: self.from.0,
            to: self.to.0,
            duration_ms,
        }]
    }
}

fn steps(holds: &[Hold], problems: &mut Problems) -> Vec<Step> {
    if holds.is_empty() || holds.len() > MAX_STEPS {
        problems.add("/ramp", "expected 1 to 64 steps");
    }
    let mut before = None;
    let mut steps = Vec::with_capacity(holds.len());
    for (index, hold) in holds.iter().enumerate() {
        let at = ["/ramp/", &index.to_string()].concat();
        if before
            .replace(hold.weight)
            .is_some_and(|b| hold.weight <= b)
        {
            let message = "expected more than the step before: a smaller weight moves users back";
            problems.add([&at, "/weight"].concat(), message);
        }
        let is_last = index + 1 == holds.len();
        let duration_ms = match hold.hold {
            None if is_last => 0,
            hold => millis(hold, &[&at, "/hold"].concat(), problems),
        };
        steps.push(Step {
            from: hold.weight.0,
            to: hold.weight.0,
            duration_ms,
        });
    }
    steps
}

fn millis(duration: Option<Duration>, at: &str, problems: &mut Problems) -> u64 {
    match duration {
        None => problems.add(
            at,
            "required, and missing: only the last step may leave it out",
        ),
        Some(Duration::ZERO) => problems.add(at, "expected more than 0"),
        Some(duration) if duration > LONGEST => problems.add(at, "expected at most \"365d\""),
        Some(_) => {}
    }
    let millis = duration.unwrap_or_default().as_millis();
    u64::try_from(millis).unwrap_or(u64::MAX)
}
