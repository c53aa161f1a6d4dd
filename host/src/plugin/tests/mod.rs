//! Plugins that behave and plugins that do not.

mod apply;
mod capabilities;
mod edits;
mod failures;
mod loading;
mod waiting;
