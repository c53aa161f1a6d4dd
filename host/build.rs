//! Builds the plugins that ship with the gateway into components, and lists
//! them in `$OUT_DIR/builtins.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use wit_component::ComponentEncoder;

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "plugin";

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let host = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = host.parent().ok_or("the host has no workspace")?;
    for input in ["plugins", "plugin-sdk", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }

    let mut builtins = String::from(
        "/// The components that ship with the gateway, by name.\n\
         pub static BUILTINS: &[(&str, &[u8])] = &[\n",
    );
    for name in names(&root.join("plugins"))? {
        let core = build(
            &root.join("plugins").join(&name),
            &out.join("plugins"),
            &name,
        )?;
        let component = encode(&fs::read(core)?).map_err(|e| format!("plugin {name}: {e:#}"))?;
        let file = out.join(format!("{name}.wasm"));
        fs::write(&file, component)?;
        builtins.push_str(&format!("    ({name:?}, include_bytes!({file:?})),\n"));
    }
    builtins.push_str("];\n");
    fs::write(out.join("builtins.rs"), builtins)?;
    Ok(())
}

/// The folders that hold a package, in a fixed order.
fn names(plugins: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(plugins)? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Builds one plugin with a cargo of its own; the path of the core module.
fn build(package: &Path, target: &Path, name: &str) -> Result<PathBuf, Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--lib", "--profile", PROFILE, "--target", TARGET])
        .arg("--manifest-path")
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target);
    // What is set for the host's own build does not fit the plugin's.
    for (variable, _) in env::vars_os() {
        if variable.to_str().is_some_and(is_of_this_build) {
            command.env_remove(variable);
        }
    }
    let built = command.output()?;
    if !built.status.success() {
        return Err(format!(
            "plugin {name} does not build for {TARGET}; where the target is missing: \
             rustup target add {TARGET}\n{}",
            String::from_utf8_lossy(&built.stderr)
        )
        .into());
    }
    let file = format!("{}.wasm", name.replace('-', "_"));
    Ok(target.join(TARGET).join(PROFILE).join(file))
}

/// Whether a variable speaks of the build that this script is a part of.
fn is_of_this_build(variable: &str) -> bool {
    match variable {
        "CARGO_HOME" | "CARGO_NET_OFFLINE" => false,
        "RUSTFLAGS" | "RUSTC" | "RUSTDOC" | "RUSTDOCFLAGS" | "TARGET" | "HOST" => true,
        "OPT_LEVEL" | "DEBUG" | "PROFILE" | "OUT_DIR" | "NUM_JOBS" => true,
        _ => {
            variable.starts_with("CARGO_") || variable.starts_with("RUSTC_") || variable == "CARGO"
        }
    }
}

/// The component of a core module that carries its type.
fn encode(core: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut encoder = ComponentEncoder::default();
    Ok(encoder.validate(true).module(core)?.encode()?)
}
