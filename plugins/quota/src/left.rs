//! What is left of limits, and how it is kept from the request to its response.

use sluice_plugin::quota::Standing;

use crate::options::{Algorithm, LimitOptions};

/// One limit after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) remaining: u64,
    /// Whole seconds until all of it is back; of a limit that refused, until
    /// the same request could pass. Never too early.
    pub(crate) seconds: u64,
}

impl Left {
    pub(crate) fn of(standing: &Standing) -> Self {
        Self {
            remaining: standing.remaining,
            seconds: seconds(match standing.retry_ms {
                0 => standing.reset_ms,
                retry_ms => retry_ms,
            }),
        }
    }

    /// Takes what a response cost, where the request asked with nothing: its
    /// seconds are those of a cost of 1.
    pub(crate) fn charge(&mut self, limit: &LimitOptions, cost: u64) {
        if cost == 0 && self.remaining == limit.most() {
            self.seconds = 0;
        }
        self.remaining = self.remaining.saturating_sub(cost);
        if let (Algorithm::TokenBucket, Some(window)) = (limit.algorithm(), limit.window.seconds())
        {
            let more = u128::from(cost.saturating_sub(1)) * u128::from(window);
            let more = more.div_ceil(u128::from(limit.amount.max(1)));
            let more = u64::try_from(more).unwrap_or(u64::MAX);
            self.seconds = self.seconds.saturating_add(more);
        }
    }
}

/// Whole seconds, rounded up.
pub(crate) fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1000)
}

/// What the response hook needs: which limits, what is left, and the key where
/// the response says what it costs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) set: usize,
    pub(crate) left: Vec<Left>,
    pub(crate) key: String,
}

/// As bytes, for the next hook of this exchange.
pub(crate) fn pack(set: usize, standings: &[Standing], key: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + 16 * standings.len() + key.len());
    bytes.extend((set as u64).to_le_bytes());
    for standing in standings {
        let left = Left::of(standing);
        bytes.extend(left.remaining.to_le_bytes());
        bytes.extend(left.seconds.to_le_bytes());
    }
    bytes.extend(key.as_bytes());
    bytes
}

impl Kept {
    /// Which limits packed bytes speak of.
    pub(crate) fn set(bytes: &[u8]) -> Option<usize> {
        usize::try_from(number(bytes)?.0).ok()
    }

    /// Reads packed bytes of so many limits.
    pub(crate) fn unpack(bytes: &[u8], limits: usize) -> Option<Self> {
        let (set, mut rest) = number(bytes)?;
        let mut left = Vec::with_capacity(limits);
        for _ in 0..limits {
            let (remaining, after) = number(rest)?;
            let (seconds, after) = number(after)?;
            left.push(Left { remaining, seconds });
            rest = after;
        }
        Some(Self {
            set: usize::try_from(set).ok()?,
            left,
            key: std::str::from_utf8(rest).ok()?.to_owned(),
        })
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_kept_comes_back(set in 0..99_usize, numbers: Vec<(u64, u64, u64)>, key: String) {
            let standing = |(remaining, reset_ms, retry_ms)| Standing { remaining, reset_ms, retry_ms };
            let standings: Vec<_> = numbers.into_iter().map(standing).collect();
            let bytes = pack(set, &standings, &key);
            let left: Vec<_> = standings.iter().map(Left::of).collect();
            prop_assert_eq!(Kept::set(&bytes), Some(set));
            let kept = Kept::unpack(&bytes, left.len());
            prop_assert_eq!(kept, Some(Kept { set, left, key }));
        }

        #[test]
        fn unpacking_is_total(bytes: Vec<u8>, limits in 0..16_usize) {
            let _ = Kept::unpack(&bytes, limits);
        }

        #[test]
        fn seconds_are_never_too_early(ms: u64) {
            prop_assert!(u128::from(seconds(ms)) * 1000 >= u128::from(ms));
            prop_assert!(u128::from(seconds(ms)) * 1000 < u128::from(ms) + 1000);
        }
    }
}
