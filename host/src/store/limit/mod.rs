//! Limits, and the sets in which they are taken together.

mod check;

use sha2::{Digest, Sha256};

use super::calendar;
use check::check;

/// How a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// At most the amount in any stretch of time as long as the window. May
    /// refuse up to a sixtieth of a window early.
    SlidingWindow,
    /// At most the amount in each window; windows follow each other.
    FixedWindow,
    /// In any time T at most `burst + amount · T / window`.
    TokenBucket,
}

/// How long a limit's window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// Milliseconds. Fixed windows begin at multiples since 1970 in UTC: one of
    /// a minute at the full minute.
    Ms(u64),
    /// From midnight to midnight UTC.
    Day,
    /// From Monday to Monday, midnight UTC.
    Week,
    /// A month of the calendar, UTC.
    Month,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Part of the counter's identity, with the window and the algorithm.
    pub name: String,
    /// How much may be taken in a window.
    pub amount: u64,
    /// How long that is.
    pub window: Window,
    /// How it is counted.
    pub algorithm: Algorithm,
    /// What a token bucket holds; the other algorithms ignore it.
    pub burst: u64,
}

/// Whom a take may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consistency {
    /// Each take asks the store.
    Strict,
    /// A share is taken in advance and given back unused. Never admits more
    /// than the limit; may refuse while others hold shares.
    Lease,
}

/// More in one set would make one take too long.
pub const MAX_LIMITS: usize = 16;
/// Counters stay exact up to here in every store.
pub const MAX_AMOUNT: u64 = 1_000_000_000_000_000;
/// Slots of a sliding window.
const SLOTS: u64 = 60;
/// A share that lives for less is not worth having.
const MIN_LEASE_US: u64 = 50_000;
/// A share of a token bucket lives no longer: what it holds drains from its end on.
const MAX_LEASE_US: u64 = 1_000_000;

/// Limits that are taken together, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSet {
    namespace: String,
    consistency: Consistency,
    limits: Vec<Limit>,
    rules: Vec<Rule>,
    space: u128,
    calendar: bool,
    leases: Option<Leasing>,
}

/// How shares of a set are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leasing {
    /// Digest of the namespace and of all that the limits say.
    pub(super) id: u128,
    /// How long a share of a token bucket lives, in microseconds.
    pub(super) live_us: u64,
}

/// A limit, made ready for counting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// Digest of what makes the counter: name, window and algorithm.
    pub(super) id: u128,
    pub(super) algorithm: Algorithm,
    pub(super) window: Window,
    pub(super) amount: u64,
    pub(super) burst: u64,
    /// Length of the window; for months the longest.
    pub(super) window_ms: u64,
    /// Length of a slot of a sliding window.
    pub(super) slot_ms: u64,
    /// How many slots before the present one are counted with it.
    pub(super) slots: u64,
}

impl LimitSet {
    /// Limits of one plugin, whose name is the namespace of the counters.
    /// Windows of the calendar are fixed windows, so a sliding window of a day
    /// of the calendar is refused.
    ///
    /// # Errors
    /// A sentence that says which limit is wrong, what was found, and what is
    /// expected.
    pub fn new(
        namespace: &str,
        consistency: Consistency,
        limits: Vec<Limit>,
    ) -> Result<Self, String> {
        if limits.is_empty() {
            return Err("no limit is given: at least one is expected".into());
        }
        if limits.len() > MAX_LIMITS {
            let found = limits.len();
            return Err(format!(
                "{found} limits are taken together: at most {MAX_LIMITS} are expected"
            ));
        }
        for (i, limit) in limits.iter().enumerate() {
            check(limit)?;
            if limits.iter().take(i).any(|other| other.name == limit.name) {
                return Err(format!("two limits have the name `{}`", limit.name));
            }
        }
        let rules: Vec<_> = limits.iter().map(Rule::of).collect();
        let leases = (consistency == Consistency::Lease)
            .then(|| Leasing::of(namespace, &rules))
            .flatten();
        Ok(Self {
            space: digest(&[b"space", namespace.as_bytes()]),
            calendar: limits.iter().any(|l| !matches!(l.window, Window::Ms(_))),
            rules,
            leases,
            namespace: namespace.to_owned(),
            consistency,
            limits,
        })
    }

    /// The limits, in the order of the standings of a ticket.
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The plugin's name.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whom a take may ask.
    pub fn consistency(&self) -> Consistency {
        self.consistency
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// How shares are held, where they are.
    pub(super) fn leases(&self) -> Option<Leasing> {
        self.leases
    }

    /// Digest of the namespace.
    pub(super) fn space(&self) -> u128 {
        self.space
    }

    /// Whether a window of the calendar is among the limits.
    pub(super) fn needs_wall(&self) -> bool {
        self.calendar
    }
}

impl Rule {
    fn of(limit: &Limit) -> Self {
        let window_ms = calendar::longest(limit.window);
        let slot_ms = window_ms.div_ceil(SLOTS).max(1);
        let (kind, length) = match limit.window {
            Window::Ms(ms) => (0, ms),
            Window::Day => (1, 0),
            Window::Week => (2, 0),
            Window::Month => (3, 0),
        };
        let algorithm = match limit.algorithm {
            Algorithm::SlidingWindow => 0,
            Algorithm::FixedWindow => 1,
            Algorithm::TokenBucket => 2,
        };
        Self {
            id: digest(&[
                b"limit",
                limit.name.as_bytes(),
                &[kind, algorithm],
                &length.to_be_bytes(),
            ]),
            algorithm: limit.algorithm,
            window: limit.window,
            amount: limit.amount,
            burst: limit.burst,
            window_ms,
            slot_ms,
            slots: window_ms.div_ceil(slot_ms),
        }
    }

    /// The most that one take can ever get.
    pub(super) fn capacity(&self) -> u64 {
        match self.algorithm {
            Algorithm::TokenBucket => self.burst,
            _ => self.amount,
        }
    }
}

impl Leasing {
    /// None where a share would be over before it was worth having.
    fn of(namespace: &str, rules: &[Rule]) -> Option<Self> {
        let mut parts = vec![b"lease".to_vec(), namespace.as_bytes().to_vec()];
        let mut live_us = MAX_LEASE_US;
        for rule in rules {
            for number in [rule.id, rule.amount.into(), rule.burst.into()] {
                parts.push(number.to_be_bytes().to_vec());
            }
            let span_us = match rule.algorithm {
                Algorithm::SlidingWindow => rule.slot_ms * 1000,
                Algorithm::FixedWindow => rule.window_ms * 1000 / SLOTS,
                Algorithm::TokenBucket => {
                    let fills_us = u128::from(rule.burst) * u128::from(rule.window_ms) * 1000
                        / u128::from(rule.amount);
                    let part_us = u64::try_from(fills_us / 8).unwrap_or(u64::MAX);
                    live_us = live_us.min(part_us);
                    part_us
                }
            };
            if span_us < MIN_LEASE_US {
                return None;
            }
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        Some(Self {
            id: digest(&parts),
            live_us,
        })
    }
}

/// A digest of parts that does not depend on where one ends by their bytes alone.
pub(super) fn digest(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let all: [u8; 32] = hash.finalize().into();
    all.iter()
        .take(16)
        .fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str) -> Limit {
        Limit {
            name: name.into(),
            amount: 10,
            window: Window::Ms(1000),
            algorithm: Algorithm::SlidingWindow,
            burst: 0,
        }
    }

    #[test]
    fn the_slots_of_a_sliding_window_cover_it() {
        for ms in (1..5000).chain([
            60_000,
            3_600_000,
            check::MAX_WINDOW_MS - 7,
            check::MAX_WINDOW_MS,
        ]) {
            let rule = Rule::of(&Limit {
                window: Window::Ms(ms),
                ..limit("a")
            });
            assert!(rule.slots * rule.slot_ms >= ms, "{rule:?}");
            assert!(rule.slots <= SLOTS, "{rule:?}");
        }
    }

    #[test]
    fn a_counter_is_known_by_name_window_and_algorithm_not_by_amount() {
        let id = |change: fn(&mut Limit)| {
            let mut one = limit("a");
            change(&mut one);
            Rule::of(&one).id
        };
        let same = id(|_| ());
        assert_eq!(same, id(|l| l.amount = 99));
        assert_ne!(same, id(|l| l.name = "b".into()));
        assert_ne!(same, id(|l| l.window = Window::Ms(1001)));
        assert_ne!(same, id(|l| l.algorithm = Algorithm::FixedWindow));
    }
}
