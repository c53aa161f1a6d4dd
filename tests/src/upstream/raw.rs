//! Upstreams that write whatever bytes the test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A script for each connection.
pub struct RawUpstream {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

/// One accepted connection.
pub struct Connection {
    stream: TcpStream,
    pending: Vec<u8>,
    /// From 1.
    pub number: u64,
}

impl RawUpstream {
    /// Answers before it has read the request, with a body of `length` bytes, and reads and
    /// writes bodies of that length side by side.
    pub async fn answering_early(length: usize) -> Self {
        Self::start(move |mut connection| async move {
            connection.head().await;
            connection
                .write(format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"
                ))
                .await;
            assert!(connection.both_ways(&vec![b'x'; length]).await);
            connection.peer_closes().await;
        })
        .await
    }

    /// Runs `script` for each connection, which closes when it ends.
    pub async fn start<F>(script: impl Fn(Connection) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicU64::new(0));
        let count = connections.clone();
        let accepting = tokio::spawn(async move {
            let mut scripts = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                scripts.spawn(script(Connection {
                    stream,
                    pending: Vec::new(),
                    number,
                }));
            }
        });
        Self {
            address,
            connections,
            accepting,
        }
    }

    /// An upstream that answers each request of each connection with these bytes.
    pub async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::start(move |mut connection| {
            let bytes = bytes.clone();
            async move {
                while connection.head().await.is_some() {
                    connection.write(&bytes).await;
                }
            }
        })
        .await
    }

    /// The same, but it closes after the first.
    pub async fn answering_once(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::start(move |mut connection| {
            let bytes = bytes.clone();
            async move {
                connection.head().await;
                connection.write(&bytes).await;
            }
        })
        .await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections have been accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for RawUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Connection {
    /// Reads up to the end of a request head; none when the peer closes.
    pub async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self
                .pending
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                let head: Vec<u8> = self.pending.drain(..at + 4).collect();
                return Some(String::from_utf8_lossy(&head).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Reads this many bytes of a body; fewer when the peer closes.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.pending.len() < count && self.more().await {}
        let count = count.min(self.pending.len());
        self.pending.drain(..count).collect()
    }

    /// Everything until `end` has come, or the peer closes.
    pub async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        while !self.pending.windows(end.len()).any(|window| window == end) && self.more().await {}
        std::mem::take(&mut self.pending)
    }

    /// Writes bytes.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Writes bytes and reads as many, side by side. Whether all of them came.
    pub async fn both_ways(&mut self, bytes: &[u8]) -> bool {
        let already = std::mem::take(&mut self.pending);
        let (mut read, mut write) = self.stream.split();
        let reading = async {
            let mut left = bytes.len().saturating_sub(already.len());
            let mut buffer = vec![0; 64 * 1024];
            while left > 0 {
                match read.read(&mut buffer).await {
                    Ok(0) | Err(_) => return false,
                    Ok(count) => left = left.saturating_sub(count),
                }
            }
            true
        };
        tokio::join!(write.write_all(bytes), reading).1
    }

    /// Breaks the connection off.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket
            .set_linger(Some(std::time::Duration::ZERO))
            .expect("a TCP socket");
    }

    /// Waits until the peer closes.
    pub async fn peer_closes(&mut self) {
        while self.more().await {}
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.pending.extend_from_slice(&buffer[..count]);
                true
            }
        }
    }
}
