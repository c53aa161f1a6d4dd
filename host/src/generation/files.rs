//! Whether files have changed, as cheaply as can be told.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What can be seen of a file from outside; symbolic links are followed, so a
/// link that points elsewhere is a change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The stamps of all files that a generation was made of. A file that is
/// missing has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stamps(BTreeMap<PathBuf, Option<Stamp>>);

impl Stamps {
    pub(super) fn of<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        Self(files.into_iter().map(|f| (f.clone(), stamp(f))).collect())
    }

    /// With the stamps that `before` has: what changed while files were read is seen later.
    pub(super) fn or_earlier(mut self, before: &Self) -> Self {
        for (file, stamp) in &mut self.0 {
            if let Some(earlier) = before.0.get(file) {
                stamp.clone_from(earlier);
            }
        }
        self
    }

    /// With the files of `before`, where this lacks them.
    pub(super) fn and(mut self, before: Self) -> Self {
        for (file, stamp) in before.0 {
            self.0.entry(file).or_insert(stamp);
        }
        self
    }

    /// The files again, as they are now.
    pub(super) fn again(&self) -> Self {
        Self::of(self.0.keys())
    }

    /// The folders that tell of changes: those of the files, and those that links point to.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let real = self.0.keys().filter_map(|f| f.canonicalize().ok());
        let mut folders: Vec<PathBuf> = self
            .0
            .keys()
            .cloned()
            .chain(real)
            .filter_map(|f| {
                let folder = if f.is_dir() { Some(&*f) } else { f.parent() };
                folder.map(|f| {
                    if f == Path::new("") {
                        PathBuf::from(".")
                    } else {
                        f.to_owned()
                    }
                })
            })
            .collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let meta = file.metadata().ok()?;
    Some(Stamp {
        inode: meta.ino(),
        size: meta.size(),
        modified: (meta.mtime(), meta.mtime_nsec()),
        changed: (meta.ctime(), meta.ctime_nsec()),
    })
}
