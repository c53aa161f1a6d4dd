//! The header names that one instance edits, parsed once.

use std::cell::RefCell;

use crate::exchange::{EditName, Rejected};

/// Names that are kept. A plugin with more parses the rest each time.
const MAX_NAMES: usize = 32;
/// Longer names are not kept.
const MAX_LENGTH: usize = 64;

/// Few names, met again and again: a list is quicker to search than a map.
#[derive(Default)]
pub(crate) struct Names(RefCell<Vec<(Box<str>, EditName)>>);

impl Names {
    /// Makes an edit of the header of this name.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        name: &str,
        edit: impl FnOnce(&EditName) -> Result<R, Rejected>,
    ) -> Result<R, Rejected> {
        if let Some((_, known)) = self.0.borrow().iter().find(|(n, _)| **n == *name) {
            return edit(known);
        }
        let parsed = EditName::parse(name)?;
        let mut names = self.0.borrow_mut();
        if names.len() < MAX_NAMES && name.len() <= MAX_LENGTH {
            names.push((name.into(), parsed.clone()));
        }
        drop(names);
        edit(&parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_within_bounds() {
        let names = Names::default();
        for round in 0..3 {
            for n in 0..100 {
                assert_eq!(names.with(&format!("x-{n}"), |_| Ok(round)), Ok(round));
            }
        }
        assert_eq!(names.0.borrow().len(), MAX_NAMES);
        assert_eq!(names.with("a b", |_| Ok(())), Err(Rejected::Invalid));
        assert_eq!(names.with("te", |_| Ok(())), Err(Rejected::Reserved));
    }
}
