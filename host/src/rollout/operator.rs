//! What operators see of a rollout, and what they may do to it.

use std::sync::atomic::Ordering::SeqCst;
use std::time::SystemTime;

use super::live::{Rollout, percent, rfc3339};
use super::plan::Plan;
use super::progress::{Progress, State};
use super::status::{Status, VariantStatus};

impl Rollout {
    /// Stops the steps; gates go on judging. Again changes nothing.
    ///
    /// # Errors
    /// Where there is nothing to stop.
    pub fn pause(&self) -> Result<(), String> {
        self.act(|plan, progress| match progress.state {
            State::Paused => Ok(()),
            State::Running if plan.steps.is_empty() => Err("it has no steps to pause".into()),
            State::Running => {
                progress.state = State::Paused;
                Ok(())
            }
            other => Err(format!("it is {other}: there is nothing to pause")),
        })
    }

    /// Goes on where it was paused or held; after a rollback, from the beginning.
    ///
    /// # Errors
    /// Where it has ended otherwise.
    pub fn resume(&self) -> Result<(), String> {
        self.act(|plan, progress| match progress.state {
            State::Running => Ok(()),
            State::Paused | State::Held => {
                progress.state = State::Running;
                Ok(())
            }
            State::RolledBack => {
                *progress = progress.again(plan, String::new());
                Ok(())
            }
            State::Done | State::Promoted => Err(format!(
                "it is {}: there is nothing to resume",
                progress.state
            )),
        })
    }

    /// Gives all traffic to the canary, from any state.
    ///
    /// # Errors
    /// Where there is not exactly one canary.
    pub fn promote(&self) -> Result<(), String> {
        self.act(|plan, progress| {
            if plan.canary().is_none() {
                return Err("it has not exactly one variant besides the baseline".into());
            }
            progress.state = State::Promoted;
            Ok(())
        })
    }

    /// Gives all traffic to the baseline, from any state.
    ///
    /// # Errors
    /// None so far.
    pub fn rollback(&self) -> Result<(), String> {
        self.act(|_, progress| {
            progress.state = State::RolledBack;
            Ok(())
        })
    }

    fn act(
        &self,
        change: impl FnOnce(&Plan, &mut Progress) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut course = self.lock();
        let wall = SystemTime::now();
        if let Some(event) = self.settle(&mut course, wall) {
            course.missed = Some(event);
        }
        let before = course.progress.state;
        change(&self.plan, &mut course.progress)?;
        if course.progress.state != before {
            course.progress.since = rfc3339(wall);
            self.streak.length.store(0, SeqCst);
            self.forget(&mut course);
            self.unsaved.store(true, SeqCst);
        }
        self.publish(&course);
        Ok(())
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        let course = self.lock();
        let progress = &course.progress;
        let weights = self.weights();
        let variants = self.plan.variants.iter().zip(&self.tallies).zip(weights);
        let next_change = progress.next_change(&self.plan);
        Status {
            name: self.name.clone(),
            state: progress.state,
            since: progress.since.clone(),
            step: (!self.plan.steps.is_empty()).then_some(progress.step + 1),
            steps: self.plan.steps.len(),
            next_change_ms: next_change.map(|t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX)),
            waits_for_verdict: progress.waits(&self.plan),
            variants: variants
                .enumerate()
                .map(|(index, ((variant, tally), weight))| {
                    let (requests, failures) = tally.totals();
                    VariantStatus {
                        name: variant.name.clone(),
                        baseline: index == self.plan.baseline,
                        weight: percent(weight),
                        requests,
                        failures,
                    }
                })
                .collect(),
            verdict: progress.verdict.clone(),
        }
    }
}
