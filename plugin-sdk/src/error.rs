//! Failures of a hook, edits that the gateway refuses, stores that do not answer.

use std::fmt;

use crate::bindings::types;

pub use crate::bindings::types::Rejected;

/// A hook's own failure. The route's policy for failed plugins decides what
/// happens to the exchange; the message goes to the gateway's log.
///
/// `?` makes one of every standard error.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    /// A failure that says `message` to the operator. Put no secret in it.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// What the operator reads.
    pub fn message(&self) -> &str {
        &self.0
    }

    /// The message by itself.
    pub fn into_message(self) -> String {
        self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// An edit that the gateway refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditError {
    /// What was to be changed: `header x-a`, `method`.
    pub subject: String,
    /// Why it was not.
    pub reason: Rejected,
}

impl EditError {
    /// The refusal of an edit of `kind`, and the `name` of what it was for.
    #[cold]
    pub(crate) fn new(kind: &str, name: &str, reason: Rejected) -> Self {
        let separator = if name.is_empty() { "" } else { " " };
        Self {
            subject: [kind, separator, name].concat(),
            reason,
        }
    }
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        f.write_str(match self.reason {
            Rejected::Invalid => ": not a valid name or value",
            Rejected::Reserved => ": belongs to the gateway",
            Rejected::Unknown => ": not in the configuration",
            Rejected::Refused => ": too late, or too much",
        })
    }
}

impl std::error::Error for EditError {}

/// Why a store did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// No such store, or no grant for it.
    NotGranted,
    /// The key or the value is larger than stores take.
    TooLarge,
    /// It cannot be reached, or did not answer in time.
    Unavailable(String),
}

impl From<types::StoreError> for StoreError {
    #[cold]
    fn from(error: types::StoreError) -> Self {
        match error {
            types::StoreError::NotGranted => Self::NotGranted,
            types::StoreError::TooLarge => Self::TooLarge,
            types::StoreError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGranted => f.write_str("there is no such store, or no grant for it"),
            Self::TooLarge => f.write_str("the key or the value is larger than a store takes"),
            Self::Unavailable(why) => {
                f.write_str("the store is not available: ")?;
                f.write_str(why)
            }
        }
    }
}

impl std::error::Error for StoreError {}
