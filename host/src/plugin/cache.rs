//! Compiled components on disk, so that a start compiles nothing twice.
//!
//! A file is named after the component's digest and the engine's settings. It
//! holds a mark, a checksum and the engine's own serialised form, and is
//! written whole: under another name first, then renamed.
#![allow(unsafe_code)]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::Digest;

/// The first bytes of a file: what is compiled, and how it is laid out.
const MARK: &[u8; 8] = b"sluice\x002";
/// Bytes before the serialised component: the mark and the checksum.
const HEAD: usize = MARK.len() + 32;
/// Bytes of all files together. The ones that were not used for longest go first.
const MAX_TOTAL: u64 = 512 << 20;

/// A folder of compiled components, of one user and for one engine.
pub(super) struct Cache {
    folder: PathBuf,
    engine: String,
}

impl Cache {
    /// Makes the folder where it does not exist. It must belong to this user,
    /// and nobody else may write to it: what is in it is run.
    pub(super) fn open(folder: &Path, engine: &Engine) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let meta = fs::metadata(folder)?;
        if !meta.is_dir() || meta.uid() != user() || meta.mode() & 0o022 != 0 {
            return Err(io::Error::other(
                "it must be a folder of this user that nobody else can write to (mode 0700)",
            ));
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            folder: folder.to_owned(),
            engine: format!("{:016x}", hasher.finish()),
        })
    }

    /// The compiled form of a component, if it is here and whole.
    pub(super) fn get(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(digest);
        let mut file = File::open(&path).ok()?;
        let meta = file.metadata().ok()?;
        if !meta.is_file() || meta.uid() != user() || meta.len() > MAX_TOTAL {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).ok()?);
        file.read_to_end(&mut bytes).ok()?;
        let component = verify(&bytes, digest).and_then(|code| {
            // SAFETY: deserialising is unsafe because the bytes hold machine
            // code that will be run as it is. These bytes were written by
            // `put`, from the output of the same version of the engine with the
            // same settings: its hash is in the file's name, and the engine
            // compares it again. The checksum, of the very bytes in memory that
            // are used here, rules out a file that is cut, altered by accident
            // or of another component. The folder and the file belong to this
            // user and can be written by nobody else, as `open` checks; who can
            // act as this user can replace the gateway itself.
            unsafe { Component::deserialize(engine, code) }.ok()
        });
        match component {
            // What was used last is thrown away last.
            Some(_) => drop(file.set_modified(SystemTime::now())),
            None => drop(fs::remove_file(&path)),
        }
        component
    }

    /// Keeps the compiled form of a component.
    pub(super) fn put(&self, digest: Digest, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(io::Error::other)?;
        let path = self.path(digest);
        let unique = getrandom::u64().map_err(io::Error::other)?;
        let draft = self.folder.join(format!("{digest}-{unique:016x}.new"));
        let written =
            write(&draft, &checksum(digest, &code), &code).and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written?;
        self.trim(MAX_TOTAL)
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{digest}-{}.cwasm", self.engine))
    }

    /// Deletes the files that were used least recently, until `max` bytes are left.
    fn trim(&self, max: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let ours = matches!(entry.path().extension(), Some(e) if e == "cwasm" || e == "new");
            // Another process may have deleted it.
            if let Ok(meta) = entry.metadata()
                && ours
                && meta.is_file()
            {
                files.push((meta.modified()?, meta.len(), entry.path()));
            }
        }
        files.sort_unstable();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total <= max {
                break;
            }
            let _ = fs::remove_file(path);
            total -= size;
        }
        Ok(())
    }
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn write(path: &Path, checksum: &[u8; 32], code: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(MARK)?;
    file.write_all(checksum)?;
    file.write_all(code)?;
    file.sync_data()
}

/// Of the component's digest and its code, so that no file can pass for another.
fn checksum(digest: Digest, code: &[u8]) -> [u8; 32] {
    let hasher = Sha256::new().chain_update(digest.0);
    hasher.chain_update(code).finalize().into()
}

/// The code in a file that is whole.
fn verify(bytes: &[u8], digest: Digest) -> Option<&[u8]> {
    let (head, code) = bytes.split_at_checked(HEAD)?;
    let sum = head.strip_prefix(MARK)?;
    (sum == checksum(digest, code)).then_some(code)
}
