//! Where clients connect: sockets, TLS, connections, their time-outs.

mod accept;
mod body;
mod connections;
pub mod http1;
mod http2_response;
mod http2_streams;
mod io;
mod linger;
mod presence;
mod serve;
mod sockets;
mod stream;
mod tls;

pub use accept::{Accepting, Leave};
pub use body::{BodyFailure, ClientBody};
pub use connections::Connections;
pub use presence::{Presence, Visit};
pub use sockets::Sockets;
pub use tls::{TlsError, server_config};
