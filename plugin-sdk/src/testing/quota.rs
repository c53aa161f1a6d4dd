//! Limits, counted from a list of all that was taken: slow, and easy to believe.

use super::calendar;
use super::gateway::Gateway;
use super::store::absent;
use super::world::{Phase, ask};
use crate::bindings::types::StoreError;
use crate::quota::{Algorithm, Consistency, Limit, Standing, Ticket, Window};
use crate::sys::types::quota as wit;

/// More limits are not taken together.
const MOST_LIMITS: usize = 16;
/// Longer windows are refused: 365 days.
const LONGEST_MS: u64 = 365 * 86_400_000;

/// Limits that the plugin opened.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    store: String,
    limits: Vec<Limit>,
}

/// What was taken under one limit and key: when, and how much.
#[derive(Debug, Clone, Default)]
pub(super) struct Count {
    taken: Vec<(u64, u64)>,
}

pub(crate) fn open(store: &str, _: Consistency, limits: &[wit::Limit<'_>]) -> Result<u32, String> {
    ask(|w| {
        if w.phase != Phase::Configure {
            return Err("only configure may open limits".to_owned());
        }
        if !w.gateway.stores.contains_key(store) {
            return Err(absent(store));
        }
        if limits.is_empty() || limits.len() > MOST_LIMITS {
            return Err(format!("expected 1 to {MOST_LIMITS} limits"));
        }
        for (at, limit) in limits.iter().enumerate() {
            let wrong = |what: &str| Err(format!("limit `{}`: {what}", limit.name));
            if limits[..at].iter().any(|other| other.name == limit.name) {
                return wrong("another has this name");
            }
            if limit.amount == 0 {
                return wrong("the amount is 0");
            }
            if limit.algorithm == Algorithm::TokenBucket && limit.burst == 0 {
                return wrong("the burst is 0");
            }
            match limit.window {
                Window::Ms(1..=LONGEST_MS) => {}
                Window::Ms(_) => return wrong("the window is not from 1 ms to 365 d"),
                _ if limit.algorithm != Algorithm::FixedWindow => {
                    return wrong("calendar windows are fixed windows");
                }
                _ => {}
            }
        }
        let limits = limits.iter().map(|limit| Limit {
            name: limit.name.to_owned(),
            amount: limit.amount,
            window: limit.window,
            algorithm: limit.algorithm,
            burst: limit.burst,
        });
        w.gateway.limits.push(Opened {
            store: store.to_owned(),
            limits: limits.collect(),
        });
        u32::try_from(w.gateway.limits.len() - 1).map_err(|_| "too many limits".to_owned())
    })
}

pub(crate) fn take(limits: u32, key: &str, cost: u64) -> Result<Ticket, StoreError> {
    ask(|w| {
        let now = w.gateway.unix_ms;
        with(&mut w.gateway, limits, key, |counts| {
            let granted = counts
                .iter()
                .all(|(limit, count)| limit.wait(count, now, cost.max(1)) == 0);
            let standings = counts.iter_mut().map(|(limit, count)| {
                let retry_ms = limit.wait(count, now, cost.max(1));
                if granted {
                    count.taken.push((now, cost));
                }
                Standing {
                    remaining: limit.remaining(count, now),
                    reset_ms: match (granted, cost) {
                        (true, 0) => limit.whole(&count.with_one_more(now), now),
                        _ => limit.whole(count, now),
                    },
                    retry_ms,
                }
            });
            let standings = standings.collect();
            Ticket { granted, standings }
        })
    })
}

pub(crate) fn admit(
    limits: u32,
    key: &str,
    cost: u64,
) -> Result<Option<Vec<Standing>>, StoreError> {
    let ticket = take(limits, key, cost)?;
    Ok((!ticket.granted).then_some(ticket.standings))
}

pub(crate) fn charge(limits: u32, key: &str, cost: u64) -> Result<(), StoreError> {
    ask(|w| {
        let now = w.gateway.unix_ms;
        with(&mut w.gateway, limits, key, |counts| {
            for (_, count) in counts {
                count.taken.push((now, cost));
            }
        })
    })
}

/// The limits of a handle, each with what was taken of it under this key.
fn with<T>(
    gateway: &mut Gateway,
    handle: u32,
    key: &str,
    run: impl FnOnce(&mut [(Limit, Count)]) -> T,
) -> Result<T, StoreError> {
    let opened = usize::try_from(handle).ok();
    let opened = opened.and_then(|at| gateway.limits.get(at)).cloned();
    let opened = opened.ok_or(StoreError::NotGranted)?;
    let store = gateway.store(&opened.store, key)?;
    let name = |limit: &Limit| {
        let counter = format!("{} {:?} {:?}", limit.name, limit.window, limit.algorithm);
        (counter, key.to_owned())
    };
    let mut counts: Vec<_> = opened
        .limits
        .into_iter()
        .map(|limit| {
            let count = store.counts.get(&name(&limit)).cloned().unwrap_or_default();
            (limit, count)
        })
        .collect();
    let result = run(&mut counts);
    for (limit, count) in counts {
        store.counts.insert(name(&limit), count);
    }
    Ok(result)
}

impl Count {
    /// As it would be with one unit that is taken now.
    fn with_one_more(&self, now: u64) -> Self {
        let mut taken = self.taken.clone();
        taken.push((now, 1));
        Self { taken }
    }
}

impl Limit {
    /// What can be taken at this moment.
    fn remaining(&self, count: &Count, now: u64) -> u64 {
        match self.algorithm {
            Algorithm::TokenBucket => {
                let full = u128::from(self.burst) * self.grain();
                let held = full.saturating_sub(self.missing(count, now));
                u64::try_from(held / self.grain()).unwrap_or(u64::MAX)
            }
            _ => self.amount.saturating_sub(self.used(count, now)),
        }
    }

    /// Milliseconds until `cost` could be taken; 0 where it can be. What never
    /// can be waits for a whole window.
    fn wait(&self, count: &Count, now: u64, cost: u64) -> u64 {
        let most = match self.algorithm {
            Algorithm::TokenBucket => self.burst,
            _ => self.amount,
        };
        if cost > most {
            return self.length(now);
        }
        if self.remaining(count, now) >= cost {
            return 0;
        }
        match self.algorithm {
            Algorithm::FixedWindow => self.end(now) - now,
            // What stands in the window leaves it in the order in which it came.
            Algorithm::SlidingWindow => {
                let leaves = count.taken.iter().map(|(at, _)| at + self.length(now));
                let enough = |at: &u64| *at > now && self.remaining(count, *at) >= cost;
                leaves.filter(enough).min().unwrap_or(self.end(now)) - now
            }
            Algorithm::TokenBucket => {
                let room = u128::from(self.burst - cost) * self.grain();
                let lacking = self.missing(count, now).saturating_sub(room);
                self.gained(lacking)
            }
        }
    }

    /// Milliseconds until nothing is missing.
    fn whole(&self, count: &Count, now: u64) -> u64 {
        match self.algorithm {
            Algorithm::TokenBucket => self.gained(self.missing(count, now)),
            _ if self.used(count, now) == 0 => 0,
            Algorithm::FixedWindow => self.end(now) - now,
            Algorithm::SlidingWindow => {
                let last = count.taken.iter().rfind(|(_, cost)| *cost > 0);
                last.map_or(0, |(at, _)| (at + self.length(now)).saturating_sub(now))
            }
        }
    }

    /// What was taken in the window of this moment.
    fn used(&self, count: &Count, now: u64) -> u64 {
        let start = match self.algorithm {
            Algorithm::FixedWindow => self.start(now),
            _ => (now + 1).saturating_sub(self.length(now)),
        };
        let inside = count
            .taken
            .iter()
            .filter(|(at, _)| (start..=now).contains(at));
        inside.fold(0, |sum, (_, cost)| sum.saturating_add(*cost))
    }

    /// What a bucket lacks, in parts of which [`Limit::grain`] are one.
    fn missing(&self, count: &Count, now: u64) -> u128 {
        let (mut missing, mut last) = (0_u128, 0_u64);
        for (at, cost) in count.taken.iter().chain([&(now, 0)]) {
            let gained = u128::from(at - last) * u128::from(self.amount);
            missing = missing.saturating_sub(gained) + u128::from(*cost) * self.grain();
            last = *at;
        }
        missing
    }

    /// Milliseconds in which a bucket gains so many parts.
    fn gained(&self, parts: u128) -> u64 {
        u64::try_from(parts.div_ceil(u128::from(self.amount))).unwrap_or(u64::MAX)
    }

    /// A bucket gains `amount` parts a millisecond, so that nothing is rounded.
    fn grain(&self) -> u128 {
        match self.window {
            Window::Ms(ms) => u128::from(ms),
            _ => 1,
        }
    }

    fn length(&self, now: u64) -> u64 {
        self.end(now) - self.start(now)
    }

    fn start(&self, now: u64) -> u64 {
        calendar::window(self.window, now).start
    }

    fn end(&self, now: u64) -> u64 {
        calendar::window(self.window, now).end
    }
}
