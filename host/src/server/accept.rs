//! Taking connections from a worker's socket.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::serve::{Accepted, serve};
use super::sockets::{BACKLOG, Lent, Returns, Sockets};
use crate::config::model::Name;
use crate::generation::Listening;
use crate::telemetry::ListenerSeries;
use crate::worker::Worker;

/// Where the process has no file descriptors left, trying at once would only burn CPU.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener that takes connections on one worker.
pub struct Accepting {
    /// The sockets that it takes them from.
    pub sockets: Arc<Sockets>,
    leave: oneshot::Sender<Leave>,
    task: JoinHandle<()>,
}

/// What becomes of connections that nobody has taken yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Somebody else takes them.
    Behind,
    /// They are taken, and then the socket is closed: the kernel would reset them.
    Empty,
}

impl Accepting {
    /// Begins to take connections for the listener `name`.
    ///
    /// # Errors
    /// Where the socket cannot be used.
    pub fn begin(
        worker: &Rc<Worker>,
        name: Name,
        listening: &Listening,
        sockets: Arc<Sockets>,
    ) -> std::io::Result<Self> {
        let Lent { socket, returns } = sockets.lend(worker.index)?;
        let socket = TcpListener::from_std(socket)?;
        let (leave, left) = oneshot::channel();
        let taking = Taking {
            series: worker.shard.listener(&name),
            worker: worker.clone(),
            name,
            listening: listening.clone(),
        };
        let task = tokio::task::spawn_local(taking.run(socket, returns, left));
        Ok(Self {
            sockets,
            leave,
            task,
        })
    }

    /// Takes no more connections, and gives the socket back.
    pub async fn end(self, leave: Leave) {
        let _ = self.leave.send(leave);
        // A task that panicked has no socket any more either.
        let _ = self.task.await;
    }
}

/// What the task of a listener has.
struct Taking {
    worker: Rc<Worker>,
    name: Name,
    series: Arc<ListenerSeries>,
    /// The listener as it was last seen.
    listening: Listening,
}

impl Taking {
    async fn run(
        mut self,
        socket: TcpListener,
        returns: Returns,
        mut left: oneshot::Receiver<Leave>,
    ) {
        let leave = loop {
            let accepted = tokio::select! {
                biased;
                leave = &mut left => break leave,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer),
                Err(why) => {
                    tracing::warn!(listener = &*self.name, "cannot accept a connection: {why}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        if leave == Ok(Leave::Empty)
            && let Ok(socket) = socket.into_std()
        {
            for _ in 0..BACKLOG {
                let Ok((stream, peer)) = socket.accept() else {
                    break;
                };
                let stream = stream.set_nonblocking(true).map(|()| stream);
                if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                    self.take(stream, peer);
                }
            }
        }
        drop(returns);
    }

    /// Serves a connection, if there may be one more.
    fn take(&mut self, stream: TcpStream, peer: SocketAddr) {
        let series = &self.series;
        series.accepted.add(1);
        let view = self.worker.view();
        if let Some(newest) = view.generation.listeners.get(&self.name)
            && !Arc::ptr_eq(&newest.config, &self.listening.config)
        {
            self.listening = newest.clone();
        }
        let Listening { config, tls, .. } = &self.listening;
        let open = usize::try_from(series.connections.get()).unwrap_or(0);
        if open >= config.limits.connections {
            series.refused.add(1);
            return;
        }
        let accepted = Accepted {
            worker: self.worker.clone(),
            listener: self.name.clone(),
            config: config.clone(),
            tls: tls.clone().map(TlsAcceptor::from),
            series: series.clone(),
        };
        tokio::task::spawn_local(serve(accepted, stream, peer));
    }
}
