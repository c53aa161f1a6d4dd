//! Where the built things are: the gateway, and folders that tests share.

use std::path::{Path, PathBuf};

/// The built gateway: `SLUICE_BINARY`, or `sluice` beside the folder of the test executable.
///
/// # Panics
/// When it has not been built. A test that cannot run is a test that fails.
#[must_use]
pub fn gateway() -> PathBuf {
    let path = std::env::var_os("SLUICE_BINARY")
        .map(PathBuf::from)
        .unwrap_or_else(|| profile().join(format!("sluice{}", std::env::consts::EXE_SUFFIX)));
    assert!(
        path.is_file(),
        "no gateway at {}: build it first with `cargo build -p sluice` (`make test` does)",
        path.display()
    );
    path
}

/// A folder for what one test run shares with the next: compiled plugins.
#[must_use]
pub fn shared() -> PathBuf {
    profile()
        .parent()
        .expect("a target folder above the profile's")
        .join("blackbox")
}

/// The compile cache that all gateways of a test run share, so that each
/// component is compiled once.
#[must_use]
pub fn compile_cache() -> PathBuf {
    shared().join("compile-cache")
}

/// The folder of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a folder of the repository")
        .to_path_buf()
}

/// `target/debug` or `target/release`, whichever this executable is in.
fn profile() -> PathBuf {
    let me = std::env::current_exe().expect("the path of the test executable");
    me.parent()
        .and_then(Path::parent)
        .expect("test executables are in target/PROFILE/deps")
        .to_path_buf()
}
