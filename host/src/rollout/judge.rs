//! Verdicts: whether a canary does worse than its baseline.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::plan::{Gates, POINTS};

/// What was seen of a variant in an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// How many requests ended.
    pub requests: u64,
    /// How many of them failed.
    pub failures: u64,
    /// What 99 of 100 did not exceed, in milliseconds; none where it is not measured.
    pub p99_ms: Option<f64>,
}

/// What came of one interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// When, RFC 3339.
    pub at: String,
    /// The gates that failed; none where it passed.
    pub failed: Vec<Failure>,
    /// The canary in the interval.
    pub canary: Sample,
    /// The baseline.
    pub baseline: Sample,
}

/// A gate that failed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "gate", rename_all = "kebab-case", try_from = "Saved")]
pub enum Failure {
    /// More requests of the canary failed. In percent.
    ErrorRate {
        /// Of the canary's requests.
        canary: f64,
        /// Of the baseline's.
        baseline: f64,
        /// How much more was allowed.
        allowed: f64,
    },
    /// The canary's slowest hundredth was slower. In milliseconds.
    P99 {
        /// The canary's.
        canary: f64,
        /// The baseline's.
        baseline: f64,
        /// How much more was allowed.
        allowed: u32,
    },
    /// Requests to the canary failed one after the other.
    ConsecutiveFailures {
        /// How many.
        count: u32,
    },
}

/// A failure as it is read: numbers of a tagged value would depend on how the
/// JSON library was built.
#[derive(Deserialize)]
struct Saved {
    gate: String,
    canary: Option<f64>,
    baseline: Option<f64>,
    allowed: Option<f64>,
    count: Option<u32>,
}

impl TryFrom<Saved> for Failure {
    type Error = String;

    fn try_from(saved: Saved) -> Result<Self, String> {
        let Saved {
            gate,
            canary,
            baseline,
            allowed,
            count,
        } = saved;
        let failure = match (gate.as_str(), canary.zip(baseline).zip(allowed), count) {
            ("error-rate", Some(((canary, baseline), allowed)), _) => Self::ErrorRate {
                canary,
                baseline,
                allowed,
            },
            ("p99", Some(((canary, baseline), allowed)), _) => Self::P99 {
                canary,
                baseline,
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it was a u32 when it was written, and saturates otherwise"
                )]
                allowed: allowed as u32,
            },
            ("consecutive-failures", _, Some(count)) => Self::ConsecutiveFailures { count },
            _ => return Err(format!("`{gate}` is no gate that failed")),
        };
        Ok(failure)
    }
}

/// The gates that fail.
pub(super) fn judge(gates: &Gates, canary: &Sample, baseline: &Sample) -> Vec<Failure> {
    let mut failed = Vec::new();
    if let Some(allowed) = gates.error_ratio
        && exceeds(canary, baseline, allowed)
    {
        failed.push(Failure::ErrorRate {
            canary: canary.failed_percent(),
            baseline: baseline.failed_percent(),
            allowed: f64::from(allowed) / 100.0,
        });
    }
    if let (Some(allowed), Some(canary), Some(baseline)) =
        (gates.p99_ms, canary.p99_ms, baseline.p99_ms)
        && canary > baseline + f64::from(allowed)
    {
        failed.push(Failure::P99 {
            canary,
            baseline,
            allowed,
        });
    }
    failed
}

/// Whether the canary's ratio is more than `allowed` above the baseline's. In
/// whole numbers, so that what is just allowed is allowed.
fn exceeds(canary: &Sample, baseline: &Sample, allowed: u32) -> bool {
    let [cf, cr, bf, br] = [
        canary.failures,
        canary.requests.max(1),
        baseline.failures,
        baseline.requests.max(1),
    ]
    .map(i128::from);
    // Saturated at what 2^128 holds: counts are far below 2^50.
    let difference = (cf * br - bf * cr).saturating_mul(i128::from(POINTS));
    difference > i128::from(allowed).saturating_mul(cr * br)
}

impl Sample {
    /// To two places, so that it is the same number when it is read again.
    fn failed_percent(&self) -> f64 {
        let percent = self.failures as f64 * 100.0 / self.requests.max(1) as f64;
        (percent * 100.0).round() / 100.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::ErrorRate {
                canary,
                baseline,
                allowed,
            } => write!(
                f,
                "{canary:.2} % of its requests failed, {baseline:.2} % of the baseline's, \
                 and at most {allowed} % more may"
            ),
            Failure::P99 {
                canary,
                baseline,
                allowed,
            } => write!(
                f,
                "its slowest hundredth took {canary:.1} ms, the baseline's {baseline:.1} ms, \
                 and it may take at most {allowed} ms more"
            ),
            Failure::ConsecutiveFailures { count } => {
                write!(f, "{count} of its requests failed in a row")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::OnFail;

    const GATES: Gates = Gates {
        interval_ms: 10_000,
        min_requests: 1,
        error_ratio: Some(200),
        p99_ms: Some(50),
        consecutive_failures: None,
        on_fail: OnFail::Rollback,
    };

    fn sample(requests: u64, failures: u64, p99_ms: f64) -> Sample {
        Sample {
            requests,
            failures,
            p99_ms: Some(p99_ms),
        }
    }

    #[test]
    fn what_is_just_allowed_passes_and_one_more_does_not() {
        let baseline = sample(1000, 10, 20.0);
        assert_eq!(judge(&GATES, &sample(100, 3, 70.0), &baseline), []);
        let failed = judge(&GATES, &sample(1000, 31, 70.1), &baseline);
        assert_eq!(
            failed,
            [
                Failure::ErrorRate {
                    canary: 3.1,
                    baseline: 1.0,
                    allowed: 2.0
                },
                Failure::P99 {
                    canary: 70.1,
                    baseline: 20.0,
                    allowed: 50
                },
            ]
        );
        assert_eq!(
            failed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "3.10 % of its requests failed, 1.00 % of the baseline's, and at most 2 % more may",
                "its slowest hundredth took 70.1 ms, the baseline's 20.0 ms, and it may take at \
                 most 50 ms more",
            ]
        );
    }

    #[test]
    fn a_baseline_that_fails_as_often_excuses_the_canary() {
        assert_eq!(judge(&GATES, &sample(10, 9, 1.0), &sample(90, 80, 1.0)), []);
    }

    #[test]
    fn a_gate_that_is_not_set_never_fails() {
        let none = Gates {
            error_ratio: None,
            p99_ms: None,
            ..GATES
        };
        let worst = sample(10, 10, 1e9);
        assert_eq!(judge(&none, &worst, &Sample::default()), []);
    }
}
