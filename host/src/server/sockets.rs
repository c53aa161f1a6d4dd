//! Listening sockets: one for each worker on the same address (SO_REUSEPORT),
//! so that the kernel spreads connections and workers share nothing.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted, for each worker.
pub(super) const BACKLOG: i32 = 1024;

/// The sockets of one address. A generation that is kept to go back to, or that
/// an exchange still has, keeps none of them open once they were closed.
#[derive(Debug)]
pub struct Sockets {
    address: SocketAddr,
    open: Mutex<Open>,
    returned: Condvar,
}

#[derive(Debug)]
struct Open {
    /// One for each worker; none once they were closed.
    listening: Vec<TcpListener>,
    /// How many workers have theirs.
    lent: usize,
}

/// A worker's own socket, which closes when this is dropped, if the others of
/// its address were closed.
#[derive(Debug)]
pub struct Lent {
    /// The socket.
    pub socket: TcpListener,
    /// Dropped after the socket.
    pub returns: Returns,
}

/// Tells that a worker has given its socket back.
#[derive(Debug)]
pub struct Returns(Arc<Sockets>);

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
        let listening = listening.collect::<io::Result<_>>()?;
        Ok(Self {
            address,
            open: Mutex::new(Open { listening, lent: 0 }),
            returned: Condvar::new(),
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket of one worker.
    ///
    /// # Errors
    /// Where the process may not open more files, or they were closed.
    pub fn lend(self: &Arc<Self>, worker: usize) -> io::Result<Lent> {
        let mut open = self.open();
        let socket = open.listening.get(worker);
        let socket = socket.ok_or(io::ErrorKind::NotFound)?.try_clone()?;
        open.lent += 1;
        Ok(Lent {
            socket,
            returns: Returns(self.clone()),
        })
    }

    /// Nobody listens here any more, but for the workers that have not given
    /// theirs back yet.
    pub fn close(&self) {
        self.open().listening.clear();
    }

    /// Waits until the workers have given theirs back, which takes a moment;
    /// for so long at most.
    pub fn wait_returned(&self, within: Duration) {
        let lent = |open: &mut Open| open.lent > 0;
        // Who waited for long enough goes on in any case.
        let _ = self.returned.wait_timeout_while(self.open(), within, lent);
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Returns {
    fn drop(&mut self) {
        let mut open = self.0.open();
        open.lent = open.lent.saturating_sub(1);
        self.0.returned.notify_all();
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
    #[test]
    fn an_address_is_free_when_the_last_worker_gave_its_socket_back() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let sockets = Arc::new(Sockets::bind(any, 2).unwrap());
        let address = sockets.address();
        let lent = sockets.lend(1).unwrap();
        sockets.close();
        assert!(sockets.lend(0).is_err());
        assert!(Sockets::bind(address, 2).is_err(), "one still listens");
        let waiting = std::thread::spawn({
            let sockets = sockets.clone();
            move || sockets.wait_returned(Duration::from_secs(60))
        });
        drop(lent);
        waiting.join().unwrap();
        assert!(Sockets::bind(address, 2).is_ok());
    }
}
