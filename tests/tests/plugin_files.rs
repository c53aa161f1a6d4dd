//! Plugin files that are not what they should be: refused before they touch traffic.

use std::path::Path;

use sluice_tests::client::get;
use sluice_tests::command::{refused_run, sluice};
use sluice_tests::config::{plugin, route, upstream};
use sluice_tests::{Gateway, Settings, Upstream, keys, plugins};

/// A configuration with one plugin `p` from `p.wasm`.
fn settings(to: std::net::SocketAddr, lines: &str) -> Settings {
    Settings::new(
        upstream("up", &[to])
            + &plugin("p", Path::new("p.wasm"), lines)
            + &route("all", "/*", &["p"], "up"),
    )
}

/// What is wrong, the bytes of the file (none: no file), more lines, what must be said.
fn bad_files() -> Vec<(&'static str, Option<Vec<u8>>, String, &'static str)> {
    let good = std::fs::read(plugins::file("stamp_v1")).expect("a plugin");
    let needs = std::fs::read(plugins::file("needs_consumers")).expect("a plugin");
    let socket = std::fs::read(plugins::wasi_file("wasi_socket")).expect("a plugin");
    let other_world = plugins::component(
        "(component (import \"acme:other/thing@1.0.0\" (instance (export \"f\" (func)))))",
    );
    let no_hooks = plugins::component("(component)");
    let core = plugins::component("(module (func (export \"f\")))");
    let digest = format!("sha256 = \"{}\"", keys::sha256(b"another file"));
    vec![
        ("no file", None, String::new(), "p.wasm"),
        ("an empty file", Some(Vec::new()), String::new(), "empty"),
        (
            "a truncated file",
            Some(good[..good.len() / 2].to_vec()),
            String::new(),
            "plugins.p.source",
        ),
        (
            "a text",
            Some(b"not a component at all".to_vec()),
            String::new(),
            "component",
        ),
        (
            "a core module that is no component",
            Some(core),
            String::new(),
            "component",
        ),
        (
            "a component of another world",
            Some(other_world),
            String::new(),
            "acme:other/thing",
        ),
        (
            "a component without hooks",
            Some(no_hooks),
            String::new(),
            "lifecycle",
        ),
        (
            "an import that is not granted",
            Some(needs),
            String::new(),
            "consumers",
        ),
        (
            "a socket, which nobody is granted",
            Some(socket),
            "config = { address = \"127.0.0.1:1\" }".into(),
            "wasi:sockets",
        ),
        ("another digest", Some(good.clone()), digest, "sha256"),
        (
            "a configuration that is refused",
            Some(good),
            "config = { heder = \"x\" }".into(),
            "heder",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn check_and_run_refuse_a_bad_plugin_file_and_say_which_and_why() {
    for (what, bytes, lines, says) in bad_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let to = sluice_tests::upstream::nobody();
        std::fs::write(
            folder.path().join("sluice.toml"),
            settings(to, &lines).toml(),
        )
        .expect("a file");
        if let Some(bytes) = bytes {
            std::fs::write(folder.path().join("p.wasm"), bytes).expect("a file");
        }
        let check = sluice(folder.path(), ["check", "sluice.toml"]);
        assert_eq!(check.code, Some(1), "{what}: {check:?}");
        assert!(
            check.stderr.contains("plugins.p"),
            "{what}: {}",
            check.stderr
        );
        assert!(
            check.stderr.contains("sluice.toml:"),
            "{what}: {}",
            check.stderr
        );
        assert!(
            check.stderr.contains(says),
            "{what}: {says} is not in {}",
            check.stderr
        );
        let run = refused_run(folder.path(), "sluice.toml").await;
        assert_ne!(run.code, Some(0), "{what}");
        assert!(run.stderr.contains("plugins.p"), "{what}: {}", run.stderr);
        assert!(
            run.stderr.contains(says),
            "{what}: {says} is not in {}",
            run.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gateway_goes_on_with_the_plugin_that_it_has() {
    let target = Upstream::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let good = std::fs::read(plugins::file("stamp_v1")).expect("a plugin");
    std::fs::write(folder.path().join("p.wasm"), &good).expect("a file");
    let settings_with = |lines: &str| settings(target.address(), lines);
    std::fs::write(folder.path().join("sluice.toml"), settings_with("").toml()).expect("a file");
    let gateway = Gateway::start_in(folder, "sluice.toml").await;
    let generation = gateway.generation().await;
    for (what, bytes, lines, says) in bad_files() {
        let file = gateway.folder().join("p.wasm");
        match bytes {
            Some(bytes) => std::fs::write(&file, bytes).expect("a file"),
            None => std::fs::remove_file(&file).expect("a file"),
        }
        gateway.write(&settings_with(&lines));
        let reload = gateway.reload().await;
        assert_eq!(reload.outcome, "rejected", "{what}: {reload:?}");
        let said = serde_json::to_string(&reload.problems).expect("JSON");
        assert!(
            said.contains("plugins.p") && said.contains(says),
            "{what}: {said}"
        );
        assert_eq!(gateway.generation().await, generation, "{what}");
        let seen = gateway.client().await.fetch(get("/")).await.seen();
        assert_eq!(seen.header("x-stamp"), Some("v1"), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_lets_a_plugin_read_the_credentials() {
    let target = Upstream::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(
        plugins::file("needs_consumers"),
        folder.path().join("p.wasm"),
    )
    .expect("a file");
    let text = settings(target.address(), "grants = { consumers = true }").toml()
        + &keys::consumer("acme", "k_0123456789abcdef");
    std::fs::write(folder.path().join("sluice.toml"), text).expect("a file");
    let gateway = Gateway::start_in(folder, "sluice.toml").await;
    assert_eq!(
        gateway.get("/").await.seen().header("x-credentials"),
        Some("1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_that_fits_is_accepted() {
    let target = Upstream::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let good = std::fs::read(plugins::file("stamp_v1")).expect("a plugin");
    std::fs::write(folder.path().join("p.wasm"), &good).expect("a file");
    let lines = format!("sha256 = \"{}\"", keys::sha256(&good));
    std::fs::write(
        folder.path().join("sluice.toml"),
        settings(target.address(), &lines).toml(),
    )
    .expect("a file");
    let gateway = Gateway::start_in(folder, "sluice.toml").await;
    assert_eq!(gateway.get("/").await.seen().header("x-stamp"), Some("v1"));
}
