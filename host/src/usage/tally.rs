//! What one worker has counted since it was last collected.

use std::sync::{Mutex, PoisonError};

use super::rows::{Entry, Rows, Sums};
use crate::config::model::Name;

/// Between two collections, for one worker.
const MOST_ROWS: usize = 10_000;

/// The counts of one worker. Its lock is the worker's own but for the moment,
/// once a second, in which the collector takes what there is.
#[derive(Debug)]
pub struct Tally(Mutex<Rows>);

impl Default for Tally {
    fn default() -> Self {
        Self(Mutex::new(Rows::new(MOST_ROWS)))
    }
}

impl Tally {
    /// Counts an exchange that has ended: who called, if that is known, and
    /// which route it took, if any.
    pub fn record(&self, consumer: Option<&Name>, route: Option<&Name>, entry: Entry) {
        self.add(consumer, route, &Sums::from(entry));
    }

    /// Counts a cost that became known after its exchange was counted.
    pub fn charge(&self, consumer: Option<&Name>, route: Option<&Name>, cost: u64) {
        if cost > 0 {
            let sums = Sums {
                cost,
                ..Sums::default()
            };
            self.add(consumer, route, &sums);
        }
    }

    fn add(&self, consumer: Option<&Name>, route: Option<&Name>, sums: &Sums) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.add(consumer, route, sums);
    }

    /// Takes what there is.
    pub(super) fn take(&self) -> Rows {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.is_empty() {
            return Rows::new(0);
        }
        std::mem::replace(&mut rows, Rows::new(MOST_ROWS))
    }
}
