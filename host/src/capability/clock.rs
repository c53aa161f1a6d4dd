//! Time.

use std::time::{Instant, SystemTime};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX))
}

/// Seconds since 1970-01-01T00:00:00Z.
pub(crate) fn unix_seconds() -> u64 {
    unix_ms() / 1000
}

/// Nanoseconds since `start`. Never goes back.
pub(crate) fn monotonic_ns(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
