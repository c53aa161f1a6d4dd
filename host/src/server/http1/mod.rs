//! HTTP/1.1 and 1.0 as clients speak it (RFC 9112).
//!
//! One task serves a connection from its first request to its last: it reads a head, has it
//! handled, writes the response, and reads on. Nothing is handed to another task, and an idle
//! connection has no buffers.

mod authority;
mod body;
mod chunks;
mod class;
mod connection;
mod field;
mod framing;
mod parts;
mod reader;
mod request_line;
mod response;
mod violation;
mod wire;

#[cfg(test)]
mod reader_tests;
#[cfg(test)]
mod wire_tests;

pub(crate) use authority::is_authority;
pub use body::Http1Body;
pub(super) use connection::{End, serve};
pub use reader::{HeadLimits, Piece, Reader, Request};
pub use violation::Kind;
