//! What is wrong with a configuration.

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON Pointer (RFC 6901) into the configuration; empty for all of it.
    pub at: String,
    /// What is expected, for the operator. Never the value: it may be a secret.
    pub message: String,
}

/// Everything that is wrong with a configuration, so that the operator sees it at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Just this one.
    pub fn one(at: impl Into<String>, message: impl Into<String>) -> Self {
        let mut problems = Self::new();
        problems.add(at, message);
        problems
    }

    /// One more, at a JSON Pointer such as `/limits/0/amount`.
    pub fn add(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem {
            at: at.into(),
            message: message.into(),
        });
    }

    /// `value` where there is no problem.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let end = if at + 1 < self.0.len() { "\n" } else { "" };
            let pointer = if problem.at.is_empty() {
                "/"
            } else {
                &problem.at
            };
            write!(f, "{pointer}: {}{end}", problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
