//! Time.

use crate::sys;

/// Milliseconds since 1970-01-01T00:00:00Z. May jump.
pub fn unix_ms() -> u64 {
    sys::clock::unix_ms()
}

/// Nanoseconds since some moment in the past. Never goes back.
pub fn monotonic_ns() -> u64 {
    sys::clock::monotonic_ns()
}
