//! Where in the files every key stands.

use std::collections::HashMap;
use std::path::PathBuf;

use super::problem::{Place, Problem};
use super::tree::Spot;

/// Where every key of a configuration stands: how parts that find problems
/// after the load say them like the loader does.
#[derive(Debug, Clone, Default)]
pub struct Places {
    files: Vec<PathBuf>,
    spots: HashMap<String, Spot>,
}

impl Places {
    pub(super) fn new(files: Vec<PathBuf>) -> Self {
        Self {
            files,
            spots: HashMap::new(),
        }
    }

    pub(super) fn insert(&mut self, key: &str, spot: Spot) {
        self.spots.insert(unquoted(key), spot);
    }

    /// A problem at the place of `key`, or of its nearest ancestor that exists:
    /// what is missing is missed by the table that lacks it. Control characters
    /// in `key` and `message` become spaces: a problem is one line.
    pub fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        Problem {
            place: self.find(key),
            ..Problem::new(one_line(key), one_line(&message.into()))
        }
    }

    /// The place of `key` or of its nearest ancestor that exists; the beginning
    /// of the first file where there is none.
    pub(super) fn find(&self, key: &str) -> Option<Place> {
        let plain = unquoted(key);
        let mut rest = plain.as_str();
        loop {
            if let Some(spot) = self.spots.get(rest) {
                return self.place(*spot);
            }
            match rest.rfind(['.', '[']) {
                Some(end) => rest = rest.split_at(end).0,
                None => return self.place(Spot::default()),
            }
        }
    }

    pub(super) fn place(&self, spot: Spot) -> Option<Place> {
        Some(Place {
            file: self.files.get(spot.file)?.clone(),
            line: spot.line,
            column: spot.column,
        })
    }
}

/// `plugins."a.b".source` and `plugins.a.b.source` are found alike.
fn unquoted(key: &str) -> String {
    key.replace('"', "")
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
