//! A `redis-server` that a test starts, asks, kills, and starts again.

mod reply;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use socket2::Socket;
use tempfile::TempDir;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub use reply::Reply;

use crate::{port, wait};

/// A running server without persistence; killed when dropped.
pub struct Redis {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
    /// Holds the port while the server is down: it is bound, and does not listen.
    _port: Socket,
}

impl Redis {
    /// Starts it on a port of its own.
    ///
    /// # Panics
    /// When there is no `redis-server`. A test that cannot run is a test that fails.
    pub async fn start() -> Self {
        let (port, address) = port::reserved();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut redis = Self {
            child: spawn(&folder, address),
            address,
            folder,
            _port: port,
        };
        redis.answers().await;
        redis
    }

    /// Where it listens, also after [`Redis::start_again`].
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it: nothing is written, no connection is closed in an orderly way.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it where it was, with nothing in it.
    pub async fn start_again(&mut self) {
        self.kill();
        self.child = spawn(&self.folder, self.address);
        self.answers().await;
    }

    /// Asks for something that has to work; the words are apart by spaces.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn tell(&self, words: &str) -> Reply {
        let words: Vec<_> = words.split(' ').collect();
        let mut replies = self.session(&[&words]).await;
        replies.pop().expect("an answer to each")
    }

    /// Wants another password of whoever connects from now on; none where it is empty.
    pub async fn set_password(&self, now: &str, next: &str) {
        let change = ["CONFIG", "SET", "requirepass", next];
        self.session(&[&["AUTH", now], &change]).await;
    }

    /// Closes the connections of all clients.
    pub async fn hang_up(&self, password: &str) {
        let kill = ["CLIENT", "KILL", "TYPE", "normal"];
        self.session(&[&["AUTH", password], &kill]).await;
    }

    /// Asks for several things on one connection, all of which have to work.
    async fn session(&self, questions: &[&[&str]]) -> Vec<Reply> {
        let what = format!("answers to {questions:?}");
        let asking = wait::within(&what, try_session(self.address, questions)).await;
        let replies = asking.unwrap_or_else(|| panic!("{what}: none"));
        for (words, reply) in questions.iter().zip(&replies) {
            assert!(!matches!(reply, Reply::Error(_)), "{words:?}: {reply:?}");
        }
        replies
    }

    /// The names of all its keys.
    pub async fn keys(&self) -> Vec<String> {
        self.tell("KEYS *").await.texts()
    }

    /// Waits until it answers.
    async fn answers(&mut self) {
        let (address, child) = (self.address, &mut self.child);
        wait::until("a redis-server that answers", async || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("redis-server ended with {status}");
            }
            let replies = try_session(address, &[&["PING"]]).await?;
            (replies == [Reply::Text("PONG".to_owned())]).then_some(())
        })
        .await;
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &TempDir, address: SocketAddr) -> Child {
    Command::new("redis-server")
        .args(["--bind", &address.ip().to_string()])
        .args(["--port", &address.port().to_string()])
        .args(["--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|why| panic!("redis-server: {why}: run `make setup`"))
}

/// The answers to questions on one connection; none when it ends before.
async fn try_session(address: SocketAddr, questions: &[&[&str]]) -> Option<Vec<Reply>> {
    let mut stream = BufReader::new(TcpStream::connect(address).await.ok()?);
    let mut replies = Vec::new();
    for words in questions {
        let mut command = format!("*{}\r\n", words.len());
        for word in *words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(command.as_bytes()).await.ok()?;
        replies.push(Reply::read(&mut stream).await?);
    }
    Some(replies)
}
