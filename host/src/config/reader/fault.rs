//! What is wrong with a value, before it is known where.

use super::super::key::quote;
use super::super::nearest;

/// What is wrong, before it is known where.
#[derive(Debug)]
pub(in super::super) struct Fault {
    pub(super) message: String,
    pub(super) found: Option<String>,
    pub(super) expected: Option<String>,
    pub(super) nearest: Option<String>,
    pub(super) hidden: bool,
}

impl Fault {
    pub(in super::super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            found: None,
            expected: None,
            nearest: None,
            hidden: false,
        }
    }

    pub(in super::super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Instead of the value itself.
    pub(in super::super) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// The value may be a secret, or says nothing.
    pub(in super::super) fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Names what is valid, and the nearest of it.
    pub(in super::super) fn one_of<'a, I>(mut self, found: &str, valid: I) -> Self
    where
        I: IntoIterator<Item = &'a str> + Clone,
    {
        self.nearest = nearest(found, valid.clone()).map(|name| quote(&name));
        self.expected = Some(list(valid.into_iter().map(quote)));
        self
    }
}

/// `one of a, b, …`
pub(super) fn list(mut items: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 12;
    let mut shown: Vec<String> = items.by_ref().take(SHOWN).collect();
    if items.next().is_some() {
        shown.push("…".to_owned());
    }
    match shown.as_slice() {
        [] => "none, as there are none".to_owned(),
        [only] => only.clone(),
        _ => format!("one of {}", shown.join(", ")),
    }
}
