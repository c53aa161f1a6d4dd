//! Token buckets, in integers. What is owed is kept in tokens times the window's
//! microseconds, so that `amount` of them drain in each microsecond and nothing
//! is ever rounded away.

use crate::store::limit::Rule;

/// What a bucket lacks. More can be lacking than it holds, after a charge.
#[derive(Debug, Default)]
pub(in crate::store) struct Bucket {
    owed: u128,
    /// When it was that much.
    at_us: u64,
}

/// What is owed is paid back after a year, however much was charged.
const LONGEST_US: u128 = 365 * 86_400_000_000;

impl Bucket {
    pub(super) fn roll(&mut self, rule: &Rule, now_us: u64) {
        let passed = now_us.saturating_sub(self.at_us);
        if passed > 0 {
            let paid = u128::from(passed) * u128::from(rule.amount);
            self.owed = self.owed.saturating_sub(paid);
            self.at_us = now_us;
        }
    }

    pub(super) fn remaining(&self, rule: &Rule) -> u64 {
        let free = whole(rule, rule.burst).saturating_sub(self.owed);
        divide(free, per_token(rule))
    }

    pub(super) fn add(&mut self, rule: &Rule, cost: u64) {
        let most = LONGEST_US * u128::from(rule.amount);
        self.owed = self.owed.saturating_add(whole(rule, cost)).min(most);
    }

    pub(super) fn retry_ms(&self, rule: &Rule, need: u64) -> u64 {
        let owed = self.owed.saturating_add(whole(rule, need));
        ms_to_pay(rule, owed.saturating_sub(whole(rule, rule.burst)))
    }

    /// With one more that is taken now, or without.
    pub(super) fn reset_ms(&self, rule: &Rule, one_more: bool) -> u64 {
        let more = whole(rule, u64::from(one_more));
        ms_to_pay(rule, self.owed.saturating_add(more))
    }
}

fn per_token(rule: &Rule) -> u128 {
    u128::from(rule.window_ms) * 1000
}

fn whole(rule: &Rule, tokens: u64) -> u128 {
    per_token(rule) * u128::from(tokens)
}

/// Whole milliseconds until `owed` is paid, rounded up.
fn ms_to_pay(rule: &Rule, owed: u128) -> u64 {
    let per_ms = u128::from(rule.amount) * 1000;
    divide(owed.saturating_add(per_ms - 1), per_ms)
}

/// Most numbers are small, and dividing large ones is slow.
fn divide(a: u128, b: u128) -> u64 {
    match (u64::try_from(a), u64::try_from(b)) {
        (Ok(a), Ok(b)) => a.checked_div(b).unwrap_or(0),
        _ => u64::try_from(a.checked_div(b).unwrap_or(0)).unwrap_or(u64::MAX),
    }
}
