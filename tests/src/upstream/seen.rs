//! What an echoing upstream says that it has seen.

use serde_json::Value;

/// What an echoing upstream says that it has seen.
#[derive(Debug)]
pub struct Seen(pub Value);

impl Seen {
    /// All values of a header.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.lines("headers", name)
    }

    /// The value of a header that came once; none where it did not come.
    ///
    /// # Panics
    /// When it came more than once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "{name} came more than once: {values:?}");
        values.first().copied()
    }

    /// All values of a trailer.
    #[must_use]
    pub fn trailers(&self, name: &str) -> Vec<&str> {
        self.lines("trailers", name)
    }

    /// A text that is not a header: `method`, `target`, `authority`, `version`, `body`.
    #[must_use]
    pub fn text(&self, what: &str) -> &str {
        self.0[what].as_str().unwrap_or_default()
    }

    fn lines(&self, of: &str, name: &str) -> Vec<&str> {
        let lines = self.0[of].as_array().map(Vec::as_slice).unwrap_or_default();
        lines
            .iter()
            .filter(|line| line[0] == name)
            .filter_map(|line| line[1].as_str())
            .collect()
    }
}
