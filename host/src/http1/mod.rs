//! What HTTP/1.1 needs on both sides of the gateway: bytes that wait to be sent, and what may
//! follow a chunked body.

mod first_read;
mod output;
mod trailers;

pub use first_read::{FIRST_READ, poll_first_read};
pub use output::Output;
pub use trailers::{is_forbidden_trailer, strip_trailers};

/// Room in a message that was read for the headers that the gateway and plugins add: growing later
/// costs more.
pub const SPARE_HEADERS: usize = 8;
