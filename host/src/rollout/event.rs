//! What happens to rollouts, for the log.

use std::fmt;

use super::judge::Failure;

/// Something that happened to a rollout by itself. What operators do is known to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The rollout.
    pub name: String,
    /// The canary.
    pub canary: String,
    /// What happened.
    pub change: Change,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Another step began.
    Step {
        /// Which, from 1.
        step: usize,
        /// How many there are.
        of: usize,
        /// The canary's weight now, in percent.
        weight: f64,
    },
    /// The time of a step is over, without a verdict on it.
    Waits {
        /// Which, from 1.
        step: usize,
        /// How many there are.
        of: usize,
    },
    /// The last step is done.
    Done {
        /// The canary's weight from now on, in percent.
        weight: f64,
    },
    /// Gates failed: all traffic goes to the baseline.
    RolledBack(Vec<Failure>),
    /// Gates failed: the weights stay as they are.
    Held(Vec<Failure>),
}

impl Event {
    /// Whether somebody should look at it.
    pub fn is_failure(&self) -> bool {
        matches!(self.change, Change::RolledBack(_) | Change::Held(_))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let canary = &self.canary;
        match &self.change {
            Change::Step { step, of, weight } => {
                write!(f, "step {step} of {of}: `{canary}` has {weight} %")
            }
            Change::Waits { step, of } => write!(
                f,
                "step {step} of {of} waits: too few requests for a verdict on `{canary}`"
            ),
            Change::Done { weight } => write!(f, "done: `{canary}` has {weight} %"),
            Change::RolledBack(failed) => {
                write!(
                    f,
                    "rolled back: `{canary}` has 0 % until an operator acts: "
                )?;
                reasons(f, failed)
            }
            Change::Held(failed) => {
                write!(f, "held: `{canary}` gets no more until an operator acts: ")?;
                reasons(f, failed)
            }
        }
    }
}

fn reasons(f: &mut fmt::Formatter<'_>, failed: &[Failure]) -> fmt::Result {
    for (index, failure) in failed.iter().enumerate() {
        let mark = if index == 0 { "" } else { "; " };
        write!(f, "{mark}{failure}")?;
    }
    Ok(())
}
