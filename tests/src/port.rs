//! Ports that stay a test's own while nobody listens on them.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

/// A port that the kernel chose, for as long as the socket lives. Whoever asks
/// for this very port may listen on it; it is given to nobody else meanwhile.
#[must_use]
pub fn reserved() -> (Socket, SocketAddr) {
    let socket = bound(([127, 0, 0, 1], 0).into());
    let address = socket.local_addr().ok();
    let address = address.and_then(|address| address.as_socket());
    (socket, address.expect("an address"))
}

/// A socket on this address that does not listen yet.
pub(crate) fn bound(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
    // Several may be bound to one port, of which one may listen.
    socket.set_reuse_address(true).expect("a socket");
    socket.set_nonblocking(true).expect("a socket");
    socket.bind(&address.into()).expect("a port");
    socket
}
