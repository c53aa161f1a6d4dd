//! Start, stop, and what survives between them.

use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::process::Command;
use std::time::Instant;

use http::Method;
use http_body_util::BodyExt;
use rustix::fs::OFlags;
use rustix::process::Signal;
use sluice_tests::client::{Client, With, get};
use sluice_tests::config::{plain, plugin, route, upstream};
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::{Gateway, Settings, Upstream, plugins, wait};

fn stamped(to: &Upstream, cache: &std::path::Path) -> Settings {
    Settings::new(
        upstream("up", &[to.address()])
            + &plugin("stamp", &plugins::file("stamp_v1"), "")
            + "[plugins.auth]\nsource = \"builtin:key-auth\"\n"
            + &route("all", "/*", &["stamp"], "up"),
    )
    .compile_cache(Some(cache.to_path_buf()))
}

fn compiled(cache: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(cache).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_takes_compiled_plugins_from_the_cache() {
    let target = Upstream::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    let settings = stamped(&target, &cache);
    let begin = Instant::now();
    drop(Gateway::start(&settings).await);
    let cold = begin.elapsed();
    let files = compiled(&cache);
    assert!(files.len() >= 2, "{files:?}");
    // A file that is written anew is another file; its times may change when it is read.
    let identities = |files: &[std::path::PathBuf]| -> Vec<_> {
        files
            .iter()
            .map(|file| file.metadata().map(|meta| meta.ino()).ok())
            .collect()
    };
    let before = identities(&files);
    let begin = Instant::now();
    let gateway = Gateway::start(&settings).await;
    let warm = begin.elapsed();
    assert!(warm < cold, "{warm:?} with a cache, {cold:?} without");
    assert_eq!(gateway.get("/").await.header("x-stamp"), "v1");
    assert_eq!(identities(&files), before, "compiled again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_cache_is_not_trusted() {
    let target = Upstream::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    let settings = stamped(&target, &cache);
    drop(Gateway::start(&settings).await);
    for damage in [0, 1] {
        for file in compiled(&cache) {
            let mut bytes = std::fs::read(&file).expect("a file");
            match damage {
                0 => bytes.truncate(bytes.len() / 2),
                _ => {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 0xff;
                }
            }
            std::fs::write(&file, bytes).expect("a file");
        }
        let gateway = Gateway::start(&settings).await;
        assert_eq!(gateway.get("/").await.header("x-stamp"), "v1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_runs_without_a_cache() {
    let target = Upstream::start().await;
    let settings = stamped(&target, std::path::Path::new("unused")).compile_cache(None);
    let gateway = Gateway::start(&settings).await;
    assert_eq!(gateway.get("/").await.header("x-stamp"), "v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_told_to_stop_finishes_what_it_has_begun() {
    for signal in [Signal::TERM, Signal::INT] {
        let target = Upstream::start().await;
        let mut gateway = Gateway::start(&plain(target.address())).await;
        let clients = [
            gateway.client().await,
            Client::http2(gateway.address()).await,
        ];
        let mut downloads = Vec::new();
        for mut client in clients {
            let response = client
                .send(get("/download").with(BEHAVIOUR, "stream=20,50"))
                .await;
            downloads.push((client, response));
        }
        gateway.signal(signal);
        wait::until("a listener that is closed", async || {
            Client::try_http1(gateway.address()).await.err()
        })
        .await;
        for (_client, response) in downloads {
            let body = wait::within("the download", response.into_body().collect()).await;
            let body = body.expect("a whole download").to_bytes();
            assert!(body.ends_with(b"chunk 19\n"), "cut off: {body:?}");
        }
        let status = gateway.ended().await;
        assert!(status.success(), "{status}\n{}", gateway.log());
        assert_eq!(gateway.access_log().matches("/download").count(), 2);
    }
}

/// The configuration is a pipe into which nobody writes: a reload that has no end.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_takes_long_holds_up_neither_operators_nor_the_end() {
    let target = Upstream::start().await;
    let mut gateway = Gateway::start(&plain(target.address())).await;
    std::fs::remove_file(gateway.config()).expect("the configuration");
    let made = Command::new("mkfifo").arg(gateway.config()).status();
    assert!(made.expect("mkfifo").success());
    gateway.signal(Signal::HUP);
    let _pipe = wait::until("a reload that has begun", async || {
        let mut options = std::fs::OpenOptions::new();
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        // Nobody can open it for writing before somebody reads.
        options.write(true).custom_flags(flags);
        options.open(gateway.config()).ok()
    })
    .await;
    let shown = wait::within(
        "the generations",
        gateway.ask_admin(Method::GET, "/generations"),
    );
    assert_eq!(shown.await.status, 200);
    let metrics = wait::within("the metrics", gateway.metrics());
    assert_eq!(metrics.await.sum("sluice_generation", &[]), 1.0);
    gateway.signal(Signal::TERM);
    assert!(gateway.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_gateway_stops_at_once() {
    let target = Upstream::start().await;
    let mut gateway = Gateway::start(&plain(target.address())).await;
    let mut idle = gateway.client().await;
    assert_eq!(idle.fetch(get("/")).await.status, 200);
    let begin = Instant::now();
    gateway.signal(Signal::TERM);
    assert!(gateway.ended().await.success());
    // The drain of 30 s is for exchanges, not for idle connections.
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_has_an_end() {
    let target = Upstream::start().await;
    let settings = plain(target.address()).runtime("drain = \"500ms\"");
    let mut gateway = Gateway::start(&settings).await;
    let mut client = gateway.client().await;
    let response = client
        .send(get("/").with(BEHAVIOUR, "stream=100000,10"))
        .await;
    gateway.signal(Signal::TERM);
    gateway.ended().await;
    assert!(
        wait::within("the end", response.into_body().collect())
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pipe_does_not_stop_the_gateway() {
    let target = Upstream::start().await;
    let mut gateway = Gateway::start_unread(&plain(target.address())).await;
    let mut client = gateway.client().await;
    for _ in 0..2000 {
        assert_eq!(client.fetch(get("/")).await.status, 200);
    }
    gateway.signal(Signal::TERM);
    let status = gateway.ended().await;
    assert!(status.success(), "{status}");
}
