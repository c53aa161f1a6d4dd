//! Taking connections from a worker's socket.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::serve::{Accepted, serve};
use super::sockets::Sockets;
use crate::config::model::Name;
use crate::worker::Worker;

/// Where the process has no file descriptors left, trying at once would only burn CPU.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener that takes connections on one worker, until it is dropped.
pub struct Accepting {
    /// The sockets that it takes them from.
    pub sockets: Arc<Sockets>,
    task: JoinHandle<()>,
}

impl Accepting {
    /// Begins to take connections for the listener `name`.
    ///
    /// # Errors
    /// Where the socket cannot be used.
    pub fn begin(worker: &Rc<Worker>, name: Name, sockets: Arc<Sockets>) -> std::io::Result<Self> {
        let socket = TcpListener::from_std(sockets.of(worker.index)?)?;
        let task = tokio::task::spawn_local(accept(worker.clone(), name, socket));
        Ok(Self { sockets, task })
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(worker: Rc<Worker>, name: Name, socket: TcpListener) {
    let series = worker.shard.listener(&name);
    loop {
        let (stream, peer) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(why) => {
                tracing::warn!(listener = &*name, "cannot accept a connection: {why}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        series.accepted.add(1);
        let view = worker.view();
        let Some(listener) = view.generation.listeners.get(&name) else {
            return;
        };
        let open = usize::try_from(series.connections.get()).unwrap_or(0);
        if open >= listener.config.limits.connections {
            series.refused.add(1);
            continue;
        }
        let accepted = Accepted {
            worker: worker.clone(),
            listener: name.clone(),
            config: listener.config.clone(),
            tls: listener.tls.clone().map(TlsAcceptor::from),
            series: series.clone(),
        };
        tokio::task::spawn_local(serve(accepted, stream, peer));
    }
}
