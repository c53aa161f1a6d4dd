//! Who used how much, kept for billing: per consumer, route and day of UTC.
//!
//! A worker counts in its own [`Tally`]; the [`Ledger`] collects the tallies
//! once a second, keeps the days, and saves them in the state folder.

mod day;
mod days;
mod export;
mod folder;
mod ledger;
mod rows;
mod tally;
#[cfg(test)]
mod tests;

pub use day::{Day, NotADay};
pub use export::{Export, ExportError, Filter, Row};
pub use ledger::Ledger;
pub use rows::{Entry, Sums};
pub use tally::Tally;
