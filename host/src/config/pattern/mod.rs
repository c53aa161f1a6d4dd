//! The little languages inside strings: hosts, paths, targets, origins.

mod host;
mod origin;
mod path;
mod target;

pub(super) use host::host;
pub(crate) use origin::origin;
pub(super) use path::path;
pub(super) use target::target;
