//! Listening sockets: one for each worker on the same address (SO_REUSEPORT),
//! so that the kernel spreads connections and workers share nothing.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted, for each worker.
const BACKLOG: i32 = 1024;

/// The sockets of one address.
#[derive(Debug)]
pub struct Sockets {
    address: SocketAddr,
    listening: Vec<TcpListener>,
}

impl Sockets {
    /// Listens on `address` with a socket for each of `workers`; port 0 takes any free one.
    ///
    /// # Errors
    /// Where the address is in use, by another gateway too, or cannot be used.
    pub fn bind(address: SocketAddr, workers: usize) -> io::Result<Self> {
        // With SO_REUSEPORT a second gateway would share the address and nobody
        // would notice; without it, the kernel says so.
        let probe = socket(address, false)?;
        let address = probe.local_addr()?.as_socket().unwrap_or(address);
        drop(probe);
        let listening = (0..workers.max(1)).map(|_| {
            let socket = socket(address, true)?;
            socket.listen(BACKLOG)?;
            Ok(TcpListener::from(socket))
        });
        Ok(Self {
            address,
            listening: listening.collect::<io::Result<_>>()?,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket of one worker.
    ///
    /// # Errors
    /// Where the process may not open more files.
    pub fn of(&self, worker: usize) -> io::Result<TcpListener> {
        let socket = self.listening.get(worker);
        socket.ok_or(io::ErrorKind::NotFound)?.try_clone()
    }
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_another_gateway_has_is_refused() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let first = Sockets::bind(any, 2).unwrap();
        assert_ne!(first.address().port(), 0);
        let second = Sockets::bind(first.address(), 2).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
    }
}
