//! HTTP/1.1 to a target: a connection that the task of the exchange drives by itself.
//!
//! [`Connection`] sends a request and reads its response side by side; [`Reader`] knows what the
//! bytes of a response mean, and nothing of sockets.

mod body;
mod chunks;
mod connection;
#[cfg(test)]
mod connection_tests;
mod decoder;
mod error;
mod framing;
mod head;
mod reader;
#[cfg(test)]
mod reader_tests;
mod sending;
#[cfg(test)]
mod sending_tests;
mod switched;

pub use error::Error;
pub use reader::Reader;
pub use switched::Switched;

pub(super) use body::Http1Body;
pub(super) use connection::Connection;
pub(super) use reader::MAX_HEAD;
