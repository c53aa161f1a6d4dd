//! Printing that ends quietly when nobody reads it any more.

use std::io::Write;

use crate::config::Problem;

/// A line on stdout. A reader that has gone, such as `head`, is no error.
pub(super) fn out(line: impl std::fmt::Display) {
    if writeln!(std::io::stdout().lock(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// A line on stderr.
pub(super) fn err(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// All problems, a line each, on stderr.
pub(super) fn problems(problems: &[Problem]) {
    for problem in problems {
        err(problem);
    }
    let n = problems.len();
    err(format_args!("{n} problem{}", if n == 1 { "" } else { "s" }));
}
