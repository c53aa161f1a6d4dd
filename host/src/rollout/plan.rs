//! What shall happen to the variants: weights, steps, gates.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many points there are; weights are counts of them, hundredths of a percent.
pub const POINTS: u32 = 10_000;

/// A plan has no more variants.
const MAX_VARIANTS: usize = 16;
/// A plan has no more steps.
const MAX_STEPS: usize = 64;
/// A step takes no longer: a year.
const MAX_STEP_MS: u64 = 365 * 86_400_000;
/// Judging is not more frequent.
const MIN_INTERVAL_MS: u64 = 1_000;
/// Judging is not rarer: a day.
const MAX_INTERVAL_MS: u64 = 86_400_000;
/// Longer names are none.
const MAX_NAME: usize = 256;

/// Variants, and how the weight moves between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What is told apart. At least one; names are unique.
    pub variants: Vec<Variant>,
    /// Index of the variant that the others are compared with, and that gets
    /// what they lose.
    pub baseline: usize,
    /// How the canary's weight moves; without steps the weights stay as they
    /// are. Needs exactly one variant besides the baseline.
    pub steps: Vec<Step>,
    /// What the canary must not do. Needs exactly one variant besides the baseline.
    pub gates: Option<Gates>,
}

/// One of the variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// What it is called: the name of an upstream, a version.
    pub name: String,
    /// Hundredths of a percent; those of a plan add up to [`POINTS`].
    pub weight: u32,
}

/// The canary's weight goes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// At its beginning, in hundredths of a percent.
    pub from: u32,
    /// At its end.
    pub to: u32,
    /// How long it takes, in milliseconds. Only the last may take none.
    pub duration_ms: u64,
}

/// What happens when a gate fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFail {
    /// All traffic goes to the baseline.
    Rollback,
    /// Weights stay as they are, and the steps stop.
    Hold,
}

/// Judged once an interval against the baseline in the same interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// From one verdict to the next, in milliseconds.
    pub interval_ms: u64,
    /// With fewer requests to the canary there is no verdict yet: the interval goes on.
    pub min_requests: u32,
    /// How much larger the canary's share of failed requests may be than the
    /// baseline's, in hundredths of a percent.
    pub error_ratio: Option<u32>,
    /// How much slower the canary's slowest hundredth may be, in milliseconds.
    pub p99_ms: Option<u32>,
    /// So many failed requests of the canary in a row, judged at each request.
    pub consecutive_failures: Option<u32>,
    /// What happens then.
    pub on_fail: OnFail,
}

impl Gates {
    /// Whether the canary is compared with the baseline.
    pub(super) fn compares(&self) -> bool {
        self.error_ratio.is_some() || self.p99_ms.is_some()
    }
}

impl Step {
    pub(super) fn duration(&self) -> Duration {
        Duration::from_millis(self.duration_ms)
    }
}

impl Plan {
    /// Whether it can be carried out.
    ///
    /// # Errors
    /// The first thing that is wrong, for the operator.
    pub fn check(&self) -> Result<(), String> {
        let count = self.variants.len();
        if !(1..=MAX_VARIANTS).contains(&count) {
            return Err(format!("{count} variants, expected 1 to {MAX_VARIANTS}"));
        }
        for (index, variant) in self.variants.iter().enumerate() {
            let name = &variant.name;
            if name.is_empty() || name.len() > MAX_NAME {
                return Err(format!("a variant's name has 1 to {MAX_NAME} bytes"));
            }
            if self.variants.iter().take(index).any(|v| v.name == *name) {
                return Err(format!("variant `{name}` is there twice"));
            }
        }
        let sum: u64 = self.variants.iter().map(|v| u64::from(v.weight)).sum();
        if sum != u64::from(POINTS) {
            return Err(format!("the weights add up to {sum}, expected {POINTS}"));
        }
        if self.baseline >= count {
            return Err(format!(
                "baseline {} is none of the {count} variants",
                self.baseline
            ));
        }
        self.check_steps()?;
        self.check_gates()
    }

    fn check_steps(&self) -> Result<(), String> {
        if self.steps.is_empty() {
            return Ok(());
        }
        if self.canary().is_none() {
            return Err("steps need a baseline and exactly one other variant".into());
        }
        let count = self.steps.len();
        if count > MAX_STEPS {
            return Err(format!("{count} steps, expected at most {MAX_STEPS}"));
        }
        for (index, step) in self.steps.iter().enumerate() {
            let number = index + 1;
            if step.from > POINTS || step.to > POINTS {
                return Err(format!("step {number}: a weight is 0 to {POINTS}"));
            }
            if step.duration_ms == 0 && number < count {
                return Err(format!("step {number} takes no time"));
            }
            if step.duration_ms > MAX_STEP_MS {
                return Err(format!("step {number} takes more than 365 days"));
            }
        }
        Ok(())
    }

    fn check_gates(&self) -> Result<(), String> {
        let Some(gates) = &self.gates else {
            return Ok(());
        };
        if self.canary().is_none() {
            return Err("gates need a baseline and exactly one other variant".into());
        }
        if !(MIN_INTERVAL_MS..=MAX_INTERVAL_MS).contains(&gates.interval_ms) {
            return Err("the interval of gates is 1 s to 24 h".into());
        }
        if gates.min_requests == 0 {
            return Err("gates need at least one request for a verdict".into());
        }
        if gates.error_ratio.is_some_and(|ratio| ratio > POINTS) {
            return Err(format!("an error ratio is 0 to {POINTS}"));
        }
        if gates.consecutive_failures == Some(0) {
            return Err("no failures in a row are no gate".into());
        }
        Ok(())
    }

    /// The variant besides the baseline, where there is exactly one.
    pub fn canary(&self) -> Option<usize> {
        match (self.variants.len(), self.baseline) {
            (2, 0) => Some(1),
            (2, 1) => Some(0),
            _ => None,
        }
    }

    /// Whether both tell the same variants apart, in the same roles.
    pub(super) fn same_subject(&self, other: &Self) -> bool {
        let names = |plan: &Self| {
            let names = plan.variants.iter().map(|v| v.name.clone());
            names.collect::<Vec<_>>()
        };
        self.baseline == other.baseline && names(self) == names(other)
    }
}
