//! A rollout, as operators see it.

use serde::Serialize;

use super::judge::Verdict;
use super::progress::State;

/// Where a rollout stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The rollout.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Since when, RFC 3339.
    pub since: String,
    /// The step that runs, from 1; one more than there are where all are done,
    /// none where the plan has no steps.
    pub step: Option<usize>,
    /// How many steps there are.
    pub steps: usize,
    /// Until the step ends, in milliseconds; none where time alone changes nothing.
    pub next_change_ms: Option<u64>,
    /// Whether the time of the step is over, and only a verdict is missing: there
    /// were too few requests for one.
    pub waits_for_verdict: bool,
    /// The variants, in the order of the plan.
    pub variants: Vec<VariantStatus>,
    /// The last verdict; none where nothing was judged.
    pub verdict: Option<Verdict>,
}

/// One variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantStatus {
    /// Its name.
    pub name: String,
    /// Whether the others are compared with it.
    pub baseline: bool,
    /// Its share now, in percent.
    pub weight: f64,
    /// Requests that it answered, or failed to.
    pub requests: u64,
    /// Those of them that failed.
    pub failures: u64,
}
