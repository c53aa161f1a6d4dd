//! Rules that cannot have an effect, or whose effect would hang on their order.

use sluice_plugin::prelude::*;

use crate::json::{Pointer, is_index};
use crate::rules::Step;

/// What one rule lays hands on.
#[derive(Debug)]
pub(crate) struct Claim {
    step: Step,
    /// The name; of a body, the steps of the pointer.
    path: Vec<String>,
    /// What it is renamed to.
    to: Option<Vec<String>>,
    /// Whether something can stand inside of the value.
    holds: bool,
    /// Where the rule is written.
    at: String,
    /// Its name, as it is written.
    name: String,
}

impl Claim {
    /// A rule for one name.
    pub(crate) fn new(step: Step, name: &str, at: String) -> Self {
        Self {
            step,
            path: vec![name.to_owned()],
            to: None,
            holds: true,
            at,
            name: name.to_owned(),
        }
    }

    /// A rule for a place in a body.
    pub(crate) fn of(step: Step, pointer: &Pointer, at: String) -> Self {
        Self {
            path: pointer.steps().to_vec(),
            ..Self::new(step, &["/", &pointer.steps().join("/")].concat(), at)
        }
    }

    /// What it is renamed to.
    pub(crate) fn to(self, path: &[impl AsRef<str>]) -> Self {
        let to = path.iter().map(|step| step.as_ref().to_owned()).collect();
        Self {
            to: Some(to),
            ..self
        }
    }

    /// Whether something can stand inside of the value.
    pub(crate) fn holds(self, holds: bool) -> Self {
        Self { holds, ..self }
    }

    /// Whether `earlier`, of the same step, is about the same or a part of it.
    fn overlaps(&self, earlier: &Self) -> bool {
        let near = |a: &Vec<String>, b: &Vec<String>| a.starts_with(b) || b.starts_with(a);
        match self.step {
            // What stands in an added table is added after it.
            Step::Add => self.path == earlier.path,
            Step::Rename => [Some(&self.path), self.to.as_ref()]
                .into_iter()
                .flatten()
                .any(|mine| {
                    near(mine, &earlier.path)
                        || earlier.to.as_ref().is_some_and(|to| near(mine, to))
                }),
            _ => near(&self.path, &earlier.path),
        }
    }

    /// What must be there for the rule to have an effect.
    fn needs(&self) -> &[String] {
        match self.step {
            Step::Add | Step::Append => self.path.split_last().map_or(&[], |(_, parent)| parent),
            _ => &self.path,
        }
    }

    /// Whether nothing stands at `path` after this rule, wherever it applied.
    fn clears(&self, path: &[String]) -> bool {
        let gone = match self.step {
            // Behind an element that is gone, the next one has its index.
            Step::Remove | Step::Rename => !self.path.last().is_some_and(|last| is_index(last)),
            Step::Replace => !self.holds,
            _ => false,
        };
        gone && path.starts_with(&self.path)
    }

    /// Whether this rule may put something at `path`.
    fn makes(&self, path: &[String]) -> bool {
        match (&self.to, self.step) {
            (Some(to), _) => path.starts_with(to),
            (None, Step::Add | Step::Append) => path.starts_with(&self.path),
            _ => false,
        }
    }
}

/// Names every rule that collides with one before it, or that one before it
/// leaves nothing to. The rules are those of one part of a message, in the
/// order in which they apply.
pub(crate) fn collisions(claims: &[Claim], problems: &mut Problems) {
    for (n, claim) in claims.iter().enumerate() {
        let (earlier, _) = claims.split_at(n);
        if claim.to.as_ref() == Some(&claim.path) {
            problems.add(&*claim.at, "it has this name already");
            continue;
        }
        let same = earlier.iter().filter(|e| e.step == claim.step);
        if let Some(other) = same.into_iter().find(|e| claim.overlaps(e)) {
            let message = [
                "collides with the `",
                other.step.key(),
                "` of `",
                &other.name,
                "`: their order would decide",
            ];
            problems.add(&*claim.at, message.concat());
            continue;
        }
        let needs = claim.needs();
        let cleared = earlier
            .iter()
            .rposition(|e| e.step < claim.step && e.clears(needs));
        let Some(cleared) = cleared else { continue };
        let since = earlier.get(cleared..).unwrap_or_default();
        if !since.iter().any(|e| e.makes(needs))
            && let Some(by) = earlier.get(cleared)
        {
            let message = [
                "never matches: the `",
                by.step.key(),
                "` of `",
                &by.name,
                "` comes first and leaves nothing",
            ];
            problems.add(&*claim.at, message.concat());
        }
    }
}
