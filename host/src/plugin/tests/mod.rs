//! Plugins that behave and plugins that do not.

mod apply;
mod capabilities;
mod edits;
mod failures;
mod keys;
mod loading;
mod waiting;
