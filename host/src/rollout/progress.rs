//! How far a plan has come, and what an edit of the plan leaves of that.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::judge::{Sample, Verdict};
use super::plan::{Gates, POINTS, Plan, Step};

/// Where a rollout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its steps go on; a plan without steps is always here, or where an
    /// operator or a gate has put it.
    Running,
    /// An operator has stopped the steps. Gates go on judging.
    Paused,
    /// A gate has stopped the steps. Nothing is judged.
    Held,
    /// All steps are done. Nothing is judged.
    Done,
    /// All traffic goes to the baseline, until an operator says otherwise.
    RolledBack,
    /// All traffic goes to the canary: an operator said so.
    Promoted,
}

/// What is kept of a rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) state: State,
    /// Index of the step that runs; the number of steps where all are done.
    pub(super) step: usize,
    /// How long it has run. Time in which it was paused, or no gateway ran, does not count.
    pub(super) elapsed: Duration,
    /// Since when the state is this, RFC 3339.
    pub(super) since: String,
    pub(super) verdict: Option<Verdict>,
    /// The last baseline with enough requests: what a canary that has taken
    /// almost all traffic is compared with.
    #[serde(default)]
    pub(super) baseline: Option<Sample>,
    /// Whether the step that runs has passed a verdict.
    #[serde(default)]
    pub(super) passed: bool,
}

impl State {
    /// As operators read it.
    pub fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Paused => "paused",
            State::Held => "held",
            State::Done => "done",
            State::RolledBack => "rolled-back",
            State::Promoted => "promoted",
        }
    }

    /// Every state, for those who list them.
    pub const ALL: [State; 6] = [
        State::Running,
        State::Paused,
        State::Held,
        State::Done,
        State::RolledBack,
        State::Promoted,
    ];

    /// Whether gates are judged.
    pub(super) fn is_judged(self) -> bool {
        matches!(self, State::Running | State::Paused)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Progress {
    /// At the very beginning.
    pub(super) fn new(plan: &Plan, since: String) -> Self {
        let mut progress = Self {
            state: State::Running,
            step: 0,
            elapsed: Duration::ZERO,
            since,
            verdict: None,
            baseline: None,
            passed: false,
        };
        progress.advance(plan, Duration::ZERO);
        progress
    }

    /// At the beginning again, with the baseline that is known.
    pub(super) fn again(&self, plan: &Plan, since: String) -> Self {
        Self {
            baseline: self.baseline,
            ..Self::new(plan, since)
        }
    }

    /// The baseline that is known, where it says what these gates ask.
    pub(super) fn baseline_for(&self, gates: &Gates) -> Option<Sample> {
        self.baseline
            .filter(|known| gates.p99_ms.is_none() || known.p99_ms.is_some())
    }

    /// Lets `by` pass; whether another step, or the end, has come.
    pub(super) fn advance(&mut self, plan: &Plan, by: Duration) -> bool {
        if self.state != State::Running || plan.steps.is_empty() {
            return false;
        }
        let before = self.step;
        // What a step waits for its verdict is not taken from the next one.
        let step = plan.steps.get(self.step);
        let waited = step.is_some_and(|s| s.duration_ms > 0 && self.elapsed >= s.duration());
        if !waited {
            self.elapsed = self.elapsed.saturating_add(by);
        }
        while let Some(step) = plan.steps.get(self.step) {
            let Some(rest) = self.elapsed.checked_sub(step.duration()) else {
                break;
            };
            if self.owes_verdict(plan, step) {
                self.elapsed = step.duration();
                break;
            }
            self.elapsed = rest;
            self.step += 1;
            self.passed = false;
        }
        if self.step >= plan.steps.len() {
            self.elapsed = Duration::ZERO;
            self.state = State::Done;
        }
        self.step != before
    }

    /// Whether the time of its step is over, and only a verdict is missing.
    pub(super) fn waits(&self, plan: &Plan) -> bool {
        let step = plan.steps.get(self.step);
        self.state == State::Running
            && step.is_some_and(|s| self.elapsed >= s.duration() && self.owes_verdict(plan, s))
    }

    /// Whether a step has to pass a verdict before it may end. Not where none can
    /// come: of a canary that gets nothing, or all with nothing to compare it with.
    fn owes_verdict(&self, plan: &Plan, step: &Step) -> bool {
        let Some(gates) = plan.gates.filter(Gates::compares) else {
            return false;
        };
        let judgeable = step.to > 0 && (step.to < POINTS || self.baseline_for(&gates).is_some());
        judgeable && step.duration_ms > 0 && !self.passed
    }

    /// The weight of each variant besides the baseline, in the order of the
    /// variants; the baseline has what is left.
    pub(super) fn weights(&self, plan: &Plan) -> Vec<u32> {
        let others = plan.variants.iter().enumerate();
        let others = others.filter(|(index, _)| *index != plan.baseline);
        others
            .map(|(_, variant)| match self.state {
                State::RolledBack => 0,
                State::Promoted => POINTS,
                _ => self.step_weight(plan).unwrap_or(variant.weight),
            })
            .collect()
    }

    /// What the steps say; none without steps.
    fn step_weight(&self, plan: &Plan) -> Option<u32> {
        match plan.steps.get(self.step) {
            Some(step) => Some(between(step, self.elapsed)),
            None => plan.steps.last().map(|last| last.to),
        }
    }

    /// Until the weight next begins to change, or has changed; none where time
    /// alone changes nothing.
    pub(super) fn next_change(&self, plan: &Plan) -> Option<Duration> {
        let step = plan.steps.get(self.step)?;
        let moves = self.state == State::Running && !self.waits(plan);
        moves.then(|| step.duration().saturating_sub(self.elapsed))
    }

    /// What is left of this progress where `old` is edited to `new`.
    ///
    /// * Other variants, or another baseline: nothing, it is another subject.
    /// * A rollback stays, whatever was edited.
    /// * Where only gates were edited, all of it.
    /// * Where the steps so far, and the present one, are the same, the
    ///   position. Steps that were added to the end are done after the others.
    /// * Else only the baseline that is known; and a pause stays a pause.
    pub(super) fn carried(&self, old: &Plan, new: &Plan, since: &str) -> Self {
        if !old.same_subject(new) {
            return Self::new(new, since.to_owned());
        }
        let anew = || self.again(new, since.to_owned());
        if self.state == State::RolledBack
            || (old.variants == new.variants && old.steps == new.steps)
        {
            return Self {
                step: self.step.min(new.steps.len()),
                ..self.clone()
            };
        }
        if old.steps.is_empty() || new.steps.is_empty() || self.state == State::Promoted {
            return anew();
        }
        let so_far = (self.step + 1).min(old.steps.len());
        if old.steps.get(..so_far) == new.steps.get(..so_far) {
            let more = self.state == State::Done && self.step < new.steps.len();
            return Self {
                state: if more { State::Running } else { self.state },
                ..self.clone()
            };
        }
        let mut anew = anew();
        if self.state == State::Paused && anew.state == State::Running {
            anew.state = State::Paused;
        }
        anew
    }
}

/// The weight after `elapsed` of a step.
fn between(step: &Step, elapsed: Duration) -> u32 {
    let (Ok(whole), Ok(gone)) = (
        i64::try_from(step.duration_ms),
        i64::try_from(elapsed.as_millis()),
    ) else {
        return step.to;
    };
    if gone >= whole {
        return step.to;
    }
    // A year in milliseconds times 10000 is far below 2^63.
    let way = i64::from(step.to) - i64::from(step.from);
    let weight = i64::from(step.from) + way * gone / whole;
    u32::try_from(weight).unwrap_or(0).min(POINTS)
}
