//! What a plugin is as a component: it exports the hooks that were written, and
//! imports what they use.

use std::path::{Path, PathBuf};
use std::process::Command;

use wit_component::{ComponentEncoder, DecodedWasm};

const IMPORTS: [&str; 3] = ["request", "request-edit", "types"];
const EXPORTS: [&str; 2] = ["lifecycle", "on-request"];

/// Builds `examples/stamp` with a cargo of its own.
fn build(target: &str) -> Vec<u8> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/stamp");
    // One folder for each target: the tests run at once, and cargo locks its folder.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(target);
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--release", "--lib", "--target", target])
        .arg("--manifest-path")
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if (text.starts_with("CARGO_") && text != "CARGO_HOME") || text == "RUSTFLAGS" {
            cargo.env_remove(&name);
        }
    }
    let built = cargo.output().expect("cargo runs");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{errors}");
    std::fs::read(folder.join(target).join("release/stamp.wasm")).expect("a module")
}

/// The interfaces that a component imports and exports.
fn interfaces(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let decoded = wit_component::decode(component).expect("a component");
    let DecodedWasm::Component(resolve, world) = decoded else {
        panic!("a package, not a component");
    };
    let world = &resolve.worlds[world];
    let names = |items: Vec<_>| -> Vec<String> {
        let items = items.into_iter();
        items.map(|key| resolve.name_world_key(key)).collect()
    };
    (
        names(world.imports.keys().collect()),
        names(world.exports.keys().collect()),
    )
}

/// The interfaces of the contract, of any version, in alphabetical order.
fn ours(names: &[String]) -> Vec<&str> {
    let names = names.iter();
    let mut names: Vec<_> = names
        .filter_map(|name| name.strip_prefix("sluice:plugin/"))
        .filter_map(|name| name.split('@').next())
        .collect();
    names.sort();
    names
}

#[test]
fn without_wasi_a_plugin_imports_what_it_uses_and_exports_the_hooks_it_has() {
    let module = build("wasm32-unknown-unknown");
    let mut encoder = ComponentEncoder::default();
    encoder
        .validate(true)
        .module(&module)
        .expect("the module carries its type");
    let component = encoder.encode().expect("a component");
    let (imports, exports) = interfaces(&component);
    assert_eq!(ours(&imports), IMPORTS);
    assert_eq!(imports.len(), IMPORTS.len(), "{imports:?}");
    assert_eq!(ours(&exports), EXPORTS);
    assert_eq!(exports.len(), EXPORTS.len(), "{exports:?}");
    assert!(component.len() < 128 * 1024, "{} bytes", component.len());
}

#[test]
fn with_wasi_the_same_plugin_is_a_component_as_it_is_built() {
    let (imports, exports) = interfaces(&build("wasm32-wasip2"));
    assert_eq!(ours(&imports), IMPORTS);
    assert_eq!(ours(&exports), EXPORTS);
    assert_eq!(exports.len(), EXPORTS.len(), "{exports:?}");
}
