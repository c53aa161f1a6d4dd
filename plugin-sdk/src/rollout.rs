//! Traffic that moves from one upstream to others, step by step, while the
//! gateway judges how they do.
//!
//! Open the plan in [`configure`](crate::Plugin::configure), and keep the handle
//! in the plugin. Its progress is the gateway's: it outlives reloads and
//! restarts, and operators can pause, promote and roll it back.
//!
//! ```no_run
//! use sluice_plugin::rollout::{Plan, Rollout, Share};
//!
//! let rollout = Rollout::open(Plan {
//!     variants: &[
//!         Share { upstream: "v1", weight: 9_000 },
//!         Share { upstream: "v2", weight: 1_000 },
//!     ],
//!     baseline: 0,
//!     steps: &[],
//!     gates: None,
//! })?;
//! // In a hook: the same point always, for the same user.
//! let variant = rollout.assign(4_711);
//! # Ok::<(), String>(())
//! ```

use crate::error::EditError;
use crate::request::Request;
use crate::sys;

pub use crate::sys::types::rollout::{Gates, OnFail, Plan, Share, Step};

/// How many points there are, and what the weights of a plan add up to.
pub const POINTS: u32 = 10_000;

/// A plan that the gateway carries out. One plan a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollout(u32);

impl Rollout {
    /// Begins a plan, or goes on with it where it has begun. The error says what is wrong with it.
    pub fn open(plan: Plan<'_>) -> Result<Self, String> {
        sys::rollout::open(plan).map(Self)
    }

    /// The index of the variant that has this point (0 to 9999) now.
    ///
    /// A point that is with one of the first two variants besides the baseline
    /// stays there while that variant's weight grows.
    pub fn assign(&self, point: u32) -> usize {
        usize::try_from(sys::rollout::assign(self.0, point)).unwrap_or(0)
    }

    /// The same, and the request goes to that variant's upstream.
    ///
    /// # Errors
    /// Where the route does not have it.
    pub fn route(&self, _: &mut Request, point: u32) -> Result<usize, EditError> {
        let variant = sys::rollout::route(self.0, point)
            .map_err(|why| EditError::new("upstream", "of the variant", why))?;
        Ok(usize::try_from(variant).unwrap_or(0))
    }
}
