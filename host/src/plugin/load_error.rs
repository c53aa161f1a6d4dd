//! Why a file cannot be used as a plugin.

use std::fmt;

use super::{Failure, Hook};

/// Why a plugin was not loaded. `Display` speaks to the operator, and follows
/// the name of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// Something else than a component; says what.
    NotAComponent(String),
    /// The file ends too early.
    Truncated,
    /// A component that breaks the rules, or uses what the engine does not know.
    Invalid(String),
    /// Larger than this many bytes.
    TooLarge(usize),
    /// Made for another world: every import or export that does not fit.
    WrongWorld(Vec<String>),
    /// It does not export `lifecycle`.
    NoLifecycle,
    /// It exports no hook, so it would never be called.
    NoHooks,
    /// It fails when it is asked to describe itself.
    Describe(Failure),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::NotAComponent(what) => {
                write!(f, "is not a WebAssembly component: {what}")
            }
            LoadError::Truncated => f.write_str("is not whole: it ends in the middle of a section"),
            LoadError::Invalid(why) => write!(f, "is not a valid component: {why}"),
            LoadError::TooLarge(max) => write!(f, "is larger than {} MiB", max >> 20),
            LoadError::WrongWorld(problems) => {
                write!(f, "was made for another host: {}", problems.join("; "))
            }
            LoadError::NoLifecycle => f.write_str(
                "does not export sluice:plugin/lifecycle, which every plugin does: \
                 is it a plugin for Sluice?",
            ),
            LoadError::NoHooks => {
                f.write_str("exports no hook, so it would never be called; a plugin exports ")?;
                f.write_str("at least one of ")?;
                let names = Hook::ALL.map(Hook::name);
                f.write_str(&names.join(", "))
            }
            LoadError::Describe(failure) => {
                write!(f, "cannot describe itself: `describe` {failure}")
            }
        }
    }
}

impl std::error::Error for LoadError {}
