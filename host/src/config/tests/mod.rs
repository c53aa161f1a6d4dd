//! Tests of whole configurations.

mod differences;
mod equality;
mod example;
mod files;
mod problems;
mod values;

use std::path::Path;

use super::{Loaded, load_text};

/// The least that is a configuration, with a place for more in front.
pub(super) const LISTENER: &str = "listeners.a.address = \"127.0.0.1:0\"\n";

/// Loads what must be valid.
pub(super) fn valid(text: &str) -> Loaded {
    match load_text("sluice.toml", text, Path::new("")) {
        Ok(loaded) => loaded,
        Err(rejected) => panic!("{}", lines(&rejected.problems)),
    }
}

/// The problems of what must be invalid, one a line.
pub(super) fn invalid(text: &str) -> String {
    match load_text("sluice.toml", text, Path::new("")) {
        Ok(loaded) => panic!("{:?}", loaded.config),
        Err(rejected) => lines(&rejected.problems),
    }
}

pub(super) fn lines(problems: &[super::Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
