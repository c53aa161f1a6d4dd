//! What makes a limit that cannot be counted, said to the operator.

use super::{Algorithm, Limit, MAX_AMOUNT, Window};
use crate::store::calendar::{self, DAY_MS};

/// A year: what the longest window and the slowest bucket take.
pub(super) const MAX_WINDOW_MS: u64 = 365 * DAY_MS;
const MAX_NAME: usize = 128;

pub(super) fn check(limit: &Limit) -> Result<(), String> {
    let name = &limit.name;
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(format!(
            "the name of a limit has {} bytes: 1 to {MAX_NAME} are expected",
            name.len()
        ));
    }
    let between = |what: &str, found: u64| {
        if (1..=MAX_AMOUNT).contains(&found) {
            Ok(())
        } else {
            Err(format!(
                "limit `{name}`: {what} is {found}: 1 to {MAX_AMOUNT} are expected"
            ))
        }
    };
    between("amount", limit.amount)?;
    match (limit.window, limit.algorithm) {
        (Window::Ms(0), _) => {
            return Err(format!(
                "limit `{name}`: window is 0: at least 1 ms is expected"
            ));
        }
        (Window::Ms(ms), _) if ms > MAX_WINDOW_MS => {
            return Err(format!(
                "limit `{name}`: window is {ms} ms: at most 365 days are expected"
            ));
        }
        (Window::Ms(_), _) | (_, Algorithm::FixedWindow) => {}
        (_, Algorithm::SlidingWindow | Algorithm::TokenBucket) => {
            return Err(format!(
                "limit `{name}`: a window of the calendar begins anew at midnight UTC, which \
                 only the algorithm `fixed-window` can count: choose it, or a window like \"24h\""
            ));
        }
    }
    if limit.algorithm == Algorithm::TokenBucket {
        between("burst", limit.burst)?;
        let fills_ms = u128::from(limit.burst) * u128::from(calendar::longest(limit.window))
            / u128::from(limit.amount);
        if fills_ms > u128::from(MAX_WINDOW_MS) {
            return Err(format!(
                "limit `{name}`: a burst of {} is full again only after more than 365 days: \
                 a smaller burst or a larger amount is expected",
                limit.burst
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Consistency, LimitSet};

    fn limit(name: &str) -> Limit {
        Limit {
            name: name.into(),
            amount: 10,
            window: Window::Ms(1000),
            algorithm: Algorithm::SlidingWindow,
            burst: 0,
        }
    }

    fn refused(limits: Vec<Limit>, words: &str) {
        let why = LimitSet::new("quota", Consistency::Strict, limits).unwrap_err();
        assert!(why.contains(words), "{why}");
    }

    #[test]
    fn limits_that_make_no_sense_are_named() {
        let with = |change: fn(&mut Limit)| {
            let mut one = limit("hourly");
            change(&mut one);
            vec![one]
        };
        refused(vec![], "no limit");
        refused(with(|l| l.amount = 0), "`hourly`: amount is 0");
        refused(
            with(|l| l.amount = u64::MAX),
            "amount is 18446744073709551615",
        );
        refused(with(|l| l.window = Window::Ms(0)), "window is 0");
        refused(
            with(|l| l.window = Window::Ms(365 * DAY_MS + 1)),
            "at most 365 days",
        );
        refused(with(|l| l.window = Window::Week), "`fixed-window`");
        refused(with(|l| l.algorithm = Algorithm::TokenBucket), "burst is 0");
        refused(
            with(|l| {
                l.algorithm = Algorithm::TokenBucket;
                l.window = Window::Ms(DAY_MS);
                l.burst = 3651;
            }),
            "only after more than 365 days",
        );
        refused(with(|l| l.name.clear()), "0 bytes");
        refused(vec![limit("a"), limit("b"), limit("a")], "the name `a`");
        refused(
            (0..17).map(|i| limit(&i.to_string())).collect(),
            "17 limits",
        );
    }
}
