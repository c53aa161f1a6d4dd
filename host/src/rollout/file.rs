//! The progress of rollouts on disk: one JSON file, replaced as a whole, by one
//! process at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::live::Rollout;
use super::plan::Plan;
use super::progress::Progress;
use crate::folder_lock::FolderLock;

const NAME: &str = "rollouts.json";
/// One process at a time writes the file.
const LOCK: &str = "rollouts.lock";
/// The form of the file. Another one is not read.
const VERSION: u32 = 1;
/// A larger file was not written here.
const MAX_BYTES: u64 = 16 << 20;

/// Where progress is kept.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    lock: OnceLock<FolderLock>,
}

/// Whether the file may be written.
pub(super) enum Hold {
    /// By this process.
    Ours,
    /// By this process from now on, once it [keeps](File::keep) the lock: what
    /// the file says by now comes first.
    New(FolderLock),
    /// By another process.
    Others,
}

/// Why the file is not read.
enum ReadError {
    /// It is not what was written.
    Corrupt(String),
    /// The system says no.
    Io(io::Error),
}

/// What is kept of one rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) plan: Plan,
    pub(super) progress: Progress,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    rollouts: BTreeMap<String, Saved>,
}

/// Why progress is not read or written, for the operator.
#[derive(Debug)]
pub struct Warning(String);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Warning {}

impl Saved {
    pub(super) fn of(rollout: &Rollout) -> Self {
        Self {
            plan: rollout.plan().clone(),
            progress: rollout.progress(),
        }
    }
}

impl File {
    /// The file in `folder`. Nothing is touched yet.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join(NAME),
            lock: OnceLock::new(),
        }
    }

    /// Whether the file may be written now.
    ///
    /// # Errors
    /// Where the folder cannot be made or locked.
    pub(super) fn hold(&self) -> Result<Hold, Warning> {
        if self.lock.get().is_some() {
            return Ok(Hold::Ours);
        }
        match FolderLock::take(self.folder(), LOCK) {
            Ok(Some(lock)) => Ok(Hold::New(lock)),
            Ok(None) => Ok(Hold::Others),
            Err(why) => Err(self.unwritable(&why)),
        }
    }

    /// This process writes the file, until it ends.
    pub(super) fn keep(&self, lock: FolderLock) {
        // Whoever has it already keeps it.
        let _ = self.lock.set(lock);
    }

    /// What the file says, at most `bound` rollouts. What was not written here is
    /// moved aside by whoever `may` write.
    ///
    /// # Errors
    /// Where the system does not let it be read: it may be good, and stays.
    pub(super) fn load(
        &self,
        bound: usize,
        may: bool,
    ) -> Result<(BTreeMap<String, Saved>, Option<Warning>), Warning> {
        match self.read() {
            Ok(saved) => Ok((saved.into_iter().take(bound).collect(), None)),
            Err(ReadError::Corrupt(why)) if may => {
                Ok((BTreeMap::new(), Some(self.set_aside(&why))))
            }
            Err(ReadError::Corrupt(why)) => Ok((BTreeMap::new(), Some(self.unreadable(&why)))),
            Err(ReadError::Io(why)) => Err(self.unreadable(&why)),
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    fn read(&self) -> Result<BTreeMap<String, Saved>, ReadError> {
        let file = match fs::File::open(&self.path) {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(why) => return Err(ReadError::Io(why)),
        };
        let mut text = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(ReadError::Io)?;
        parse(&text).map_err(ReadError::Corrupt)
    }

    /// Moves a file that cannot be read out of the way.
    fn set_aside(&self, why: &str) -> Warning {
        let aside = self.path.with_extension("json.unreadable");
        let shown = self.path.display();
        Warning(match fs::rename(&self.path, &aside) {
            Ok(()) => format!(
                "{shown} cannot be read: {why}; it is now {}, and rollouts begin anew",
                aside.display()
            ),
            Err(_) => format!("{shown} cannot be read: {why}; rollouts begin anew"),
        })
    }

    fn unreadable(&self, why: &dyn fmt::Display) -> Warning {
        Warning(format!("{} cannot be read: {why}", self.path.display()))
    }

    fn unwritable(&self, why: &dyn fmt::Display) -> Warning {
        Warning(format!("{} cannot be written: {why}", self.path.display()))
    }

    /// Why nothing is written while another process does.
    pub(super) fn others(&self) -> Warning {
        self.unwritable(&"another process writes it; it is tried again")
    }

    /// Replaces the file: after a crash there is the old one or the new one.
    pub(super) fn write(&self, saved: &BTreeMap<String, Saved>) -> Result<(), Warning> {
        self.replace(saved).map_err(|why| self.unwritable(&why))
    }

    fn replace(&self, saved: &BTreeMap<String, Saved>) -> io::Result<()> {
        let content = Content {
            version: VERSION,
            rollouts: saved.clone(),
        };
        let mut text = serde_json::to_vec_pretty(&content)?;
        text.push(b'\n');
        let folder = self.folder();
        fs::create_dir_all(folder)?;
        let temporary = self.path.with_extension("json.new");
        let mut file = fs::File::create(&temporary)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        // The name is in the folder: it must be on disk, too.
        fs::File::open(folder)?.sync_all()
    }
}

/// Reads what was written here.
fn parse(text: &[u8]) -> Result<BTreeMap<String, Saved>, String> {
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    let content: Content = serde_json::from_slice(text).map_err(|why| why.to_string())?;
    if content.version != VERSION {
        return Err(format!(
            "it has version {}, expected {VERSION}",
            content.version
        ));
    }
    for (name, saved) in &content.rollouts {
        saved.check().map_err(|why| format!("`{name}`: {why}"))?;
    }
    Ok(content.rollouts)
}

impl Saved {
    fn check(&self) -> Result<(), String> {
        self.plan.check()?;
        let steps = self.plan.steps.len();
        if self.progress.step > steps {
            return Err(format!("step {} of {steps}", self.progress.step + 1));
        }
        Ok(())
    }
}
