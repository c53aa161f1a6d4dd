//! `sluice:plugin@0.1.x`: one file for each interface.

mod clock;
mod consumers;
mod context;
mod exports;
mod hooks;
mod identity;
mod identity_edit;
mod lifecycle;
mod log;
mod metrics;
mod random;
mod request;
mod request_edit;
mod response;
mod response_edit;
mod routing;
mod types;

use wasmtime::Result;
use wasmtime::component::{Linker, LinkerInstance};

use crate::plugin::state::State;

pub(crate) use exports::{Calls, Exports};
pub(crate) use lifecycle::{Description, Problem};
pub(crate) use types::{BodyVerdict, HeadVerdict};

/// The package that plugins import from and export to.
pub(crate) const PACKAGE: &str = "sluice:plugin";
/// The newest version of it that is spoken here.
pub(crate) const VERSION: &str = "0.1.0";
/// The interface that every plugin exports.
pub(crate) const LIFECYCLE: &str = "lifecycle";

/// How an interface is put into a linker.
type Link = fn(&mut LinkerInstance<'_, State>) -> Result<()>;

/// The interfaces that a plugin may import.
pub(crate) const IMPORTS: [(&str, Link); 14] = [
    // Types alone: there is nothing to link.
    ("types", |_| Ok(())),
    ("request", request::link),
    ("request-edit", request_edit::link),
    ("routing", routing::link),
    ("response", response::link),
    ("response-edit", response_edit::link),
    ("context", context::link),
    ("identity", identity::link),
    ("identity-edit", identity_edit::link),
    ("log", log::link),
    ("metrics", metrics::link),
    ("clock", clock::link),
    ("random", random::link),
    ("consumers", consumers::link),
];

/// Whether `version` of the package is spoken here.
pub(crate) fn speaks(version: &str) -> bool {
    version
        .strip_prefix("0.1.")
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

/// Puts every interface into `linker`.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    for (interface, link) in IMPORTS {
        link(&mut linker.instance(&format!("{PACKAGE}/{interface}@{VERSION}"))?)?;
    }
    Ok(())
}
