//! Randomness that is fit for secrets.

use crate::sys;

/// `count` bytes, at most 4096; more is cut to that.
pub fn bytes(count: u32) -> Vec<u8> {
    sys::random::bytes(count)
}

/// Eight bytes as a number.
pub fn next_u64() -> u64 {
    sys::random::next_u64()
}
