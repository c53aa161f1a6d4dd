//! What all readers of one load share: places, files, and the problems so far.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use super::super::places::Places;
use super::super::problem::Problem;
use super::super::source::{Files, Source};
use super::fault::Fault;

/// Problems beyond this many are only counted.
const MOST_PROBLEMS: usize = 200;

/// The problems of one load.
#[derive(Debug, Default)]
pub(in super::super) struct Problems {
    list: Vec<Problem>,
    more: usize,
}

impl Problems {
    pub(in super::super) fn push(&mut self, problem: Problem) {
        if self.list.len() < MOST_PROBLEMS {
            self.list.push(problem);
        } else {
            self.more += 1;
        }
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order of the files, and within them from the top.
    pub(in super::super) fn sorted(mut self, sources: &[Source]) -> Vec<Problem> {
        let numbers: HashMap<&Path, usize> = sources
            .iter()
            .enumerate()
            .map(|(number, source)| (source.path.as_path(), number))
            .collect();
        self.list.sort_by_cached_key(|problem| {
            let place = problem.place.as_ref();
            place.map(|at| {
                let file = numbers.get(at.file.as_path()).copied();
                (file, at.line, at.column)
            })
        });
        if self.more > 0 {
            let message = format!("{} more problems", self.more);
            self.list.push(Problem::new("", message));
        }
        self.list
    }
}

/// What all readers of one load share.
pub(in super::super) struct Context {
    pub(in super::super) places: Places,
    pub(super) files: RefCell<Files>,
    problems: RefCell<Problems>,
}

impl Context {
    pub(in super::super) fn new(files: Files, problems: Problems, places: Places) -> Self {
        Self {
            places,
            files: RefCell::new(files),
            problems: RefCell::new(problems),
        }
    }

    pub(in super::super) fn into_parts(self) -> (Files, Problems, Places) {
        let (files, problems) = (self.files.into_inner(), self.problems.into_inner());
        (files, problems, self.places)
    }

    /// Reports a fault of `key`.
    pub(in super::super) fn report(&self, key: &str, fault: Fault) {
        let mut problem = self.places.problem(key, fault.message);
        problem.found = fault.found;
        problem.expected = fault.expected;
        problem.nearest = fault.nearest;
        self.problems.borrow_mut().push(problem);
    }

    /// Whether more problems are only counted: no more need be said of them.
    pub(in super::super) fn is_full(&self) -> bool {
        self.problems.borrow().list.len() >= MOST_PROBLEMS
    }

    /// `first at FILE:LINE:COLUMN`, for what is said twice.
    pub(in super::super) fn first_at(&self, key: &str) -> String {
        let place = self.places.find(key);
        place.map_or(String::new(), |place| format!("first at {place}"))
    }
}
