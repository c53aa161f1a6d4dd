//! Counting: one counter a limit and key, by the limit's algorithm.

mod bucket;
mod fixed;
mod sliding;

use super::answer::Standing;
use super::clock::Moment;
use super::limit::{Algorithm, Rule};

/// What was taken from one limit by one key. Before any question, [`Counter::roll`].
#[derive(Debug)]
pub(super) enum Counter {
    Sliding(sliding::Sliding),
    Fixed(fixed::Fixed),
    Bucket(bucket::Bucket),
}

impl Counter {
    /// Nothing is taken yet.
    pub(super) fn new(rule: &Rule) -> Self {
        match rule.algorithm {
            Algorithm::SlidingWindow => Self::Sliding(sliding::Sliding::default()),
            Algorithm::FixedWindow => Self::Fixed(fixed::Fixed::default()),
            Algorithm::TokenBucket => Self::Bucket(bucket::Bucket::default()),
        }
    }

    /// Forgets what no longer counts now.
    pub(super) fn roll(&mut self, rule: &Rule, now: Moment) {
        match self {
            Self::Sliding(state) => state.roll(rule, now.steady_us / 1000),
            Self::Fixed(state) => state.roll(rule, now),
            Self::Bucket(state) => state.roll(rule, now.steady_us),
        }
    }

    /// How much could be taken now.
    pub(super) fn remaining(&self, rule: &Rule) -> u64 {
        match self {
            Self::Sliding(state) => rule.amount.saturating_sub(state.taken()),
            Self::Fixed(state) => rule.amount.saturating_sub(state.taken()),
            Self::Bucket(state) => state.remaining(rule),
        }
    }

    /// Counts `cost`, be it within the limit or not.
    pub(super) fn add(&mut self, rule: &Rule, now: Moment, cost: u64) {
        match self {
            Self::Sliding(state) => state.add(rule, now.steady_us / 1000, cost),
            Self::Fixed(state) => state.add(cost),
            Self::Bucket(state) => state.add(rule, cost),
        }
    }

    /// How the limit stands, where `refused` is what it refused just now; the
    /// reset is with one more unit that is taken now, or without.
    pub(super) fn standing(
        &self,
        rule: &Rule,
        now: Moment,
        one_more: bool,
        refused: Option<u64>,
    ) -> Standing {
        let retry = |need: u64| match self {
            _ if need > rule.capacity() => rule.window_ms,
            Self::Sliding(state) => state.retry_ms(rule, now.steady_us / 1000, need),
            Self::Fixed(state) => state.reset_ms(now, false),
            Self::Bucket(state) => state.retry_ms(rule, need),
        };
        Standing {
            remaining: self.remaining(rule),
            reset_ms: match self {
                Self::Sliding(state) => state.reset_ms(rule, now.steady_us / 1000, one_more),
                Self::Fixed(state) => state.reset_ms(now, one_more),
                Self::Bucket(state) => state.reset_ms(rule, one_more),
            },
            retry_ms: refused.map_or(0, retry),
        }
    }

    /// What it takes on the heap, in bytes.
    pub(super) fn heap(&self) -> usize {
        match self {
            Self::Sliding(state) => state.heap(),
            Self::Fixed(_) | Self::Bucket(_) => 0,
        }
    }
}
