//! Limits that are taken together, opened where they are counted.

use sluice_plugin::StoreError;
use sluice_plugin::quota::{self, Limit, Limits, Ticket};

use crate::headers::Shown;
use crate::options::{Algorithm, Consistency, LimitOptions, OnStoreError, Options};

const LOCAL: &str = "local";

/// The limits of one list.
#[derive(Debug)]
pub(crate) struct Set {
    opened: Limits,
    /// The same limits in this process, for when the store does not answer.
    spare: Option<Limits>,
    pub(crate) shown: Shown,
}

impl Set {
    /// Opens a list of limits. The error is for the operator.
    pub(crate) fn open(options: &Options, limits: &[LimitOptions]) -> Result<Self, String> {
        let list: Vec<_> = limits.iter().map(limit).collect();
        let consistency = match options.consistency {
            Consistency::Strict => quota::Consistency::Strict,
            Consistency::Lease => quota::Consistency::Lease,
        };
        let spare = options.store != LOCAL && options.on_store_error == OnStoreError::Local;
        Ok(Self {
            opened: Limits::open(&options.store, consistency, &list)?,
            spare: match spare {
                true => Some(Limits::open(LOCAL, quota::Consistency::Strict, &list)?),
                false => None,
            },
            shown: Shown::new(limits),
        })
    }

    pub(crate) fn take(&self, key: &str, cost: u64) -> Result<Ticket, StoreError> {
        self.opened.take(key, cost)
    }

    /// The same where nothing is told of what was granted.
    pub(crate) fn admit(&self, key: &str, cost: u64) -> Result<Ticket, StoreError> {
        let refused = self.opened.admit(key, cost)?;
        Ok(Ticket {
            granted: refused.is_none(),
            standings: refused.unwrap_or_default(),
        })
    }

    /// The same in this process, where the operator wants that.
    pub(crate) fn take_here(&self, key: &str, cost: u64) -> Option<Result<Ticket, StoreError>> {
        self.spare.map(|spare| spare.take(key, cost))
    }

    pub(crate) fn charge(&self, key: &str, cost: u64) -> Result<(), StoreError> {
        self.opened.charge(key, cost)
    }

    /// The same in this process, where the operator wants that.
    pub(crate) fn charge_here(&self, key: &str, cost: u64) -> Option<Result<(), StoreError>> {
        self.spare.map(|spare| spare.charge(key, cost))
    }
}

fn limit(options: &LimitOptions) -> Limit {
    Limit {
        name: options.name.clone(),
        amount: options.amount,
        window: options.window.window,
        algorithm: match options.algorithm() {
            Algorithm::SlidingWindow => quota::Algorithm::SlidingWindow,
            Algorithm::FixedWindow => quota::Algorithm::FixedWindow,
            Algorithm::TokenBucket => quota::Algorithm::TokenBucket,
        },
        burst: options.most(),
    }
}
