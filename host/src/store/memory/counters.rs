//! Counters in memory: one entry a key with the counters of all its limits, so
//! that a take from several limits is one lock.

use super::MemoryConfig;
use crate::store::MAX_KEY;
use crate::store::answer::{Standing, StoreError, StoreStats, Ticket};
use crate::store::clock::{Clock, Moment};
use crate::store::counter::Counter;
use crate::store::limit::{LimitSet, MAX_AMOUNT, MAX_LIMITS, Rule};
use crate::store::map::{Entry, Map, Probe, Shard};

/// Counters that one key may have: more come only of limits that changed.
const MAX_COUNTERS: usize = 4 * MAX_LIMITS;

pub(super) struct Counters(Map<Tally>);

/// The counters of one key, by the digest of their limits.
#[derive(Default)]
pub(super) struct Tally(Vec<(u128, Counter)>);

impl Counters {
    pub(super) fn new(config: &MemoryConfig) -> Self {
        Self(Map::new(config))
    }

    pub(super) fn usage(&self) -> StoreStats {
        self.0.usage()
    }

    pub(super) fn take(
        &self,
        clock: &Clock,
        set: &LimitSet,
        key: &[u8],
        cost: u64,
    ) -> Result<Ticket, StoreError> {
        if key.len() > MAX_KEY {
            return Err(StoreError::TooLarge);
        }
        let take = |shard: &mut Shard<Tally>, probe: Probe<'_>| {
            // The time is read under the lock, so that counters see it in order.
            let now = clock.now(set.needs_wall());
            match shard.find(probe) {
                Some(entry) => {
                    let heap = entry.value.heap();
                    let ticket = entry.take(set, now, cost);
                    let grown = entry.value.heap();
                    if grown != heap {
                        shard.grown(probe, grown, now.steady_us);
                    }
                    ticket
                }
                None => {
                    let mut tally = Tally::default();
                    let ticket = tally.take(set, now, cost);
                    if ticket.granted && cost > 0 {
                        tally.keep(shard, probe, now, expiry(now, &ticket.standings));
                    }
                    ticket
                }
            }
        };
        self.0
            .with(set.space(), key, take)
            .ok_or(StoreError::TooLarge)
    }

    pub(super) fn charge(
        &self,
        clock: &Clock,
        set: &LimitSet,
        key: &[u8],
        cost: u64,
    ) -> Result<(), StoreError> {
        if key.len() > MAX_KEY {
            return Err(StoreError::TooLarge);
        }
        let cost = cost.min(MAX_AMOUNT);
        if cost == 0 {
            return Ok(());
        }
        let charge = |shard: &mut Shard<Tally>, probe: Probe<'_>| {
            let now = clock.now(set.needs_wall());
            // Charges are rare beside takes, so this one may be plain.
            let (mut tally, before) = shard
                .remove(probe)
                .map_or_else(Default::default, |e| (e.value, e.expires_us));
            let standings = tally.charge(set, now, cost);
            let expires_us = expiry(now, &standings).max(before);
            tally.keep(shard, probe, now, expires_us);
        };
        self.0
            .with(set.space(), key, charge)
            .ok_or(StoreError::TooLarge)
    }
}

impl Entry<Tally> {
    fn take(&mut self, set: &LimitSet, now: Moment, cost: u64) -> Ticket {
        let ticket = self.value.take(set, now, cost);
        // Asking keeps nothing for longer.
        if cost > 0 {
            self.expires_us = self.expires_us.max(expiry(now, &ticket.standings));
        }
        ticket
    }
}

impl Tally {
    /// Where the counters of a set are, made ready for now.
    fn ready(&mut self, set: &LimitSet, now: Moment) -> [usize; MAX_LIMITS] {
        let mut places = [0; MAX_LIMITS];
        for (rule, place) in set.rules().iter().zip(&mut places) {
            let index = match self.0.iter().position(|(id, _)| *id == rule.id) {
                Some(index) => index,
                None => self.make(set, rule),
            };
            if let Some((_, counter)) = self.0.get_mut(index) {
                counter.roll(rule, now);
            }
            *place = index;
        }
        places
    }

    fn make(&mut self, set: &LimitSet, rule: &Rule) -> usize {
        let counter = (rule.id, Counter::new(rule));
        if self.0.len() < MAX_COUNTERS {
            if self.0.is_empty() {
                // Most keys have the counters of one set.
                self.0.reserve_exact(set.rules().len());
            }
            self.0.push(counter);
            return self.0.len() - 1;
        }
        // Those of limits that are in the set stay.
        let old = |id: &u128| !set.rules().iter().any(|r| r.id == *id);
        let index = self.0.iter().position(|(id, _)| old(id)).unwrap_or(0);
        if let Some(place) = self.0.get_mut(index) {
            *place = counter;
        }
        index
    }

    fn take(&mut self, set: &LimitSet, now: Moment, cost: u64) -> Ticket {
        let places = self.ready(set, now);
        let need = cost.max(1);
        let each = || set.rules().iter().zip(places);
        let granted = each().all(|(rule, at)| {
            self.0
                .get(at)
                .is_some_and(|(_, counter)| counter.remaining(rule) >= need)
        });
        // Who takes nothing will be charged later: it is told how it is then.
        let asked = granted && cost == 0;
        let mut standings = Vec::with_capacity(set.rules().len());
        for (rule, at) in each() {
            let Some((_, counter)) = self.0.get_mut(at) else {
                continue;
            };
            let refused = if granted {
                counter.add(rule, now, cost);
                None
            } else {
                Some(need).filter(|need| counter.remaining(rule) < *need)
            };
            standings.push(counter.standing(rule, now, asked, refused));
        }
        Ticket { granted, standings }
    }

    fn charge(&mut self, set: &LimitSet, now: Moment, cost: u64) -> Vec<Standing> {
        let places = self.ready(set, now);
        let mut standings = Vec::with_capacity(set.rules().len());
        for (rule, at) in set.rules().iter().zip(places) {
            if let Some((_, counter)) = self.0.get_mut(at) {
                counter.add(rule, now, cost);
                standings.push(counter.standing(rule, now, false, None));
            }
        }
        standings
    }

    fn keep(self, shard: &mut Shard<Self>, probe: Probe<'_>, now: Moment, expires_us: u64) {
        let heap = self.heap();
        shard.put(probe, self, heap, expires_us, now.steady_us);
    }

    fn heap(&self) -> usize {
        self.0
            .iter()
            .map(|(_, counter)| counter.heap())
            .sum::<usize>()
            + self.0.capacity() * size_of::<(u128, Counter)>()
    }
}

/// When the last of the limits is whole again, and the counters are as good as none.
fn expiry(now: Moment, standings: &[Standing]) -> u64 {
    let reset_ms = standings.iter().map(|s| s.reset_ms).max().unwrap_or(0);
    now.steady_us
        .saturating_add(reset_ms.saturating_add(1).saturating_mul(1000))
}
