//! Write a plugin for the Sluice API gateway: a struct for its configuration,
//! and the hooks that it has.
//!
//! ```
//! use sluice_plugin::prelude::*;
//!
//! /// Stamps requests.
//! #[derive(Config)]
//! struct Stamp {
//!     /// Header to set.
//!     #[config(default = "x-stamp")]
//!     header: String,
//!     /// Callers without it are refused.
//!     require: Option<String>,
//! }
//!
//! #[plugin]
//! impl Plugin for Stamp {
//!     fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
//!         if let Some(name) = &self.require && !request.has_header(name) {
//!             let detail = format!("The header {name} is missing.");
//!             return Ok(Verdict::respond(Reply::problem(403, "Forbidden", &detail)));
//!         }
//!         request.set_header(&self.header, "1")?;
//!         Ok(Verdict::Next)
//!     }
//! }
//!
//! // In an ordinary test, without a gateway:
//! use sluice_plugin::testing::{Exchange, Harness, json};
//! let plugin = Harness::<Stamp>::configure(json!({ "require": "x-team" })).unwrap();
//! let mut exchange = Exchange::get("/").with_header("x-team", "blue");
//! assert_eq!(plugin.on_request(&mut exchange).unwrap(), Verdict::Next);
//! assert_eq!(exchange.request.headers["x-stamp"], "1");
//! ```
//!
//! Built for `wasm32-unknown-unknown` or `wasm32-wasip2`, this is a component
//! that exports `lifecycle` and `on-request`, and imports `request` and
//! `request-edit`: what a plugin can do is what it uses, and shows in its type.
//!
//! # Where things are
//! * [`Plugin`] is the trait with the hooks; [`Request`] and [`Response`] are
//!   the messages; [`Verdict`] and [`BodyVerdict`] say how the exchange goes on.
//! * [`Config`](trait@Config) is what the operator may write.
//! * [`context`], [`log`], [`metrics`], [`clock`], [`random`], [`consumers`],
//!   [`http_client`], [`secrets`], [`kv`], [`quota`], [`rollout`] are what else
//!   the gateway offers: using one imports it.
//! * `testing` stands in for the gateway. It is there on every target but Wasm.
//!
//! # When things fail
//! A hook that returns an [`Error`], traps, or takes too long has made no edit.
//! Whether the exchange then goes on without the plugin, or is refused, is the
//! operator's decision (`on_error`), so a plugin need not guess. A trap costs
//! the instance with its memory; the next call gets a fresh one.

// The macros speak of the crate by its name, in here too.
extern crate self as sluice_plugin;

#[doc(hidden)]
pub mod bindings;
pub mod clock;
pub mod config;
pub mod consumers;
pub mod context;
mod edit;
mod error;
pub mod form;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
pub mod http_client;
mod identity;
pub mod kv;
pub mod log;
pub mod metrics;
mod plugin;
mod problem;
pub mod quota;
pub mod random;
mod reply;
mod request;
mod reserved;
mod response;
pub mod rollout;
pub mod secrets;
mod sys;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use config::Config;
pub use edit::Edit;
pub use error::{EditError, Error, Rejected, StoreError};
pub use identity::Caller;
pub use plugin::{BodyVerdict, Hook, Outcome, Plugin, Summary, Verdict};
pub use problem::{Problem, Problems};
pub use reply::{Field, Reply};
pub use request::Request;
pub use reserved::RESERVED_HEADERS;
pub use response::Response;
pub use sluice_plugin_macros::{Config, plugin};

/// All that most plugins need: `use sluice_plugin::prelude::*;`
pub mod prelude {
    pub use crate::{
        BodyVerdict, Caller, Config, Edit, Error, Hook, Outcome, Plugin, Problems, Reply, Request,
        Response, StoreError, Summary, Verdict, clock, consumers, context, http_client, kv, log,
        metrics, plugin, quota, random, rollout, secrets,
    };
}

/// For the macros.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings;
    #[cfg(target_arch = "wasm32")]
    pub use crate::guest;
    pub use wit_bindgen::rt;
}
