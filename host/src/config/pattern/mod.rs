//! The little languages inside strings: hosts, paths, targets.

mod host;
mod path;
mod target;

pub(super) use host::host;
pub(super) use path::path;
pub(super) use target::target;
