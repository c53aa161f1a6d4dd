//! Earlier generations, to go back to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;

use super::{Cause, Generation};

/// The current generation and those before it.
pub(super) struct History {
    entries: VecDeque<Entry>,
}

struct Entry {
    generation: Arc<Generation>,
    cause: Cause,
    changes: Vec<String>,
}

/// A generation, as operators see it.
#[derive(Debug, Clone, Serialize)]
pub struct Past {
    /// Its number.
    pub number: u64,
    /// Whether new exchanges get it.
    pub current: bool,
    /// When it was built, RFC 3339.
    pub built: String,
    /// What made it.
    pub cause: Cause,
    /// What it changed, in words.
    pub changes: Vec<String>,
}

impl History {
    pub(super) fn new(first: Arc<Generation>) -> Self {
        let entry = Entry {
            generation: first,
            cause: Cause::Start,
            changes: Vec::new(),
        };
        Self {
            entries: VecDeque::from([entry]),
        }
    }

    /// A new current generation; `keep` earlier ones can be gone back to.
    pub(super) fn push(
        &mut self,
        generation: Arc<Generation>,
        cause: Cause,
        changes: Vec<String>,
        keep: usize,
    ) {
        self.entries.push_front(Entry {
            generation,
            cause,
            changes,
        });
        self.entries.truncate(keep + 1);
    }

    /// The generation with this number, or the one before the current one.
    pub(super) fn find(&self, number: Option<u64>) -> Option<Arc<Generation>> {
        let found = match number {
            Some(number) => self.entries.iter().find(|e| e.generation.number == number),
            None => self.entries.get(1),
        };
        found.map(|e| e.generation.clone())
    }

    /// What there is, the newest first.
    pub(super) fn list(&self) -> Vec<Past> {
        let entries = self.entries.iter().enumerate();
        let past = entries.map(|(i, e)| Past {
            number: e.generation.number,
            current: i == 0,
            built: rfc3339(e.generation.built),
            cause: e.cause,
            changes: e.changes.clone(),
        });
        past.collect()
    }
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
