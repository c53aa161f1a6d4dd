//! A client that writes whatever bytes it is told to, and reads what comes back.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wait;

/// One TCP connection.
pub struct Raw {
    stream: TcpStream,
    pending: Vec<u8>,
    was_reset: bool,
}

/// A response as it stands in the bytes.
#[derive(Debug)]
pub struct RawResponse {
    /// The status.
    pub status: u16,
    /// The lines of the head, without the status line.
    pub headers: Vec<(String, String)>,
    /// The body, chunks put together.
    pub body: Vec<u8>,
    /// The lines after the last chunk.
    pub trailers: Vec<(String, String)>,
    /// Whether the body came to its end.
    pub complete: bool,
}

impl RawResponse {
    /// The first value of a header; names in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a TCP socket");
        Self {
            stream,
            pending: Vec::new(),
            was_reset: false,
        }
    }

    /// Writes bytes. A peer that has closed already is not an error: the test looks at the answer.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Sends the end of the stream; the other direction stays open.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Breaks the connection off.
    ///
    /// # Panics
    /// Where the operating system does not let it.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket
            .set_linger(Some(Duration::ZERO))
            .expect("a TCP socket");
    }

    /// Reads the next response that is not an interim one.
    pub async fn response(&mut self) -> RawResponse {
        loop {
            let response = self.any_response().await;
            if response.status >= 200 || response.status == 101 {
                return response;
            }
        }
    }

    /// Reads the next response, interim ones included.
    pub async fn any_response(&mut self) -> RawResponse {
        wait::within("a response", self.read_response()).await
    }

    /// Whether the peer has sent everything: no byte is left, and the stream ended or broke.
    pub async fn closed(&mut self) -> bool {
        wait::within("the end of the connection", async {
            self.pending.is_empty() && !self.more().await
        })
        .await
    }

    /// Whether the connection ended with an error, not in order.
    #[must_use]
    pub fn was_reset(&self) -> bool {
        self.was_reset
    }

    /// Whether nothing comes for `span`.
    pub async fn silent_for(&mut self, span: Duration) -> bool {
        self.pending.is_empty() && tokio::time::timeout(span, self.more()).await.is_err()
    }

    /// Reads until there are `count` bytes, or the stream ends.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        wait::within("bytes", async {
            while self.pending.len() < count && self.more().await {}
        })
        .await;
        let count = count.min(self.pending.len());
        self.pending.drain(..count).collect()
    }

    async fn read_response(&mut self) -> RawResponse {
        let Some(head) = self.through(b"\r\n\r\n").await else {
            panic!(
                "no response, but {:?}",
                String::from_utf8_lossy(&self.pending)
            );
        };
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let mut response = RawResponse {
            status: status.unwrap_or_else(|| panic!("no status line: {head:?}")),
            headers: fields(lines),
            body: Vec::new(),
            trailers: Vec::new(),
            complete: true,
        };
        if response.status < 200 || response.status == 204 || response.status == 304 {
            return response;
        }
        if response.header("transfer-encoding") == Some("chunked") {
            response.complete = self.chunks(&mut response).await.is_some();
        } else if let Some(length) = response.header("content-length") {
            let length = length.parse().expect("a length");
            response.body = self.bytes(length).await;
            response.complete = response.body.len() == length;
        } else {
            while self.more().await {}
            response.body = std::mem::take(&mut self.pending);
        }
        response
    }

    /// Reads a chunked body; none when it breaks off.
    async fn chunks(&mut self, response: &mut RawResponse) -> Option<()> {
        loop {
            let line = self.through(b"\r\n").await?;
            let size = line.trim_end().split(';').next()?.trim().to_owned();
            let size = usize::from_str_radix(&size, 16).expect("a chunk size");
            if size == 0 {
                let mut trailers = String::new();
                while let line = self.through(b"\r\n").await?
                    && line != "\r\n"
                {
                    trailers.push_str(&line);
                }
                response.trailers = fields(trailers.lines());
                return Some(());
            }
            let data = self.bytes(size + 2).await;
            if data.len() < size + 2 {
                response.body.extend_from_slice(&data);
                return None;
            }
            response.body.extend_from_slice(&data[..size]);
        }
    }

    /// Takes everything up to and including `end`; none when the stream ends before.
    async fn through(&mut self, end: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self
                .pending
                .windows(end.len())
                .position(|window| window == end)
            {
                let taken: Vec<u8> = self.pending.drain(..at + end.len()).collect();
                return Some(String::from_utf8_lossy(&taken).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Reads what there is; false at the end.
    async fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer).await {
            Ok(0) => false,
            Err(_) => {
                self.was_reset = true;
                false
            }
            Ok(count) => {
                self.pending.extend_from_slice(&buffer[..count]);
                true
            }
        }
    }
}

fn fields<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect()
}
