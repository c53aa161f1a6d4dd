//! The plugins of `tests/plugins`, compiled once for a run, and components that
//! no toolchain would make.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::paths;

/// The component or core module of a plugin of `tests/plugins`.
///
/// # Panics
/// When there is none of this name, or it does not compile.
#[must_use]
pub fn file(name: &str) -> PathBuf {
    built(&BUILT, name)
}

/// The same, built for `wasm32-wasip2`.
#[must_use]
pub fn wasi_file(name: &str) -> PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        build(
            "wasm32-wasip2",
            &["--example", "wasi", "--example", "wasi_socket"],
        )
    });
    built(&BUILT, name)
}

/// The core module of `examples/NAME`.
///
/// # Panics
/// When there is none of this name, or it does not compile.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    let folder = build_in(
        &format!("examples/{name}"),
        "wasm32-unknown-unknown",
        &["--lib"],
    );
    built(&folder, name)
}

/// A component in the text format, as bytes.
#[must_use]
pub fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a component in the text format")
}

static BUILT: LazyLock<PathBuf> =
    LazyLock::new(|| build("wasm32-unknown-unknown", &["--examples"]));

fn built(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(format!("{name}.wasm"));
    assert!(file.is_file(), "no such plugin: {}", file.display());
    file
}

fn build(target: &str, what: &[&str]) -> PathBuf {
    build_in("tests/plugins", target, what).join("examples")
}

/// Builds a package of the repository under a lock: each test executable is a
/// process of its own. The folder of what was built.
fn build_in(package: &str, target: &str, what: &[&str]) -> PathBuf {
    let folder = paths::shared().join("plugins");
    std::fs::create_dir_all(&folder).expect("a folder for compiled plugins");
    let lock = std::fs::File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--quiet", "--release", "--target", target])
        .args(what)
        .current_dir(paths::repository().join(package));
    unlike_tests(&mut cargo);
    let status = cargo
        .env("CARGO_TARGET_DIR", &folder)
        .status()
        .expect("cargo");
    assert!(status.success(), "{package} does not compile");
    folder.join(target).join("release")
}

/// What cargo set for the tests is not meant for another build. The folders of
/// cargo and rustup stay.
pub(crate) fn unlike_tests(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        let of_cargo = name_text.starts_with("CARGO") && name_text != "CARGO_HOME";
        if of_cargo || name_text.starts_with("RUSTC") || name_text == "RUSTFLAGS" {
            command.env_remove(&name);
        }
    }
}
