//! `sluice:plugin@0.1.x`: one file for each interface.

mod apply;
mod clock;
mod consumers;
mod context;
mod exports;
mod hook_choice;
mod hooks;
mod http_client;
mod identity;
mod identity_edit;
mod kv;
mod lifecycle;
mod log;
mod metrics;
mod quota;
mod random;
mod request;
mod request_edit;
mod response;
mod response_edit;
mod rollout;
mod routing;
mod secrets;
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

/// Whether the functions of an interface may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// They answer at once, and hooks are plain calls.
    AtOnce,
    /// Some of them wait, and the hook with them.
    Waiting,
}

/// How an interface is put into a linker.
#[derive(Clone, Copy)]
enum Link {
    /// Nothing of it waits.
    Plain(fn(&mut LinkerInstance<'_, State>) -> Result<()>),
    /// At either pace.
    MayWait(fn(&mut LinkerInstance<'_, State>, Pace) -> Result<()>),
}

/// The interfaces that a plugin may import.
const LINKS: [(&str, Link); 20] = [
    // Types alone: there is nothing to link.
    ("types", Link::Plain(|_| Ok(()))),
    ("request", Link::Plain(request::link)),
    ("request-edit", Link::Plain(request_edit::link)),
    ("routing", Link::Plain(routing::link)),
    ("response", Link::Plain(response::link)),
    ("response-edit", Link::Plain(response_edit::link)),
    ("context", Link::Plain(context::link)),
    ("identity", Link::Plain(identity::link)),
    ("identity-edit", Link::Plain(identity_edit::link)),
    ("log", Link::Plain(log::link)),
    ("metrics", Link::Plain(metrics::link)),
    ("clock", Link::Plain(clock::link)),
    ("random", Link::Plain(random::link)),
    ("consumers", Link::Plain(consumers::link)),
    ("kv", Link::MayWait(kv::link)),
    ("quota", Link::MayWait(quota::link)),
    ("rollout", Link::Plain(rollout::link)),
    ("http-client", Link::MayWait(http_client::link)),
    ("secrets", Link::Plain(secrets::link)),
    ("hook-choice", Link::Plain(hook_choice::link)),
];

/// The names of the interfaces that a plugin may import.
pub(crate) fn imports() -> impl Iterator<Item = &'static str> {
    LINKS.iter().map(|(name, _)| *name)
}

/// Whether functions of this interface may wait.
pub(crate) fn may_wait(interface: &str) -> bool {
    let link = LINKS.iter().find(|(name, _)| *name == interface);
    matches!(link, Some((_, Link::MayWait(_))))
}

/// Whether `version` of the package is spoken here.
pub(crate) fn speaks(version: &str) -> bool {
    version
        .strip_prefix("0.1.")
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

/// Puts every interface into `linker`.
pub(crate) fn link(linker: &mut Linker<State>, pace: Pace) -> Result<()> {
    for (interface, link) in LINKS {
        let mut linker = linker.instance(&format!("{PACKAGE}/{interface}@{VERSION}"))?;
        match link {
            Link::Plain(link) => link(&mut linker)?,
            Link::MayWait(link) => link(&mut linker, pace)?,
        }
    }
    Ok(())
}
