//! What makes a running gateway read its configuration again.

use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::process::Signal;
use sluice_tests::client::get;
use sluice_tests::config::{plain, plugin, route, upstream};
use sluice_tests::{Gateway, Settings, Upstream, plugins, wait};

/// Waits until another upstream answers.
async fn answers(gateway: &Gateway, name: &str) {
    let mut client = gateway.client().await;
    wait::until(&format!("an answer from {name}"), async || {
        (client.fetch(get("/")).await.header("x-upstream") == name).then_some(())
    })
    .await;
}

/// Waits until the plugin stamps with this version.
async fn stamps(gateway: &Gateway, version: &str) {
    let mut client = gateway.client().await;
    wait::until(&format!("the stamp {version}"), async || {
        (client.fetch(get("/")).await.header("x-stamp") == version).then_some(())
    })
    .await;
}

fn stamped(to: &Upstream) -> Settings {
    Settings::new(
        upstream("up", &[to.address()])
            + &plugin("stamp", Path::new("stamp.wasm"), "")
            + &route("all", "/*", &["stamp"], "up"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_edited_in_place_is_read_again() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let gateway = Gateway::start(&plain(a.address()).watching()).await;
    answers(&gateway, "a").await;
    for (name, target) in [("b", &b), ("a", &a), ("b", &b)] {
        gateway.write(&plain(target.address()).watching());
        answers(&gateway, name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_by_rename_is_read_again() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let gateway = Gateway::start(&plain(a.address()).watching()).await;
    for (name, target) in [("b", &b), ("a", &a), ("b", &b)] {
        let new = gateway.folder().join("sluice.toml.new");
        std::fs::write(&new, plain(target.address()).watching().toml()).expect("a file");
        std::fs::rename(&new, gateway.config()).expect("a rename");
        answers(&gateway, name).await;
    }
}

/// The way of mounted configuration: `sluice.toml -> ..data/sluice.toml`,
/// `..data -> ..N`, and a new `..data` by rename.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_behind_swapped_symlinks_is_read_again() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_path_buf();
    let mount = |number: u32, target: &Upstream| {
        let data = root.join(format!("..{number}"));
        std::fs::create_dir(&data).expect("a folder");
        let text = plain(target.address()).watching().toml();
        std::fs::write(data.join("sluice.toml"), text).expect("a file");
        let link = root.join("..data_tmp");
        symlink(format!("..{number}"), &link).expect("a symlink");
        std::fs::rename(&link, root.join("..data")).expect("a rename");
        if let Some(old) = number.checked_sub(1) {
            let _ = std::fs::remove_dir_all(root.join(format!("..{old}")));
        }
    };
    mount(1, &a);
    symlink("..data/sluice.toml", root.join("sluice.toml")).expect("a symlink");
    let gateway = Gateway::start_in(folder, "sluice.toml").await;
    answers(&gateway, "a").await;
    mount(2, &b);
    answers(&gateway, "b").await;
    mount(3, &a);
    answers(&gateway, "a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn included_files_and_new_ones_are_read_again() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("routes")).expect("a folder");
    let main = Settings::new(upstream("a", &[a.address()]) + &upstream("b", &[b.address()]));
    let text = format!("include = [\"routes/*.toml\"]\n{}", main.watching().toml());
    std::fs::write(folder.path().join("sluice.toml"), text).expect("a file");
    let to_a = folder.path().join("routes/all.toml");
    std::fs::write(&to_a, route("all", "/*", &[], "a")).expect("a file");
    let gateway = Gateway::start_in(folder, "sluice.toml").await;
    answers(&gateway, "a").await;
    let root = gateway.folder().join("routes/root.toml");
    std::fs::write(&root, route("root", "/", &[], "b")).expect("a file");
    answers(&gateway, "b").await;
    std::fs::remove_file(&root).expect("a file");
    answers(&gateway, "a").await;
    std::fs::write(&to_a, route("all", "/*", &[], "b")).expect("a file");
    answers(&gateway, "b").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_replaced_is_swapped() {
    let target = Upstream::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let versions = ["stamp_v1", "stamp_v2"].map(plugins::file);
    std::fs::copy(&versions[0], folder.path().join("stamp.wasm")).expect("a plugin");
    let settings = stamped(&target).watching();
    std::fs::write(folder.path().join("sluice.toml"), settings.toml()).expect("a file");
    let gateway = Gateway::start_in(folder, "sluice.toml").await;
    stamps(&gateway, "v1").await;
    // In place.
    std::fs::copy(&versions[1], gateway.folder().join("stamp.wasm")).expect("a plugin");
    stamps(&gateway, "v2").await;
    // By rename.
    let new = gateway.folder().join("new.wasm");
    std::fs::copy(&versions[0], &new).expect("a plugin");
    std::fs::rename(&new, gateway.folder().join("stamp.wasm")).expect("a rename");
    stamps(&gateway, "v1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_file_with_a_mistake_changes_nothing() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let gateway = Gateway::start(&plain(a.address()).watching()).await;
    gateway.write_text(
        &plain(b.address())
            .watching()
            .toml()
            .replace("targets", "target"),
    );
    gateway
        .metric_reaches("sluice_reloads_total", &[("outcome", "rejected")], 1.0)
        .await;
    gateway.logs(&["upstreams.up.target"]).await;
    answers(&gateway, "a").await;
    gateway.write(&plain(b.address()).watching());
    answers(&gateway, "b").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_watching_only_those_who_ask_get_a_reload() {
    let (a, b) = (Upstream::named("a").await, Upstream::named("b").await);
    let gateway = Gateway::start(&plain(a.address())).await;
    gateway.write(&plain(b.address()));
    answers(&gateway, "a").await;
    gateway.signal(Signal::HUP);
    answers(&gateway, "b").await;
    gateway.write(&plain(a.address()));
    assert_eq!(gateway.reload().await.outcome, "applied");
    answers(&gateway, "a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_generations_can_be_rolled_back_to() {
    let upstreams = [
        Upstream::named("a").await,
        Upstream::named("b").await,
        Upstream::named("c").await,
    ];
    let [a, b, c] = &upstreams;
    let gateway = Gateway::start(&plain(a.address())).await;
    let first = gateway.generation().await;
    gateway.apply(&plain(b.address())).await;
    gateway.apply(&plain(c.address())).await;
    answers(&gateway, "c").await;
    assert_eq!(gateway.rollback(None).await.outcome, "applied");
    answers(&gateway, "b").await;
    assert_eq!(gateway.rollback(Some(first)).await.outcome, "applied");
    answers(&gateway, "a").await;
    let nowhere = gateway.rollback(Some(9999)).await;
    assert!(nowhere.status.is_client_error(), "{nowhere:?}");
    answers(&gateway, "a").await;
    // The file still says something else, and a reload brings it back.
    assert_eq!(gateway.reload().await.outcome, "applied");
    answers(&gateway, "c").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_brings_the_old_code_back_though_the_file_is_gone() {
    let target = Upstream::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(plugins::file("stamp_v1"), folder.path().join("stamp.wasm")).expect("a plugin");
    std::fs::write(folder.path().join("sluice.toml"), stamped(&target).toml()).expect("a file");
    let gateway = Gateway::start_in(folder, "sluice.toml").await;
    std::fs::copy(
        plugins::file("stamp_v2"),
        gateway.folder().join("stamp.wasm"),
    )
    .expect("a plugin");
    assert_eq!(gateway.reload().await.outcome, "applied");
    stamps(&gateway, "v2").await;
    assert_eq!(gateway.rollback(None).await.outcome, "applied");
    stamps(&gateway, "v1").await;
}
