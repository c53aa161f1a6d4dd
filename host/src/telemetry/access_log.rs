//! One JSON line for each exchange, written by a thread of its own.
//!
//! A worker collects lines and hands them over in blocks. Where the writer
//! cannot keep up, lines are lost and counted; a request never waits for its line.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde::Serialize;

use crate::config::model;
use crate::telemetry::Shard;

/// A worker hands its lines over when it has so many bytes of them.
const BLOCK: usize = 32 * 1024;
/// Blocks that may wait for the writer.
const WAITING: usize = 64;

/// Where lines go; none where the access log is off.
#[derive(Debug, Clone)]
pub struct AccessLog(Option<Arc<Writer>>);

#[derive(Debug)]
struct Writer {
    blocks: SyncSender<Block>,
    config: model::AccessLog,
}

enum Block {
    Lines(Vec<u8>),
    Flushed(SyncSender<()>),
}

impl AccessLog {
    /// Opens the log. Fails where the file cannot be opened for appending.
    pub fn open(config: &model::AccessLog) -> std::io::Result<Self> {
        let sink: Box<dyn Write + Send> = match config {
            model::AccessLog::Off => return Ok(Self(None)),
            model::AccessLog::Stdout => Box::new(std::io::stdout()),
            model::AccessLog::File(path) => Box::new(append_to(path)?),
        };
        let (blocks, waiting) = sync_channel(WAITING);
        std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_blocks(sink, &waiting))?;
        Ok(Self(Some(Arc::new(Writer {
            blocks,
            config: config.clone(),
        }))))
    }

    /// Whether this log is what `config` asks for.
    pub fn serves(&self, config: &model::AccessLog) -> bool {
        match &self.0 {
            None => *config == model::AccessLog::Off,
            Some(writer) => writer.config == *config,
        }
    }

    /// Whether lines go anywhere.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Waits until all that was handed over is written.
    pub fn flush(&self) {
        if let Some(writer) = &self.0 {
            let (done, wait) = sync_channel(1);
            if writer.blocks.send(Block::Flushed(done)).is_ok() {
                let _ = wait.recv();
            }
        }
    }
}

fn append_to(path: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// A reader that has gone (a closed pipe) ends the log quietly.
fn write_blocks(mut sink: Box<dyn Write + Send>, blocks: &Receiver<Block>) {
    let mut broken = false;
    for block in blocks {
        match block {
            Block::Lines(lines) if !broken => {
                broken = sink.write_all(&lines).and_then(|()| sink.flush()).is_err();
            }
            Block::Lines(_) => {}
            Block::Flushed(done) => drop(done.send(())),
        }
    }
}

/// The lines of one worker that have not been handed over.
#[derive(Debug, Default)]
pub struct Lines(RefCell<Vec<u8>>);

impl Lines {
    /// Adds a line.
    pub fn add(&self, record: &Record<'_>, log: &AccessLog, shard: &Shard) {
        let mut lines = self.0.borrow_mut();
        if serde_json::to_writer(&mut *lines, record).is_ok() {
            lines.push(b'\n');
        }
        if lines.len() >= BLOCK {
            hand_over(&mut lines, log, shard);
        }
    }

    /// Hands over what there is; called now and then, so that no line waits long.
    pub fn flush(&self, log: &AccessLog, shard: &Shard) {
        let mut lines = self.0.borrow_mut();
        if !lines.is_empty() {
            hand_over(&mut lines, log, shard);
        }
    }
}

fn hand_over(lines: &mut Vec<u8>, log: &AccessLog, shard: &Shard) {
    let block = std::mem::take(lines);
    let Some(writer) = &log.0 else { return };
    if let Err(refused) = writer.blocks.try_send(Block::Lines(block)) {
        use std::sync::mpsc::TrySendError::{Disconnected, Full};
        if let Full(Block::Lines(block)) | Disconnected(Block::Lines(block)) = refused {
            shard
                .lost_lines
                .add(memchr::memchr_iter(b'\n', &block).count() as u64);
        }
    }
}

/// One line. The query is left out on purpose: it may carry credentials.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    /// RFC 3339, UTC, when the request's head had come.
    pub time: String,
    /// `x-request-id`
    pub request_id: &'a str,
    /// The listener's name.
    pub listener: &'a str,
    /// The client's address.
    pub client: &'a str,
    /// The method that the client sent.
    pub method: &'a str,
    /// The host that the client named.
    pub host: &'a str,
    /// The normalised path.
    pub path: &'a str,
    /// `HTTP/1.1` and the like.
    pub protocol: &'static str,
    /// The route's name.
    pub route: Option<&'a str>,
    /// The consumer's name.
    pub consumer: Option<&'a str>,
    /// The credential's public name.
    pub credential: Option<&'a str>,
    /// The upstream's name.
    pub upstream: Option<&'a str>,
    /// The target's `host:port`.
    pub target: Option<&'a str>,
    /// The status that the client got; 0 where it left before there was one.
    pub status: u16,
    /// Who answered.
    pub source: &'a str,
    /// How it ended.
    pub outcome: &'static str,
    /// All of it, in microseconds.
    pub duration_us: u64,
    /// Waiting for the upstream's head, in microseconds.
    pub upstream_us: u64,
    /// In hooks, in microseconds.
    pub plugins_us: u64,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the response's body.
    pub response_bytes: u64,
    /// Fields that plugins added.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags<'a>,
}

/// The fields that plugins added, as a JSON object; the last of a name wins.
#[derive(Debug)]
pub struct Tags<'a>(pub &'a [(Box<str>, Box<str>)]);

impl Tags<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Tags<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let last = self
            .0
            .iter()
            .enumerate()
            .filter(|(i, (key, _))| self.0.iter().skip(i + 1).all(|(later, _)| later != key));
        serializer.collect_map(last.map(|(_, (key, value))| (key, value)))
    }
}
