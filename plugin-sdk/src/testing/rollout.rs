//! The rollouts of the contract: one plan, whose weights a test moves.

use super::imports::routing;
use super::world::{Phase, ask};
use crate::bindings::types::Rejected;
use crate::rollout::{Gates, POINTS, Plan, Step};

/// The plan that a plugin opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenPlan {
    /// The upstreams, each with its weight now, in hundredths of a percent.
    pub variants: Vec<(String, u32)>,
    /// Which of them the others are compared with.
    pub baseline: usize,
    /// How the weight of the canary moves. Here it does not, unless a test moves it.
    pub steps: Vec<Step>,
    /// What is judged.
    pub gates: Option<Gates>,
}

impl OpenPlan {
    pub(super) fn set_weights(&mut self, weights: &[u32]) {
        assert_eq!(weights.len(), self.variants.len(), "one weight a variant");
        assert_eq!(weights.iter().sum::<u32>(), POINTS, "the sum of weights");
        for ((_, weight), new) in self.variants.iter_mut().zip(weights) {
            *weight = *new;
        }
    }

    /// The variants besides the baseline take their points from the two ends
    /// by turns, so that the first two never give one away while they grow.
    fn assign(&self, point: u32) -> usize {
        let (mut low, mut high) = (0, POINTS);
        let others = self.variants.iter().enumerate();
        let others = others.filter(|(index, _)| *index != self.baseline);
        for (turn, (index, (_, weight))) in others.enumerate() {
            if turn % 2 == 0 {
                low += weight;
                if (low - weight..low).contains(&point) {
                    return index;
                }
            } else {
                high -= weight;
                if (high..high + weight).contains(&point) {
                    return index;
                }
            }
        }
        self.baseline
    }
}

pub(crate) fn open(plan: Plan<'_>) -> Result<u32, String> {
    let baseline = usize::try_from(plan.baseline).unwrap_or(usize::MAX);
    let variants = plan.variants.iter();
    let opened = OpenPlan {
        variants: variants
            .map(|share| (share.upstream.to_owned(), share.weight))
            .collect(),
        baseline,
        steps: plan.steps.to_vec(),
        gates: plan.gates,
    };
    let sum: u64 = plan.variants.iter().map(|v| u64::from(v.weight)).sum();
    if sum != u64::from(POINTS) {
        return Err(format!("the weights add up to {sum}, expected {POINTS}"));
    }
    if baseline >= opened.variants.len() {
        return Err("the baseline is none of the variants".to_owned());
    }
    if !plan.steps.is_empty() && opened.variants.len() != 2 {
        return Err("steps need a baseline and one other variant".to_owned());
    }
    ask(|w| {
        if w.phase != Phase::Configure {
            return Err("only `configure` may open a plan".to_owned());
        }
        if w.gateway.plan.replace(opened).is_some() {
            return Err("one plan a plugin".to_owned());
        }
        Ok(0)
    })
}

pub(crate) fn assign(_: u32, point: u32) -> u32 {
    let index = ask(|w| w.gateway.plan.as_ref().map_or(0, |plan| plan.assign(point)));
    u32::try_from(index).unwrap_or(0)
}

pub(crate) fn route(plan: u32, point: u32) -> Result<u32, Rejected> {
    let variant = assign(plan, point);
    let upstream = ask(|w| {
        let variants = &w.gateway.plan.as_ref()?.variants;
        let at = usize::try_from(variant).ok()?;
        variants.get(at).map(|(upstream, _)| upstream.clone())
    });
    routing::choose(&upstream.ok_or(Rejected::Unknown)?)?;
    Ok(variant)
}
