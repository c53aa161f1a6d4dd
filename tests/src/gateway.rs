//! The gateway as a process: started, watched, asked, signalled, killed when dropped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use http::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Answer, Client, request};
use crate::config::Settings;
use crate::lines::{Lines, field};
use crate::metrics::Metrics;
use crate::{paths, wait};

/// A running gateway.
pub struct Gateway {
    child: Child,
    folder: TempDir,
    config: PathBuf,
    admin: SocketAddr,
    /// None where nobody reads it.
    access: Option<Lines>,
    log: Lines,
}

/// What `POST /reload` and `POST /rollback` answer.
#[derive(Debug)]
pub struct Reload {
    /// 200 or 422.
    pub status: StatusCode,
    /// `applied`, `unchanged` or `rejected`.
    pub outcome: String,
    /// The generation that runs now.
    pub generation: u64,
    /// Why it was rejected.
    pub problems: Vec<Value>,
}

impl Gateway {
    /// Writes the configuration into a folder of its own, starts the gateway, waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready; the message has its log.
    pub async fn start(settings: &Settings) -> Self {
        Self::start_text(&settings.toml()).await
    }

    /// The same with the whole text of the configuration.
    pub async fn start_text(toml: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("sluice.toml"), toml).expect("the configuration");
        Self::start_in(folder, "sluice.toml").await
    }

    /// The same with a folder that the test has filled; `config` is relative to it.
    pub async fn start_in(folder: TempDir, config: &str) -> Self {
        Self::start_with(folder, config, &[]).await
    }

    /// The same with more variables in its environment.
    pub async fn start_with(folder: TempDir, config: &str, environment: &[(&str, &str)]) -> Self {
        let (mut gateway, access) = Self::spawn(folder, config, environment);
        gateway.access = Some(Lines::follow(access));
        gateway.admin = gateway.ready().await;
        gateway
    }

    /// The same as [`Gateway::start`], but nobody reads its standard output: the pipe is closed.
    pub async fn start_unread(settings: &Settings) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("sluice.toml"), settings.toml())
            .expect("the configuration");
        let (mut gateway, access) = Self::spawn(folder, "sluice.toml", &[]);
        drop(access);
        gateway.admin = gateway.ready().await;
        gateway
    }

    fn spawn(folder: TempDir, config: &str, environment: &[(&str, &str)]) -> (Self, ChildStdout) {
        let config = folder.path().join(config);
        let mut child = Command::new(paths::gateway())
            .arg("run")
            .arg(&config)
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the gateway starts as a process");
        let stdout = child.stdout.take().expect("piped");
        let log = Lines::follow(child.stderr.take().expect("piped"));
        let admin = ([127, 0, 0, 1], 0).into();
        (
            Self {
                child,
                folder,
                config,
                admin,
                access: None,
                log,
            },
            stdout,
        )
    }

    /// Waits for the line that names the admin address and for `/readyz`.
    async fn ready(&mut self) -> SocketAddr {
        let log = self.log.clone();
        let child = &mut self.child;
        let admin = wait::until("a gateway that listens", async || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the gateway ended with {status}:\n{}", log.text());
            }
            log.find(|line| listening(line, |line| line.contains("admin")))
        })
        .await;
        wait::until("a gateway that is ready", async || {
            let answer = try_fetch(admin, Method::GET, "/readyz").await?;
            (answer.status == StatusCode::OK).then_some(())
        })
        .await;
        admin
    }

    /// Where the listener `public` listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener("public")
    }

    /// Where a listener listens.
    ///
    /// # Panics
    /// When the gateway did not say so.
    #[must_use]
    pub fn listener(&self, name: &str) -> SocketAddr {
        self.log
            .find(|line| listening(line, |line| field(line, "listener") == Some(name)))
            .unwrap_or_else(|| panic!("no listener {name}:\n{}", self.log.text()))
    }

    /// Where the admin API listens.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The folder of the configuration; gone when the gateway is dropped.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of the configuration.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Overwrites the configuration in place.
    pub fn write(&self, settings: &Settings) {
        self.write_text(&settings.toml());
    }

    /// Overwrites the configuration in place.
    pub fn write_text(&self, toml: &str) {
        std::fs::write(&self.config, toml).expect("the configuration");
    }

    /// An HTTP/1.1 connection to the listener `public`.
    pub async fn client(&self) -> Client {
        Client::http1(self.address()).await
    }

    /// One GET on a connection of its own.
    pub async fn get(&self, path: &str) -> Answer {
        self.client().await.fetch(request(Method::GET, path)).await
    }

    /// One request to the admin API.
    pub async fn ask_admin(&self, method: Method, path: &str) -> Answer {
        Client::http1(self.admin)
            .await
            .fetch(request(method, path))
            .await
    }

    /// `POST /reload`
    pub async fn reload(&self) -> Reload {
        reload_answer(&self.ask_admin(Method::POST, "/reload").await)
    }

    /// Overwrites the configuration and reloads; panics when it was not applied.
    pub async fn apply(&self, settings: &Settings) -> Reload {
        self.write(settings);
        let reload = self.reload().await;
        assert_eq!(reload.outcome, "applied", "{reload:?}\n{}", self.log.text());
        reload
    }

    /// `POST /rollback`
    pub async fn rollback(&self, to: Option<u64>) -> Reload {
        let path = to.map_or("/rollback".to_owned(), |to| format!("/rollback?to={to}"));
        reload_answer(&self.ask_admin(Method::POST, &path).await)
    }

    /// `GET /metrics`
    pub async fn metrics(&self) -> Metrics {
        let answer = self.ask_admin(Method::GET, "/metrics").await;
        assert_eq!(answer.status, StatusCode::OK);
        Metrics::parse(&answer.text())
    }

    /// The number of the generation that runs now.
    pub async fn generation(&self) -> u64 {
        self.metrics().await.sum("sluice_generation", &[]) as u64
    }

    /// Waits until a metric has come to this value.
    pub async fn metric_reaches(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        wait::until(&format!("{name}{labels:?} of {value}"), async || {
            (self.metrics().await.sum(name, labels) >= value).then_some(())
        })
        .await;
    }

    /// Everything on standard error so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits for a line on standard error that has all these parts.
    pub async fn logs(&self, parts: &[&str]) -> String {
        wait::until(&format!("a log line with {parts:?}"), async || {
            self.log.find(|line| {
                parts
                    .iter()
                    .all(|part| line.contains(part))
                    .then(|| line.to_owned())
            })
        })
        .await
    }

    /// Everything on standard output so far.
    #[must_use]
    pub fn access_log(&self) -> String {
        self.access.as_ref().map_or_else(String::new, Lines::text)
    }

    /// Waits for the access log line of the request to this path.
    pub async fn access(&self, path: &str) -> Value {
        wait::until(&format!("an access log line for {path}"), async || {
            self.access.as_ref()?.find(|line| {
                let line: Value = serde_json::from_str(line).expect("JSON on standard output");
                (line["path"] == path).then_some(line)
            })
        })
        .await
    }

    /// Resident memory in KiB.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("the process's status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("VmRSS");
        line.trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number of KiB")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(pid, signal).expect("the process is there");
    }

    /// Waits until the process has ended and everything that it wrote has been read.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let what = "the end of the gateway";
        let status = wait::until(what, async || child.try_wait().expect("a child")).await;
        wait::until("the end of its log", async || {
            self.log.ended().then_some(())
        })
        .await;
        if let Some(access) = &self.access {
            wait::until("the end of its access log", async || {
                access.ended().then_some(())
            })
            .await;
        }
        status
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("---- log of the gateway\n{}", self.log.text());
        }
    }
}

/// The address of a `listening` line that is the wanted one.
fn listening(line: &str, wanted: impl Fn(&str) -> bool) -> Option<SocketAddr> {
    (line.contains("listening") && wanted(line)).then(|| field(line, "address")?.parse().ok())?
}

async fn try_fetch(address: SocketAddr, method: Method, path: &str) -> Option<Answer> {
    let mut client = Client::try_http1(address).await.ok()?;
    client.try_fetch(request(method, path)).await.ok()
}

fn reload_answer(answer: &Answer) -> Reload {
    let body = answer.json();
    Reload {
        status: answer.status,
        outcome: body["outcome"].as_str().unwrap_or_default().to_owned(),
        generation: body["generation"].as_u64().unwrap_or_default(),
        problems: body["problems"].as_array().cloned().unwrap_or_default(),
    }
}
