//! WebSocket: a client through the gateway, and an upstream that echoes.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use crate::client::HOST_NAME;
use crate::wait;

/// An upstream that sends every message back.
pub struct Echo {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Echo {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let accepting = tokio::spawn(async move {
            let mut sockets = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                sockets.spawn(echo(stream));
            }
        });
        Self { address, accepting }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn echo(stream: TcpStream) {
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// The client's end.
pub struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens a WebSocket through the gateway.
    pub async fn open(gateway: SocketAddr, path: &str) -> Self {
        let stream = TcpStream::connect(gateway).await.expect("a connection");
        let opened = client_async(format!("ws://{HOST_NAME}{path}"), stream);
        let (socket, _) = wait::within("a WebSocket", opened)
            .await
            .expect("a WebSocket");
        Self(socket)
    }

    /// Sends a text and waits for its echo.
    pub async fn round_trip(&mut self, text: &str) {
        self.0
            .send(Message::text(text))
            .await
            .expect("an open WebSocket");
        let echo = wait::within("an echo", self.0.next()).await;
        let echo = echo.expect("an open WebSocket").expect("a message");
        assert_eq!(echo.to_text().expect("text"), text);
    }

    /// Closes, and waits for the other end to close.
    pub async fn close(mut self) {
        self.0.close(None).await.expect("an open WebSocket");
        wait::within("the end of the WebSocket", async {
            while let Some(Ok(_)) = self.0.next().await {}
        })
        .await;
    }
}
