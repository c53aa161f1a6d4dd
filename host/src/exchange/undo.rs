//! What the edits of one hook replaced, to be put back when the hook fails.

use http::uri::PathAndQuery;
use http::{Method, StatusCode};

use super::Caller;
use super::headers::{EditName, Lines};

/// Edits in one hook.
const MAX_EDITS: usize = 4096;
/// Bytes of what they replaced: with so many, there are no more edits.
const MAX_KEPT: usize = 1 << 20;

/// How to take one edit back.
#[derive(Debug)]
pub(super) enum Undo {
    RequestHeader(EditName, Lines),
    ResponseHeader(EditName, Lines),
    Method(Method),
    Target(PathAndQuery),
    Status(StatusCode),
    Upstream(usize),
    Caller(Option<Caller>),
    Tag,
    Note(usize, Option<Vec<u8>>),
}

impl Undo {
    /// Bytes that it keeps alive.
    fn kept(&self) -> usize {
        match self {
            Undo::RequestHeader(name, old) | Undo::ResponseHeader(name, old) => {
                name.bytes() + old.bytes()
            }
            Undo::Method(old) => old.as_str().len(),
            Undo::Target(old) => old.as_str().len(),
            Undo::Caller(old) => old.as_ref().map_or(0, Caller::bytes),
            Undo::Note(_, old) => old.as_ref().map_or(0, Vec::len),
            Undo::Status(_) | Undo::Upstream(_) | Undo::Tag => 0,
        }
    }
}

/// The edits of one hook. It keeps its memory for the next one.
#[derive(Debug, Default)]
pub(super) struct UndoLog {
    edits: Vec<Undo>,
    kept: usize,
}

impl UndoLog {
    /// Nothing is to be taken back.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.edits.clear();
        self.kept = 0;
    }

    /// How many edits there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.edits.len()
    }

    /// Whether there may be no more.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.edits.len() >= MAX_EDITS || self.kept >= MAX_KEPT
    }

    /// One more edit.
    pub(super) fn push(&mut self, undo: Undo) {
        if self.edits.capacity() == 0 {
            // Enough for most hooks, and nothing for exchanges that nobody edits.
            self.edits.reserve(8);
        }
        self.kept += undo.kept();
        self.edits.push(undo);
    }

    /// The last edit.
    pub(super) fn pop(&mut self) -> Option<Undo> {
        let undo = self.edits.pop()?;
        self.kept -= undo.kept();
        Some(undo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted_and_given_back() {
        let mut log = UndoLog::default();
        let note = |bytes| Undo::Note(0, Some(vec![0; bytes]));
        log.push(Undo::Note(0, None));
        log.push(note(MAX_KEPT - 1));
        assert!(!log.is_full());
        log.push(note(1));
        assert!(log.is_full());
        assert!(log.pop().is_some());
        assert!(!log.is_full());
        log.push(note(1));
        log.clear();
        assert!(!log.is_full());
        assert!(log.pop().is_none());
    }

    #[test]
    fn edits_that_keep_nothing_are_counted_too() {
        let mut log = UndoLog::default();
        (0..MAX_EDITS).for_each(|_| log.push(Undo::Tag));
        assert!(log.is_full());
    }
}
