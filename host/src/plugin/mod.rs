//! Plugins: the only part of the gateway, with `capability`, that names wasmtime.
//!
//! An [`Artifact`] is a compiled component, a [`Binding`] is an artifact with the
//! operator's configuration, and a [`Slot`] is a binding on one worker, with the
//! [`Instance`] that answers the hooks there.

pub(crate) mod abi;
mod artifact;
mod binding;
pub mod builtin;
mod cache;
mod call;
mod deadline;
mod digest;
mod encode;
mod failure;
mod handover;
mod hook;
mod inspect;
mod instance;
mod limiter;
mod load_error;
mod names;
mod problems;
mod runtime;
mod slot;
pub(crate) mod state;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod ticker;
mod trip;
mod verdict;
mod world;

pub use crate::capability::http::Outcalls;
pub use artifact::Artifact;
pub use binding::{BindError, Binding, StartError};
pub use call::{HookCall, OnLog, OnRequest, OnRequestBody, OnResponse, OnResponseBody};
pub use digest::Digest;
pub use failure::Failure;
pub use hook::{Hook, Hooks};
pub use inspect::{Inspection, inspect};
pub use instance::Instance;
pub use load_error::LoadError;
pub use runtime::{Runtime, RuntimeError};
pub use slot::Slot;
pub use verdict::{BodyVerdict, HeadVerdict, Outcome, Reply, Summary};
