//! The way to the targets of an upstream: choose one, connect or reuse, send.
//!
//! A worker has a [`Pool`] of its own for each upstream; nothing is shared between workers.

mod availability;
mod balance;
mod body;
mod connect;
mod error;
pub mod http1;
mod idle;
mod interim;
mod lease;
mod pool;
mod request_body;
mod send;
#[cfg(test)]
mod send_tests;
mod stream;
#[cfg(test)]
mod testing;
mod tls;

pub use availability::Availability;
pub use body::UpstreamBody;
pub use error::{Failure, SendError};
pub use interim::Interim;
pub use lease::Lease;
pub use pool::Pool;
pub use request_body::{Progress, RequestBody};
pub use send::{Hop, Outgoing, Sent};
pub use tls::Tls;
