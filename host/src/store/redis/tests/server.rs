//! A server that a test starts, and kills.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Connection, Value};
use tempfile::TempDir;

/// A redis-server with a folder of its own, gone when this is.
pub(in crate::store) struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
    args: Vec<String>,
}

impl Server {
    pub(in crate::store) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(in crate::store) fn start_with(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let args: Vec<_> = args.iter().map(|a| (*a).to_owned()).collect();
        // Somebody else may take a free port before the server does.
        for _ in 0..5 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            if let Some(child) = spawn(&folder, port, &args) {
                return Self {
                    child,
                    port,
                    folder,
                    args,
                };
            }
        }
        panic!("redis-server does not start");
    }

    /// Starts it again where it was, with nothing in it.
    pub(in crate::store) fn start_again(&mut self) {
        self.kill();
        self.child = (0..50)
            .find_map(|_| spawn(&self.folder, self.port, &self.args))
            .expect("redis-server does not start again");
    }

    pub(in crate::store) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(in crate::store) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(in crate::store) fn connection(&self) -> Connection {
        let client = redis::Client::open(format!("redis://{}", self.address())).unwrap();
        client.get_connection().unwrap()
    }

    /// Says something to it, words apart.
    pub(in crate::store) fn tell(&self, words: &str) -> Value {
        let mut words = words.split(' ');
        let mut cmd = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            cmd.arg(word);
        });
        cmd.query(&mut self.connection()).unwrap()
    }

    /// The names of all its keys.
    pub(in crate::store) fn keys(&self) -> Vec<String> {
        redis::cmd("KEYS")
            .arg("*")
            .query(&mut self.connection())
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// None where it ends before it answers.
fn spawn(folder: &TempDir, port: u16, args: &[String]) -> Option<Child> {
    let by_tls = args.iter().any(|arg| arg == "--tls-cert-file");
    let mut child = Command::new("redis-server")
        .args([
            if by_tls { "--tls-port" } else { "--port" },
            &port.to_string(),
        ])
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder.path())
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|why| panic!("redis-server: {why}: run `make setup`"));
    let give_up = Instant::now() + Duration::from_secs(30);
    loop {
        if std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Some(child);
        }
        if child.try_wait().unwrap().is_some() || Instant::now() > give_up {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
