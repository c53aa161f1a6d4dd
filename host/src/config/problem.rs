//! One thing that is wrong with a configuration, said to the person who can mend it.

use std::path::PathBuf;

use serde::Serialize;

/// Where in the files something stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file as the operator named it.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// One problem, with what is needed to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it stands; none where no file could be read.
    pub place: Option<Place>,
    /// The key as an operator would write it: `plugins.auth.config.key_names[0]`.
    pub key: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What stands there, unless it is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What would be valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The nearest valid name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

impl Problem {
    /// A problem without a place, and with nothing but a message.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: None,
            key: key.into(),
            message: message.into(),
            found: None,
            expected: None,
            nearest: None,
        }
    }
}

impl std::fmt::Display for Problem {
    /// `sluice.toml:12:3: routes[0].upstreams[1]: no such upstream: found "order", expected one of …; did you mean "orders"?`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(at) = &self.place {
            write!(f, "{at}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if let Some(found) = &self.found {
            write!(f, ": found {found}")?;
        }
        if let Some(expected) = &self.expected {
            write!(f, ", expected {expected}")?;
        }
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean {nearest}?")?;
        }
        Ok(())
    }
}
