//! Plugins in ordinary tests: no gateway, no Wasm.
//!
//! A [`Harness`] is a configured plugin, an [`Exchange`] is what its hooks see
//! and edit. Edits are checked and dropped on failure as the gateway does it.
//!
//! ```
//! # use sluice_plugin::prelude::*;
//! # /// Asks for a name.
//! # #[derive(Config)] struct Ask { #[config(default = "x-name")] header: String }
//! # #[plugin] impl Plugin for Ask {
//! #     fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
//! #         match request.header_text(&self.header) {
//! #             Some(name) => { request.set_header("x-greeting", format!("hello {name}"))?; Ok(Verdict::Next) }
//! #             None => Ok(Verdict::respond(Reply::text(400, "who?"))),
//! #         }
//! #     }
//! # }
//! use sluice_plugin::testing::{Exchange, Harness, json};
//!
//! let plugin = Harness::<Ask>::configure(json!({})).unwrap();
//!
//! let mut exchange = Exchange::get("/").with_header("x-name", "Ada");
//! assert_eq!(plugin.on_request(&mut exchange).unwrap(), Verdict::Next);
//! assert_eq!(exchange.request.headers["x-greeting"], "hello Ada");
//!
//! let reply = plugin.request(&mut Exchange::get("/")).unwrap().unwrap();
//! assert_eq!(reply.status, 400);
//!
//! let problems = Harness::<Ask>::configure(json!({ "heder": "a" })).err().unwrap();
//! assert_eq!(problems.to_string(), "/heder: unknown key; did you mean `header`?");
//! ```

mod calendar;
mod edit;
mod exchange;
mod gateway;
mod harness;
pub(crate) mod http_client;
pub(crate) mod imports;
pub(crate) mod kv;
pub(crate) mod metrics;
pub(crate) mod quota;
pub(crate) mod rollout;
pub(crate) mod secrets;
mod store;
mod world;

pub use exchange::{Exchange, Line, Message};
pub use gateway::{Consumer, Gateway};
pub use harness::Harness;
pub use http::HeaderMap;
pub use rollout::OpenPlan;
pub use serde_json::json;
