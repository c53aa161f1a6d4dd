//! Reloads while traffic goes on: not one request fails, nothing is cut, nothing leaks.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use sluice_tests::client::{Answer, With, get};
use sluice_tests::config::{plugin, route, upstream};
use sluice_tests::load::{Load, Protocol};
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::{Gateway, Settings, Upstream, config, keys, plugins, wait, websocket};

const KEY: &str = "k_0123456789abcdef0123456789abcdef";

/// Stamps from `stamp.wasm` and key-auth; `number` changes another upstream, and now and then this one.
fn settings(to: &Upstream, number: u64) -> Settings {
    Settings::new(
        upstream("up", &[to.address()])
            + &format!(
                "[upstreams.up.timeouts]\nresponse = \"{}s\"\n",
                60 + number / 20
            )
            + "[plugins.auth]\nsource = \"builtin:key-auth\"\n"
            + &plugin("stamp", &PathBuf::from("stamp.wasm"), "")
            + &route("all", "/*", &["auth", "stamp"], "up")
            + &format!("[upstreams.other-{number}]\ntargets = [\"127.0.0.1:9\"]\n")
            + &keys::consumer("acme", KEY),
    )
}

/// A folder with the configuration and version 1 of the stamp.
async fn gateway(to: &Upstream) -> Gateway {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(plugins::file("stamp_v1"), folder.path().join("stamp.wasm")).expect("a plugin");
    std::fs::write(folder.path().join("sluice.toml"), settings(to, 0).toml()).expect("a file");
    Gateway::start_in(folder, "sluice.toml").await
}

/// Authenticated, answered by the upstream, and stamped by one version in both directions.
fn whole(answer: &Answer) -> Result<(), String> {
    if answer.status != 200 {
        return Err(format!("{}: {}", answer.status, answer.text()));
    }
    let seen = answer.seen();
    let (there, back) = (seen.header("x-stamp"), answer.header("x-stamp"));
    if seen.header("x-consumer-id") != Some("acme") {
        return Err(format!("not authenticated: {}", answer.text()));
    }
    if there != Some(back) || !["v1", "v2"].contains(&back) {
        return Err(format!("stamped {there:?} and {back:?}"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_reloads_under_load_fail_no_request() {
    let target = Upstream::start().await;
    let gateway = gateway(&target).await;
    let protocols = [
        Protocol::Http1,
        Protocol::Http1,
        Protocol::Http1,
        Protocol::Http2,
        Protocol::Http2,
    ];
    let load = Load::start(
        gateway.address(),
        &protocols,
        || get("/loaded").with("x-api-key", KEY),
        whole,
    );
    load.goes_on_for(50).await;
    let first = gateway.generation().await;
    let versions = ["stamp_v2", "stamp_v1"].map(plugins::file);
    for number in 1..=200_u64 {
        // Every fourth reload brings other code.
        if number % 4 == 0 {
            let version = &versions[usize::try_from(number / 4 % 2).expect("0 or 1")];
            std::fs::copy(version, gateway.folder().join("stamp.wasm")).expect("a plugin");
        }
        let reload = gateway.apply(&settings(&target, number)).await;
        assert_eq!(reload.generation, first + number);
        load.goes_on_for(3).await;
    }
    load.goes_on_for(50).await;
    load.stop().await.assert_flawless();
    let metrics = gateway.metrics().await;
    assert_eq!(
        metrics.sum("sluice_reloads_total", &[("outcome", "applied")]),
        200.0
    );
    // The upstream itself changed ten times; otherwise its connections live on.
    assert!(
        target.connections() < 200,
        "{} connections",
        target.connections()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_reloads_leave_the_memory_flat() {
    let target = Upstream::start().await;
    let gateway = gateway(&target).await;
    let versions = ["stamp_v2", "stamp_v1"].map(plugins::file);
    let mut client = gateway.client().await;
    // The allocator keeps and returns memory as it likes: single readings differ by a fifth, and it settles late.
    let mut readings = Vec::new();
    for number in 1..=2000_u64 {
        if number % 10 == 0 {
            let version = &versions[usize::try_from(number / 10 % 2).expect("0 or 1")];
            std::fs::copy(version, gateway.folder().join("stamp.wasm")).expect("a plugin");
        }
        gateway.apply(&settings(&target, number)).await;
        let answer = client.fetch(get("/x").with("x-api-key", KEY)).await;
        assert_eq!(whole(&answer), Ok(()), "after {number} reloads");
        if number % 50 == 0 {
            readings.push(gateway.resident_kib());
        }
    }
    let quarter = readings.len() / 4;
    let early = readings[..quarter].iter().max().expect("readings");
    let late = readings[3 * quarter..].iter().min().expect("readings");
    assert!(
        late * 100 <= early * 125,
        "KiB after every 50 reloads: {readings:?}"
    );
}

/// Seconds of the long download: `SLUICE_TEST_DOWNLOAD_SECONDS`, 60 by default.
fn download_seconds() -> u64 {
    let seconds = std::env::var("SLUICE_TEST_DOWNLOAD_SECONDS").ok();
    seconds
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(60)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_and_a_long_download_survive_reloads() {
    let (target, echo) = (Upstream::start().await, websocket::Echo::start().await);
    let settings = |number: u64| {
        Settings::new(
            upstream("up", &[target.address()])
                + &upstream("echo", &[echo.address()])
                + &format!("[upstreams.up.timeouts]\nresponse = \"{}s\"\n", 60 + number)
                + &format!(
                    "[upstreams.echo.timeouts]\nresponse = \"{}s\"\n",
                    60 + number
                )
                + &plugin(
                    "stamp",
                    &plugins::file(["stamp_v1", "stamp_v2"][(number % 2) as usize]),
                    "",
                )
                + &route("socket", "/socket", &["stamp"], "echo")
                + &route("all", "/*", &["stamp"], "up"),
        )
    };
    let gateway = Gateway::start(&settings(0)).await;
    let mut socket = websocket::Socket::open(gateway.address(), "/socket").await;
    let seconds = download_seconds();
    let chunks = seconds * 10;
    let mut client = gateway.client().await;
    let asked = get("/download").with(BEHAVIOUR, &format!("stream={chunks},100"));
    let started = Instant::now();
    let response = client.send(asked).await;
    assert_eq!(response.headers()["x-stamp"], "v1");
    let mut download = response.into_body();
    let (mut received, mut reloads) = (String::new(), 0);
    while let Some(frame) = wait::within("more of the download", download.frame()).await {
        let frame = frame.expect("a download that goes on");
        received.push_str(&String::from_utf8_lossy(frame.data_ref().expect("data")));
        // A reload every two seconds, whatever pieces the body comes in.
        if started.elapsed() > Duration::from_secs(2) * (reloads + 1) {
            reloads += 1;
            gateway.apply(&settings(u64::from(reloads))).await;
            socket.round_trip(&format!("after {reloads} reloads")).await;
        }
    }
    let expected: String = (0..chunks)
        .map(|number| format!("chunk {number}\n"))
        .collect();
    assert_eq!(received, expected);
    assert!(
        u64::from(reloads) + 1 >= seconds / 2,
        "only {reloads} reloads"
    );
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_means_the_same_does_nothing() {
    let target = Upstream::start().await;
    let gateway = gateway(&target).await;
    let generation = gateway.generation().await;
    let text = settings(&target, 0).toml();
    let same = [
        text.clone(),
        format!("# a comment\n{text}\n\n"),
        text.replace("targets = [", "targets    =    [ ")
            .replace("60s", "1m"),
    ];
    for text in same {
        gateway.write_text(&text);
        let reload = gateway.reload().await;
        assert_eq!(
            (reload.outcome.as_str(), reload.status.as_u16()),
            ("unchanged", 200)
        );
        assert_eq!(reload.generation, generation);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_instances_that_did_not_change_live_on() {
    let target = Upstream::start().await;
    let base = config::plain(target.address());
    let gateway = Gateway::start(&base).await;
    let mut client = gateway.client().await;
    let first = client.fetch(get("/")).await.seen().0["connection"].clone();
    for number in 0..5 {
        let text = format!(
            "{}[upstreams.other-{number}]\ntargets = [\"127.0.0.1:9\"]\n",
            base.toml()
        );
        gateway.write_text(&text);
        assert_eq!(gateway.reload().await.outcome, "applied");
        let again = client.fetch(get("/")).await.seen().0["connection"].clone();
        assert_eq!(
            again, first,
            "the connection to the upstream was opened anew"
        );
    }
}
