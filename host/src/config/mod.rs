//! From TOML to a validated model, with every problem at once.
//!
//! The way of a file: `source` reads it (and what it includes), `tree` parses
//! it, `merge` makes one tree of all, `placeholder` puts `${env:…}` and
//! `${file:…}` in, `read` turns the tree into the [`model`]. Nothing stops at
//! the first problem, except that files with syntax errors are not read further:
//! what a parser makes of half a line would only mislead.

mod defaults;
mod diff;
mod key;
mod load;
mod merge;
pub mod model;
mod nearest;
mod origin;
mod pattern;
mod placeholder;
mod places;
mod problem;
mod read;
mod reader;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod units;

pub use diff::{Change, ChangeKind, ConfigDiff, diff};
pub use key::plugin_key;
pub use load::{Loaded, Rejected, load, load_text};
pub use nearest::nearest;
pub use places::Places;
pub use problem::{Place, Problem};
pub use units::{UnitError, parse_duration, parse_size, show_duration, show_size};
