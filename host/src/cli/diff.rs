//! `sluice diff`

use std::path::Path;
use std::process::ExitCode;

use super::print;
use crate::config;

pub(super) fn diff(old: &Path, new: &Path) -> ExitCode {
    match (config::load(old), config::load(new)) {
        (Ok(old), Ok(new)) => {
            print::out(config::diff(&old.config, &new.config));
            ExitCode::SUCCESS
        }
        (old, new) => {
            for rejected in [old.err(), new.err()].into_iter().flatten() {
                print::problems(&rejected.problems);
            }
            ExitCode::FAILURE
        }
    }
}
