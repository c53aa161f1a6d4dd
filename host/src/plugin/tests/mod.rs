//! Plugins that behave and plugins that do not.

mod edits;
mod failures;
mod loading;
