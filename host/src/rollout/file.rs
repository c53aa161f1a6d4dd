//! The progress of rollouts on disk: one JSON file, replaced as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::live::Rollout;
use super::plan::Plan;
use super::progress::Progress;

const NAME: &str = "rollouts.json";
/// The form of the file. Another one is not read.
const VERSION: u32 = 1;
/// A larger file was not written here.
const MAX_BYTES: u64 = 16 << 20;

/// Where progress is kept.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
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
    /// The file in `folder`, and what it says, at most `bound` rollouts.
    pub(super) fn open(
        folder: &Path,
        bound: usize,
    ) -> (Self, BTreeMap<String, Saved>, Option<Warning>) {
        let file = Self {
            path: folder.join(NAME),
        };
        let (saved, warning) = match file.read() {
            Ok(saved) => (saved, None),
            Err(why) => (BTreeMap::new(), Some(file.set_aside(&why))),
        };
        (file, saved.into_iter().take(bound).collect(), warning)
    }

    fn read(&self) -> Result<BTreeMap<String, Saved>, String> {
        let file = match fs::File::open(&self.path) {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(why) => return Err(why.to_string()),
        };
        let mut text = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(|why| why.to_string())?;
        if text.len() as u64 > MAX_BYTES {
            return Err(format!("it has more than {MAX_BYTES} bytes"));
        }
        let content: Content = serde_json::from_slice(&text).map_err(|why| why.to_string())?;
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

    /// Replaces the file: after a crash there is the old one or the new one.
    pub(super) fn write(&self, saved: &BTreeMap<String, Saved>) -> Result<(), Warning> {
        self.replace(saved).map_err(|why| {
            let shown = self.path.display();
            Warning(format!("{shown} cannot be written: {why}"))
        })
    }

    fn replace(&self, saved: &BTreeMap<String, Saved>) -> io::Result<()> {
        let content = Content {
            version: VERSION,
            rollouts: saved.clone(),
        };
        let mut text = serde_json::to_vec_pretty(&content)?;
        text.push(b'\n');
        let folder = self.path.parent().unwrap_or(Path::new("."));
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
