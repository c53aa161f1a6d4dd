//! What plugins may reach outside the exchange: one file for each capability.
//! How each one is spelled in a WIT version is the business of `plugin::abi`.

pub(crate) mod clock;
pub(crate) mod consumers;
pub(crate) mod grants;
mod hooks;
pub mod http;
mod keys;
pub(crate) mod log;
pub mod metrics;
pub(crate) mod quota;
pub(crate) mod random;
mod rollout;
mod scope;
mod services;
pub(crate) mod wasi;

pub use metrics::CustomMetrics;
pub(crate) use scope::Scope;
pub use services::{OpenStore, Services, Stores};
