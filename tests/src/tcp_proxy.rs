//! A proxy for any protocol on TCP that delays, holds, cuts and resets, as the
//! test says while it runs.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::{port, wait};

/// What happens to connections, those that are open and those that come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Everything passes.
    Pass,
    /// Each chunk waits for this long, either way.
    Delay(Duration),
    /// Connections are accepted, and nothing passes until this changes.
    Hold,
    /// Connections end as if the other side had closed them.
    Cut,
    /// Connections end with an RST.
    Reset,
    /// Nobody listens, and open connections are cut.
    Refuse,
}

impl Path {
    /// Whether no connection lives.
    fn breaks(self) -> bool {
        matches!(self, Self::Cut | Self::Reset | Self::Refuse)
    }
}

/// Stands in front of one address.
pub struct TcpProxy {
    address: SocketAddr,
    path: watch::Sender<Path>,
    accepting: JoinHandle<()>,
    /// Holds the port while nobody listens.
    _port: Socket,
}

impl TcpProxy {
    /// A proxy to this address where everything passes.
    pub async fn start(to: SocketAddr) -> Self {
        let (port, address) = port::reserved();
        let (path, paths) = watch::channel(Path::Pass);
        let listener = listen(address);
        let accepting = tokio::spawn(accept(listener, to, paths));
        Self {
            address,
            path,
            accepting,
            _port: port,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub fn set(&self, path: Path) {
        self.path.send_replace(path);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = port::bound(address);
    socket.listen(128).expect("a listener");
    TcpListener::from_std(socket.into()).expect("a listener")
}

async fn accept(listener: TcpListener, to: SocketAddr, mut paths: watch::Receiver<Path>) {
    let address = listener.local_addr().expect("an address");
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        match (*paths.borrow_and_update(), &listener) {
            (Path::Refuse, Some(_)) => listener = None,
            (Path::Refuse, None) => {}
            (_, None) => listener = Some(listen(address)),
            (_, Some(_)) => {}
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await.map(|(stream, _)| stream),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = paths.changed() => if changed.is_err() { return },
            stream = accepted => if let Ok(stream) = stream {
                connections.spawn(connection(stream, to, paths.clone()));
            },
        }
    }
}

async fn connection(mut client: TcpStream, to: SocketAddr, paths: watch::Receiver<Path>) {
    let mut breaking = paths.clone();
    let breaks = tokio::select! {
        path = breaking.wait_for(|path| path.breaks()) => path.ok().map(|path| *path),
        () = carry(&mut client, to, paths) => None,
    };
    if breaks == Some(Path::Reset) {
        // What is closed without lingering is reset.
        let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
    }
}

async fn carry(client: &mut TcpStream, to: SocketAddr, mut paths: watch::Receiver<Path>) {
    if paths.wait_for(|path| *path != Path::Hold).await.is_err() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(to).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        () = pipe(&mut from_client, &mut to_server, paths.clone()) => {}
        () = pipe(&mut from_server, &mut to_client, paths) => {}
    }
}

async fn pipe(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut paths: watch::Receiver<Path>,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let path = paths.wait_for(|path| *path != Path::Hold).await;
        let Ok(path) = path.map(|path| *path) else {
            return;
        };
        if let Path::Delay(span) = path {
            wait::pause(span).await;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
