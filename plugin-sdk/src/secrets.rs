//! Secrets that the operator named and granted:
//! `grants = { secrets = ["billing-token"] }`.
//!
//! Read them in [`configure`](crate::Plugin::configure), and say there what is
//! missing. Keep them out of logs, problems and replies.
//!
//! ```
//! use sluice_plugin::prelude::*;
//!
//! /// Lets the gateway in where its callers have no key.
//! #[derive(Config)]
//! struct Options {
//!     /// The name of the secret that the upstream wants to see.
//!     token: String,
//! }
//!
//! struct Introduce {
//!     authorization: Vec<u8>,
//! }
//!
//! #[plugin]
//! impl Plugin for Introduce {
//!     type Config = Options;
//!
//!     fn configure(options: Options) -> Result<Self, Problems> {
//!         match secrets::get(&options.token) {
//!             Some(token) => Ok(Self { authorization: [b"Bearer ", &*token].concat() }),
//!             None => Err(Problems::one("/token", "no such secret, or no grant for it")),
//!         }
//!     }
//!
//!     fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
//!         request.set_header("authorization", &self.authorization)?;
//!         Ok(Verdict::Next)
//!     }
//! }
//!
//! use sluice_plugin::testing::{Exchange, Gateway, Harness, json};
//! let config = json!({ "token": "billing-token" });
//! let gateway = Gateway::new().with_secret("billing-token", "s3cret");
//! let plugin = gateway.configure::<Introduce>(config.clone()).unwrap();
//! let mut exchange = Exchange::get("/");
//! plugin.on_request(&mut exchange).unwrap();
//! assert_eq!(exchange.request.headers["authorization"], "Bearer s3cret");
//!
//! assert!(Harness::<Introduce>::configure(config).is_err());
//! ```

use crate::sys;

/// The value of a secret; none where there is no such secret, or no grant for it.
pub fn get(name: &str) -> Option<Vec<u8>> {
    sys::secrets::get(name)
}
