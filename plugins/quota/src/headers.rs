//! How callers are told what is left of their limits.

use itoa::Buffer;
use sluice_plugin::prelude::*;
use sluice_plugin::{EditError, Field};

use crate::left::Left;
use crate::options::{Algorithm, LimitOptions};
use crate::values::Every;

/// How callers are told what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Config)]
pub(crate) enum Style {
    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
    Ietf,
    /// `X-RateLimit-Limit-Hour`, `X-RateLimit-Remaining-Hour`, and `RateLimit-Limit`,
    /// `-Remaining`, `-Reset` of the tightest limit.
    Kong,
    /// `X-RateLimit-Limit`, `-Remaining`, `-Reset` of the tightest limit.
    X,
    /// Not at all.
    None,
}

/// What is said of a list of limits.
#[derive(Debug)]
pub(crate) struct Shown {
    limits: Vec<ShownLimit>,
    /// The value of `RateLimit-Policy`, which never changes.
    policy: String,
}

/// What is said of one limit.
#[derive(Debug)]
struct ShownLimit {
    /// `"hourly";r=`
    item: String,
    /// The most that there can be.
    most: u64,
    kong_limit: String,
    kong_remaining: String,
}

/// What takes headers.
pub(crate) trait Lines {
    /// One more line.
    fn add(&mut self, name: &str, value: &str) -> Result<(), EditError>;
    /// One line instead of all that carried this name.
    fn set(&mut self, name: &str, value: &str) -> Result<(), EditError>;
    /// The number that a header says already.
    fn number(&self, name: &str) -> Option<u64>;
}

impl Shown {
    pub(crate) fn new(limits: &[LimitOptions]) -> Self {
        let mut policy = String::new();
        for limit in limits {
            if !policy.is_empty() {
                policy.push_str(", ");
            }
            policy.extend(["\"", &limit.name, "\";q=", &limit.most().to_string()]);
            if let Some(seconds) = filled_in(limit) {
                policy.extend([";w=", &seconds.to_string()]);
            }
        }
        let limits = limits.iter().map(|limit| {
            let suffix = suffix(&limit.window);
            ShownLimit {
                item: ["\"", &limit.name, "\";r="].concat(),
                most: limit.most(),
                kong_limit: ["x-ratelimit-limit-", &suffix].concat(),
                kong_remaining: ["x-ratelimit-remaining-", &suffix].concat(),
            }
        });
        Self {
            limits: limits.collect(),
            policy,
        }
    }

    /// How many limits there are.
    pub(crate) fn len(&self) -> usize {
        self.limits.len()
    }

    /// Says what is left, in the order of the limits.
    pub(crate) fn write(
        &self,
        style: Style,
        left: &[Left],
        lines: &mut impl Lines,
    ) -> Result<(), EditError> {
        match style {
            Style::None => Ok(()),
            Style::Ietf => {
                lines.add("ratelimit-policy", &self.policy)?;
                lines.add("ratelimit", &self.items(left))
            }
            Style::X => self.tightest(
                left,
                lines,
                [
                    "x-ratelimit-limit",
                    "x-ratelimit-remaining",
                    "x-ratelimit-reset",
                ],
            ),
            Style::Kong => {
                for (limit, left) in self.limits.iter().zip(left) {
                    let names = [&*limit.kong_limit, &limit.kong_remaining];
                    group(lines, names, [limit.most, left.remaining], None)?;
                }
                let names = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
                self.tightest(left, lines, names)
            }
        }
    }

    /// `"hourly";r=999;t=3600`, one after the other.
    fn items(&self, left: &[Left]) -> String {
        let (mut items, mut digits) = (String::with_capacity(64), Buffer::new());
        for (limit, left) in self.limits.iter().zip(left) {
            if !items.is_empty() {
                items.push_str(", ");
            }
            items.push_str(&limit.item);
            items.push_str(digits.format(left.remaining));
            items.push_str(";t=");
            items.push_str(digits.format(left.seconds));
        }
        items
    }

    /// Of the limit with the least left; of several, the one that lasts longest.
    fn tightest(
        &self,
        left: &[Left],
        lines: &mut impl Lines,
        names: [&str; 3],
    ) -> Result<(), EditError> {
        let limits = self.limits.iter().zip(left);
        let order = |left: &Left| (left.remaining, u64::MAX - left.seconds);
        let Some((limit, left)) = limits.min_by_key(|(_, left)| order(left)) else {
            return Ok(());
        };
        let [most, remaining, reset] = names;
        let reset = Some((reset, left.seconds));
        group(
            lines,
            [most, remaining],
            [limit.most, left.remaining],
            reset,
        )
    }
}

/// Headers that speak of one limit together. Where another plugin or the
/// upstream has said that less is left, that stands.
fn group(
    lines: &mut impl Lines,
    names: [&str; 2],
    values: [u64; 2],
    reset: Option<(&str, u64)>,
) -> Result<(), EditError> {
    let [_, remaining] = names;
    let [_, left] = values;
    if lines.number(remaining).is_some_and(|said| said < left) {
        return Ok(());
    }
    let mut digits = Buffer::new();
    for (name, number) in names.into_iter().zip(values).chain(reset) {
        lines.set(name, digits.format(number))?;
    }
    Ok(())
}

/// The seconds in which all of it comes back.
fn filled_in(limit: &LimitOptions) -> Option<u64> {
    let seconds = limit.window.seconds()?;
    Some(match limit.algorithm() {
        Algorithm::TokenBucket => {
            let filled = u128::from(seconds) * u128::from(limit.most());
            let filled = filled.div_ceil(u128::from(limit.amount.max(1)));
            u64::try_from(filled).unwrap_or(u64::MAX)
        }
        _ => seconds,
    })
}

/// What Kong calls a window: `hour`, or its seconds where it has no name.
pub(crate) fn suffix(window: &Every) -> String {
    let named = match window.seconds() {
        None | Some(2_592_000) => "month",
        Some(1) => "second",
        Some(60) => "minute",
        Some(3_600) => "hour",
        Some(86_400) => "day",
        Some(604_800) => "week",
        Some(31_536_000) => "year",
        Some(seconds) => return seconds.to_string(),
    };
    named.to_owned()
}

impl Lines for Response {
    fn add(&mut self, name: &str, value: &str) -> Result<(), EditError> {
        self.append_header(name, value)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), EditError> {
        self.set_header(name, value)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.header_text(name)?.trim().parse().ok()
    }
}

/// A reply has no header yet.
impl Lines for Reply {
    fn add(&mut self, name: &str, value: &str) -> Result<(), EditError> {
        self.headers.push(Field {
            name: name.to_owned(),
            value: value.into(),
        });
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), EditError> {
        self.add(name, value)
    }

    fn number(&self, _: &str) -> Option<u64> {
        None
    }
}
