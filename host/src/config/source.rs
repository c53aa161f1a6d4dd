//! Reading files, within bounds, and remembering which were asked for.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most that one TOML file may have, in bytes.
pub(super) const LARGEST_TOML: u64 = 64 << 20;

/// The most that a certificate, a key or the file of a placeholder may have, in bytes.
pub(super) const LARGEST_VALUE: u64 = 1 << 20;

/// The most TOML files of one configuration.
pub(super) const MOST_FILES: usize = 4096;

/// One TOML file, or a text in its place.
#[derive(Debug)]
pub(super) struct Source {
    /// As the operator named it.
    pub(super) path: PathBuf,
    /// What its relative paths start from.
    pub(super) folder: PathBuf,
}

/// The TOML files, and every file and folder that a reload has to watch.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) sources: Vec<Source>,
    watched: Vec<PathBuf>,
}

impl Files {
    /// The bytes of a regular file: opening anything else may block for ever.
    /// Watched also where it cannot be read, since it may come.
    pub(super) fn bytes(&mut self, path: &Path, most: u64) -> Result<Vec<u8>, String> {
        self.watch(path);
        let metadata = path.metadata().map_err(cannot)?;
        if !metadata.is_file() {
            return Err("is not a regular file".to_owned());
        }
        read(path, most)
    }

    /// Like [`Files::bytes`], for UTF-8.
    pub(super) fn text(&mut self, path: &Path, most: u64) -> Result<String, String> {
        utf8(self.bytes(path, most)?)
    }

    /// The text of the file that somebody named on the command line: it may be a pipe.
    pub(super) fn named_text(&mut self, path: &Path, most: u64) -> Result<String, String> {
        self.watch(path);
        utf8(read(path, most)?)
    }

    /// Remembers a file or a folder.
    pub(super) fn watch(&mut self, path: &Path) {
        let path: PathBuf = path.components().collect();
        let here = path.as_os_str().is_empty();
        self.watched
            .push(if here { PathBuf::from(".") } else { path });
    }

    /// A path relative to the file that says it.
    pub(super) fn resolve(&self, source: usize, path: &str) -> PathBuf {
        match self.sources.get(source) {
            Some(source) => source.folder.join(path),
            None => PathBuf::from(path),
        }
    }

    /// All that is to be watched, sorted, each once.
    pub(super) fn into_watched(self) -> Vec<PathBuf> {
        let mut watched = self.watched;
        watched.sort();
        watched.dedup();
        watched
    }
}

fn cannot(error: std::io::Error) -> String {
    format!("cannot be read: {error}")
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    let mut bounded = file.take(most + 1);
    bounded.read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > most {
        let most = super::show_size(most);
        return Err(format!("is too large: more than {most}"));
    }
    Ok(bytes)
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}

/// Every `*.toml` of a folder, sorted; hidden ones are passed over, as shells do.
pub(super) fn folder(path: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        let hidden = file
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && file.extension().is_some_and(|e| e == "toml") && file.is_file() {
            found.push(file);
        }
        if found.len() > MOST_FILES {
            return Err(format!("more than {MOST_FILES} files"));
        }
    }
    found.sort();
    Ok(found)
}

/// The files that a pattern of `include` stands for, sorted, and the folder
/// in which new ones would appear.
pub(super) fn include(base: &Path, pattern: &str) -> Result<(Vec<PathBuf>, PathBuf), String> {
    if pattern.contains("**") {
        return Err("`**` is not allowed: name the folders".to_owned());
    }
    let Some(first) = pattern.find(['*', '?', '[']) else {
        let file = base.join(pattern);
        let parent = file.parent().unwrap_or(base).to_owned();
        return Ok((vec![file], parent));
    };
    let (fixed, _) = pattern.split_at(first);
    let start = base.join(fixed.rfind('/').map_or("", |slash| fixed.split_at(slash).0));
    let Some(base) = base.to_str() else {
        return Err("the folder's name is not UTF-8".to_owned());
    };
    let whole = Path::new(&glob::Pattern::escape(base)).join(pattern);
    let options = glob::MatchOptions {
        require_literal_separator: true,
        require_literal_leading_dot: true,
        ..glob::MatchOptions::default()
    };
    let paths = glob::glob_with(&whole.to_string_lossy(), options)
        .map_err(|error| format!("not a pattern of file names: {}", error.msg))?;
    let mut found = Vec::new();
    for path in paths {
        found.push(path.map_err(|error| format!("cannot be searched: {}", error.error()))?);
        if found.len() > MOST_FILES {
            return Err(format!("stands for more than {MOST_FILES} files"));
        }
    }
    found.sort();
    Ok((found, start))
}
