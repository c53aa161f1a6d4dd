//! One process at a time writes what is kept in a folder.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Held until it is dropped, at the latest until the process ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// The lock of this name in a folder, which is made where it is missing;
    /// none while another process has it.
    ///
    /// # Errors
    /// Where the folder cannot be made, or the file in it.
    pub fn take(folder: &Path, name: &str) -> io::Result<Option<Self>> {
        fs::create_dir_all(folder)?;
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let file = options.open(folder.join(name))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Where the file system knows no locks, the operator keeps others out.
            Err(TryLockError::Error(why)) if why.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(why)) => return Err(why),
        }
        Ok(Some(Self { _file: file }))
    }
}
