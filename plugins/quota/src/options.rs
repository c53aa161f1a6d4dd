//! What the operator may say.

use std::collections::BTreeMap;

use sluice_plugin::prelude::*;

use crate::headers::{Style, suffix};
use crate::values::{By, Cost, Every};

/// What a header can say: a number of RFC 9651 has 15 digits.
pub(crate) const MOST: u64 = 999_999_999_999_999;
/// More limits are not taken together.
const MOST_LIMITS: usize = 16;
/// Names of limits are sent with every answer.
const LONGEST_NAME: usize = 64;

/// Lets callers in as often as they may, and tells them how often that still is.
#[derive(Debug, Config)]
pub struct Options {
    /// What a caller may use. All limits are taken together, or none of them.
    pub(crate) limits: Vec<LimitOptions>,
    /// What is counted by: `consumer`, `credential`, `client-address`,
    /// `header:NAME`, `path`, `route`, `upstream`, or a list of them.
    #[config(default = "consumer")]
    pub(crate) by: By,
    /// What happens where the request does not have what it is counted by.
    #[config(default = "client-address")]
    pub(crate) fallback: Fallback,
    /// Limits of a group of consumers, instead of `limits`. Of the caller's
    /// groups, in their order, the first that has a plan decides.
    #[config(default)]
    pub(crate) plans: BTreeMap<String, Vec<LimitOptions>>,
    /// What a request costs, or `header:NAME` of the response that says it.
    #[config(default = 1)]
    pub(crate) cost: Cost,
    /// Where it is counted: `local`, or a store of the configuration.
    #[config(default = "local")]
    pub(crate) store: String,
    /// How a store is asked.
    #[config(default = "strict")]
    pub(crate) consistency: Consistency,
    /// What happens while the store does not answer.
    #[config(default = "local")]
    pub(crate) on_store_error: OnStoreError,
    /// How callers are told what is left.
    #[config(default = "ietf")]
    pub(crate) headers: Style,
    /// The status of a refusal, 400 to 599.
    #[config(default = 429)]
    pub(crate) status: u16,
    /// The title of a refusal.
    #[config(default = "Too Many Requests")]
    pub(crate) message: String,
}

/// At most `amount` in any window.
#[derive(Debug, Clone, Config)]
pub(crate) struct LimitOptions {
    /// Its name in counters, headers and refusals.
    pub(crate) name: String,
    /// How much, 1 or more.
    pub(crate) amount: u64,
    /// `1s` to `365d`, or `day`, `week`, `month` of the calendar in UTC.
    pub(crate) window: Every,
    /// By default a sliding window; calendar windows are fixed windows.
    pub(crate) algorithm: Option<Algorithm>,
    /// What a token bucket holds; by default `amount`.
    pub(crate) burst: Option<u64>,
}

/// How a limit is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Config)]
pub(crate) enum Algorithm {
    /// The last window before now.
    SlidingWindow,
    /// The window of the clock or the calendar.
    FixedWindow,
    /// A bucket that holds `burst` and gains `amount` a window, evenly.
    TokenBucket,
}

/// What happens where the request does not have what it is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Config)]
pub(crate) enum Fallback {
    /// The client's address stands in for it.
    ClientAddress,
    /// The request is refused with 403.
    Reject,
    /// The request is not counted.
    Skip,
}

/// How a store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Config)]
pub(crate) enum Consistency {
    /// Once a request.
    Strict,
    /// For a share in advance; what is not used goes back.
    Lease,
}

/// What happens while the store does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Config)]
pub(crate) enum OnStoreError {
    /// The same limits are counted in this process.
    Local,
    /// Requests pass uncounted.
    Allow,
    /// Requests are refused with 503.
    Deny,
}

impl Options {
    /// What types alone do not say.
    pub(crate) fn problems(&self) -> Problems {
        let mut problems = Problems::new();
        if self.limits.is_empty() {
            problems.add("/limits", "expected at least one limit");
        }
        self.check("/limits", &self.limits, &mut problems);
        for (group, limits) in &self.plans {
            self.check(&plan_pointer(group), limits, &mut problems);
        }
        for (at, part) in self.by.0.iter().enumerate() {
            if self.by.0.iter().take(at).any(|other| other == part) {
                problems.add(
                    ["/by/", &at.to_string()].concat(),
                    "it is in the list already",
                );
            }
        }
        if self.by.0.is_empty() {
            problems.add(
                "/by",
                "expected at least one of them; `route` counts all callers",
            );
        }
        if !(400..=599).contains(&self.status) {
            problems.add("/status", "expected a status from 400 to 599");
        }
        problems
    }

    /// The limits of one list, which are taken together.
    fn check(&self, at: &str, limits: &[LimitOptions], problems: &mut Problems) {
        if limits.len() > MOST_LIMITS {
            problems.add(at, "expected at most 16 limits");
        }
        for (index, limit) in limits.iter().enumerate() {
            let before = limits.get(..index).unwrap_or_default();
            let mut wrong = |key: &str, message: &str| {
                problems.add([at, "/", &index.to_string(), key].concat(), message);
            };
            if !is_name(&limit.name) {
                wrong("/name", "expected 1 to 64 letters, digits, `-`, `_` or `.`");
            } else if before.iter().any(|other| other.name == limit.name) {
                wrong("/name", "a limit before this one has the same name");
            }
            if self.headers == Style::Kong
                && before
                    .iter()
                    .any(|o| suffix(&o.window) == suffix(&limit.window))
            {
                wrong(
                    "/window",
                    "the kong headers cannot tell two limits of one window apart",
                );
            }
            if !(1..=MOST).contains(&limit.amount) {
                wrong("/amount", "expected 1 to 999999999999999");
            }
            match (limit.algorithm, limit.burst) {
                (Some(Algorithm::TokenBucket), Some(burst)) if !(1..=MOST).contains(&burst) => {
                    wrong("/burst", "expected 1 to 999999999999999");
                }
                (Some(Algorithm::TokenBucket), _) | (_, None) => {}
                _ => wrong("/burst", "only a `token-bucket` has a burst"),
            }
            if limit.window.is_calendar() && limit.algorithm() != Algorithm::FixedWindow {
                wrong("/algorithm", "calendar windows are a `fixed-window`");
            }
            if matches!(self.cost, Cost::Fixed(cost) if cost > limit.most().max(1)) {
                wrong(
                    "",
                    "no request could ever pass: `cost` is more than this limit holds",
                );
            }
        }
    }
}

impl Options {
    /// Whether there is anything to do once the response is there.
    pub(crate) fn tells_or_charges(&self) -> bool {
        self.headers != Style::None || matches!(self.cost, Cost::Header(_))
    }
}

impl LimitOptions {
    pub(crate) fn algorithm(&self) -> Algorithm {
        let calendar = self.window.is_calendar();
        self.algorithm.unwrap_or(match calendar {
            true => Algorithm::FixedWindow,
            false => Algorithm::SlidingWindow,
        })
    }

    /// The most that can be taken at one moment.
    pub(crate) fn most(&self) -> u64 {
        match self.algorithm() {
            Algorithm::TokenBucket => self.burst.unwrap_or(self.amount),
            _ => self.amount,
        }
    }
}

/// Where a plan stands, as a JSON Pointer (RFC 6901).
pub(crate) fn plan_pointer(group: &str) -> String {
    ["/plans/", &group.replace('~', "~0").replace('/', "~1")].concat()
}

fn is_name(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(good)
}
