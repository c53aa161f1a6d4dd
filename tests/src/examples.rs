//! The examples that are more than a crate, built by their own commands.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{paths, plugins};

/// The component of `examples/header-rule/LANGUAGE`, built into `folder`.
///
/// # Panics
/// When it does not build: its toolchain may be missing.
#[must_use]
pub fn header_rule(language: &str, folder: &Path) -> PathBuf {
    let component = folder.join(format!("{language}.wasm"));
    let repository = paths::repository();
    let script = repository.join(format!("examples/header-rule/{language}/build.sh"));
    let mut build = Command::new(script);
    plugins::unlike_tests(&mut build);
    let tools = repository.join("target/tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(tools).chain(std::env::split_paths(&path));
    let built = build
        .env("PATH", std::env::join_paths(path).expect("a PATH"))
        .arg(&component)
        .output()
        .expect("bash");
    assert!(
        built.status.success(),
        "the {language} example does not build; `make tools` installs what it is built with\n{}{}",
        String::from_utf8_lossy(&built.stdout),
        String::from_utf8_lossy(&built.stderr),
    );
    component
}
