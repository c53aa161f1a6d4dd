//! Limits that count right, in one process and across a cluster. A store needs
//! the grant `quota = ["NAME"]`; `local` is this process's memory, shared by
//! its workers.
//!
//! ```
//! use std::time::Duration;
//! use sluice_plugin::prelude::*;
//! use sluice_plugin::quota::{Consistency, Limit, Limits};
//!
//! /// Ten uploads a minute from one address.
//! struct Uploads(Limits);
//!
//! #[derive(Config)]
//! struct Options {}
//!
//! #[plugin]
//! impl Plugin for Uploads {
//!     type Config = Options;
//!
//!     fn configure(_: Options) -> Result<Self, Problems> {
//!         let minute = Limit::sliding("uploads", 10, Duration::from_secs(60));
//!         let limits = Limits::open("local", Consistency::Strict, &[minute]);
//!         Ok(Uploads(limits.map_err(|why| Problems::one("", why))?))
//!     }
//!
//!     fn on_request(&self, _: &mut Request) -> Result<Verdict, Error> {
//!         if self.0.take(&context::client_address(), 1)?.granted {
//!             return Ok(Verdict::Next);
//!         }
//!         Ok(Verdict::respond(Reply::problem(429, "Too Many Requests", "Ten uploads a minute.")))
//!     }
//! }
//!
//! // Time stands still in a test until it is told to pass.
//! use sluice_plugin::testing::{Exchange, Harness, json};
//! let plugin = Harness::<Uploads>::configure(json!({})).unwrap();
//! let mut ask = || plugin.request(&mut Exchange::get("/")).unwrap().map(|reply| reply.status);
//! for _ in 0..10 {
//!     assert_eq!(ask(), None);
//! }
//! assert_eq!(ask(), Some(429));
//! plugin.pass(Duration::from_secs(61));
//! assert_eq!(ask(), None);
//! ```

use std::time::Duration;

use crate::error::StoreError;
use crate::sys;
use crate::sys::types::quota as wit;

pub use crate::sys::types::quota::{Algorithm, Consistency, Standing, Ticket, Window};

/// At most `amount` in any window.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Unique among limits that are taken together. Counters belong to the
    /// plugin's name, this name and the window.
    pub name: String,
    /// How much, more than 0.
    pub amount: u64,
    /// In which time. Calendar windows begin at midnight UTC.
    pub window: Window,
    /// How it is counted.
    pub algorithm: Algorithm,
    /// What a token bucket holds; the others ignore it.
    pub burst: u64,
}

impl Limit {
    /// At most `amount` in whichever window one looks at.
    pub fn sliding(name: &str, amount: u64, window: impl Into<Window>) -> Self {
        Self::new(name, amount, window.into(), Algorithm::SlidingWindow)
    }

    /// At most `amount` in each window of the clock or the calendar.
    pub fn fixed(name: &str, amount: u64, window: impl Into<Window>) -> Self {
        Self::new(name, amount, window.into(), Algorithm::FixedWindow)
    }

    /// A bucket that holds `burst` and gains `amount` a window.
    pub fn bucket(name: &str, amount: u64, window: impl Into<Window>, burst: u64) -> Self {
        Self {
            burst,
            ..Self::new(name, amount, window.into(), Algorithm::TokenBucket)
        }
    }

    fn new(name: &str, amount: u64, window: Window, algorithm: Algorithm) -> Self {
        Self {
            name: name.to_owned(),
            amount,
            window,
            algorithm,
            burst: amount,
        }
    }
}

/// To the millisecond; longer than the gateway takes is as long as can be said.
impl From<Duration> for Window {
    fn from(window: Duration) -> Self {
        Self::Ms(u64::try_from(window.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Limits that are taken together: all of them, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits(u32);

impl Limits {
    /// Opens them in a store. Only [`configure`](crate::Plugin::configure) may;
    /// the error says to the operator what is wrong. A store that cannot be
    /// reached is no error here.
    pub fn open(store: &str, consistency: Consistency, limits: &[Limit]) -> Result<Self, String> {
        let limits: Vec<wit::Limit<'_>> = limits
            .iter()
            .map(|limit| wit::Limit {
                name: &limit.name,
                amount: limit.amount,
                window: limit.window,
                algorithm: limit.algorithm,
                burst: limit.burst,
            })
            .collect();
        sys::quota::open(store, consistency, &limits).map(Self)
    }

    /// Takes `cost` from every limit, or from none. With a cost of 0, asks
    /// whether something is left. At most 512 bytes a key.
    pub fn take(&self, key: &str, cost: u64) -> Result<Ticket, StoreError> {
        sys::quota::take(self.0, key, cost).map_err(StoreError::from)
    }

    /// The same for those who want standings of a refusal only: none where it was
    /// granted. Where that is usual, it costs less.
    pub fn admit(&self, key: &str, cost: u64) -> Result<Option<Vec<Standing>>, StoreError> {
        sys::quota::admit(self.0, key, cost).map_err(StoreError::from)
    }

    /// Counts what was used already, even beyond a limit.
    pub fn charge(&self, key: &str, cost: u64) -> Result<(), StoreError> {
        sys::quota::charge(self.0, key, cost).map_err(StoreError::from)
    }
}
