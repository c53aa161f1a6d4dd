//! What a store answers, and why it does not.

/// One limit after a take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// What is left of the limit now.
    pub remaining: u64,
    /// Milliseconds until the limit is whole again, if nothing more is taken.
    /// Of a take of 0 that is granted: if one unit is taken now, and nothing more.
    pub reset_ms: u64,
    /// Milliseconds until what this limit refused could be granted, if nobody
    /// else takes; 0 where this limit refused nothing. A cost that the limit
    /// can never grant has the length of the window here.
    pub retry_ms: u64,
}

/// The answer to a take. Standings are in the order of the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Whether the cost was taken: from every limit, or from none.
    pub granted: bool,
    /// One for each limit.
    pub standings: Vec<Standing>,
}

/// Why a store did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The key or the value is larger than stores take.
    TooLarge,
    /// It cannot be reached, did not answer in time, or answered an error. The
    /// words are for the operator.
    Unavailable(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the key or the value is too large"),
            Self::Unavailable(why) => write!(f, "the store fails: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// What a store tells its metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// Keys held in this process: counters and values, or leases.
    pub entries: u64,
    /// About how many bytes those take.
    pub bytes: u64,
    /// Keys that had to go before their time, for want of room.
    pub evictions: u64,
    /// Whether calls fail at once, because those before them did.
    pub breaker_open: bool,
    /// Calls that got no answer, or an error.
    pub errors: u64,
    /// Connections made after the first.
    pub reconnects: u64,
    /// Takes that a lease answered, without a round trip.
    pub lease_hits: u64,
    /// Takes of leased limits that needed a round trip.
    pub lease_misses: u64,
}
