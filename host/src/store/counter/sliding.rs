//! Sliding windows, in sixty slots. A take counts with its slot and the sixty
//! before it: all that may lie within one window of it, and at most one slot more.

use std::collections::VecDeque;

use crate::store::limit::Rule;

/// What was taken, by slot; slots in which nothing was taken are not kept.
#[derive(Debug, Default)]
pub(in crate::store) struct Sliding {
    /// Number of the slot since 1970 and what was taken in it, oldest first.
    slots: VecDeque<(u64, u64)>,
    taken: u64,
}

impl Sliding {
    pub(super) fn roll(&mut self, rule: &Rule, now_ms: u64) {
        let present = now_ms / rule.slot_ms;
        while let Some((slot, count)) = self.slots.front() {
            if slot.saturating_add(rule.slots) >= present {
                break;
            }
            self.taken = self.taken.saturating_sub(*count);
            self.slots.pop_front();
        }
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn add(&mut self, rule: &Rule, now_ms: u64, cost: u64) {
        if cost == 0 {
            return;
        }
        let present = now_ms / rule.slot_ms;
        match self.slots.back_mut() {
            Some((slot, count)) if *slot >= present => *count = count.saturating_add(cost),
            _ => self.slots.push_back((present, cost)),
        }
        self.taken = self.taken.saturating_add(cost);
    }

    /// When so many of the oldest slots are gone that there is room for `need`.
    pub(super) fn retry_ms(&self, rule: &Rule, now_ms: u64, need: u64) -> u64 {
        let mut left = self.taken;
        for (slot, count) in &self.slots {
            left = left.saturating_sub(*count);
            if left.saturating_add(need) <= rule.amount {
                return gone_ms(rule, *slot).saturating_sub(now_ms);
            }
        }
        0
    }

    /// With one more that is taken now, or without.
    pub(super) fn reset_ms(&self, rule: &Rule, now_ms: u64, one_more: bool) -> u64 {
        let last = self.slots.back().map(|(slot, _)| *slot);
        let present = one_more.then_some(now_ms / rule.slot_ms);
        last.max(present)
            .map_or(0, |slot| gone_ms(rule, slot).saturating_sub(now_ms))
    }

    pub(super) fn heap(&self) -> usize {
        self.slots.capacity() * size_of::<(u64, u64)>()
    }
}

/// When a slot no longer counts.
fn gone_ms(rule: &Rule, slot: u64) -> u64 {
    (slot + rule.slots + 1).saturating_mul(rule.slot_ms)
}
