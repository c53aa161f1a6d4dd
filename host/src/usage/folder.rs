//! The days on disk: a file each, `usage-2026-11-21.json`, replaced whole.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Day;
use super::rows::{Rows, Sums};
use crate::config::model::Name;
use crate::folder_lock::FolderLock;

const VERSION: u32 = 1;
/// In bytes; a day at its bound of rows is well below.
const LARGEST: u64 = 256 << 20;
/// One process at a time writes a folder's days.
const LOCK: &str = "usage.lock";

/// A folder of days.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: Option<FolderLock>,
}

/// Why a day cannot be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// It is not what was written.
    Corrupt(String),
    /// The system says no.
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(why) => write!(f, "is not a day of usage: {why}"),
            Self::Io(why) => write!(f, "cannot be read: {why}"),
        }
    }
}

/// The content of a file.
#[derive(Deserialize)]
struct Stored {
    version: u32,
    date: String,
    rows: Vec<StoredRow<String>>,
}

#[derive(Serialize, Deserialize)]
struct StoredRow<N> {
    consumer: N,
    route: N,
    #[serde(flatten)]
    sums: Sums,
}

impl Folder {
    /// Nothing is touched yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, lock: None }
    }

    /// The same folder, for reading.
    pub(super) fn reader(&self) -> Self {
        Self::new(self.path.clone())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this process may write the days; once it may, it may until it
    /// ends. Makes the folder where it is missing.
    pub(super) fn hold(&mut self) -> io::Result<bool> {
        if self.lock.is_some() {
            return Ok(true);
        }
        self.lock = FolderLock::take(&self.path, LOCK)?;
        Ok(self.lock.is_some())
    }

    /// The file of a day.
    pub(super) fn file(&self, day: Day) -> PathBuf {
        self.path.join(format!("usage-{day}.json"))
    }

    /// The days that have a file, the earliest first.
    pub(super) fn days(&self) -> io::Result<Vec<Day>> {
        let mut days = Vec::new();
        let entries = match fs::read_dir(&self.path) {
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(days),
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name();
            let name = name.to_str().and_then(|n| n.strip_prefix("usage-"));
            let day = name.and_then(|n| n.strip_suffix(".json"));
            days.extend(day.and_then(|day| day.parse::<Day>().ok()));
        }
        days.sort_unstable();
        Ok(days)
    }

    /// What was saved of a day; none where nothing was.
    pub(super) fn read(&self, day: Day, most: usize) -> Result<Option<Rows>, ReadError> {
        let file = match File::open(self.file(day)) {
            Ok(file) => file,
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(ReadError::Io(why)),
        };
        let mut text = Vec::new();
        let read = file.take(LARGEST + 1).read_to_end(&mut text);
        read.map_err(ReadError::Io)?;
        if text.len() as u64 > LARGEST {
            return Err(ReadError::Corrupt(format!("larger than {LARGEST} bytes")));
        }
        let stored: Stored =
            serde_json::from_slice(&text).map_err(|why| ReadError::Corrupt(why.to_string()))?;
        if stored.version != VERSION {
            let why = format!("found version {}, expected {VERSION}", stored.version);
            return Err(ReadError::Corrupt(why));
        }
        if stored.date != day.to_string() {
            let why = format!("it is of {:?}", stored.date);
            return Err(ReadError::Corrupt(why));
        }
        let mut rows = Rows::new(most);
        for row in stored.rows {
            let (consumer, route) = (Name::from(row.consumer), Name::from(row.route));
            rows.add(Some(&consumer), Some(&route), &row.sums);
        }
        Ok(Some(rows))
    }

    /// Replaces a day. After a crash, either the old or the new one is there.
    pub(super) fn write(&self, day: Day, rows: &Rows) -> io::Result<()> {
        let draft = self.path.join(format!("usage-{day}.json.new"));
        let mut file = BufWriter::new(File::create(&draft)?);
        write!(
            file,
            "{{\"version\":{VERSION},\"date\":\"{day}\",\"rows\":["
        )?;
        for (n, (consumer, route, sums)) in rows.iter().enumerate() {
            file.write_all(if n == 0 { b"\n" } else { b",\n" })?;
            let row: StoredRow<&str> = StoredRow {
                consumer,
                route,
                sums: *sums,
            };
            serde_json::to_writer(&mut file, &row)?;
        }
        file.write_all(b"\n]}\n")?;
        file.into_inner()?.sync_all()?;
        fs::rename(&draft, self.file(day))?;
        // The new name is in the folder only when that is on disk too.
        File::open(&self.path)?.sync_all()
    }

    /// Gives a file that is corrupt another name, so that it is not overwritten.
    pub(super) fn set_aside(&self, day: Day, now: SystemTime) -> io::Result<PathBuf> {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let seconds = since.unwrap_or_default().as_secs();
        let aside = format!("usage-{day}.json.corrupt-{seconds}");
        let aside = self.path.join(aside);
        fs::rename(self.file(day), &aside)?;
        Ok(aside)
    }

    /// Removes a day.
    pub(super) fn remove(&self, day: Day) -> io::Result<()> {
        fs::remove_file(self.file(day))
    }
}
