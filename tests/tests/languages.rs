//! The same plugin in four languages: built by the commands of its folder, run
//! in the gateway, the same to whoever calls.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use http::StatusCode;
use sluice_tests::client::{With, get};
use sluice_tests::command::sluice;
use sluice_tests::config::{plugin, route, upstream};
use sluice_tests::{Gateway, Settings, Upstream, examples};

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_in_rust() {
    runs("rust", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_in_javascript() {
    runs("javascript", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_in_python() {
    runs("python", "limits = { memory = \"64MiB\" }").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_in_c() {
    runs("c", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_plugin_is_compiled_beside_traffic() {
    let folder = tempfile::tempdir().expect("a folder");
    let component = examples::header_rule("javascript", folder.path());
    let target = Upstream::start().await;
    let plain = upstream("up", &[target.address()]);
    let with_rule = plugin("rule", &component, &format!("config = {CONFIG}"));
    let settings = |text: String, plugins: &[&str]| {
        Settings::new(text + &route("all", "/*", plugins, "up"))
            .workers(1)
            .compile_cache(Some(folder.path().join("cache")))
    };
    let gateway = Gateway::start(&settings(plain.clone(), &[])).await;
    let mut client = gateway.client().await;
    gateway.write(&settings(plain + &with_rule, &["rule"]));
    let mut reload = std::pin::pin!(gateway.reload());
    let mut served = 0;
    let reload = loop {
        tokio::select! {
            reload = &mut reload => break reload,
            answer = client.fetch(get("/")) => {
                // The last ones may come to the new generation already.
                let before = answer.status == StatusCode::OK;
                assert!(before || answer.status == StatusCode::FORBIDDEN, "{answer:?}");
                served += u32::from(before);
            }
        }
    };
    assert_eq!(reload.outcome, "applied", "{reload:?}");
    assert!(served > 10, "{served} requests while it was compiled");
    assert_eq!(gateway.get("/").await.status, StatusCode::FORBIDDEN);
}

const CONFIG: &str = r#"{ header = "x-team", allow = ["blue", "green"], stamp = "x-checked" }"#;

async fn runs(language: &str, lines: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let component = examples::header_rule(language, folder.path());
    let cache = folder.path().join("cache");
    let target = Upstream::start().await;
    let settings = |config: &str| {
        let lines = format!("{lines}\nconfig = {config}");
        let text = upstream("up", &[target.address()])
            + &plugin("rule", &component, &lines)
            + &route("all", "/*", &["rule"], "up");
        Settings::new(text).compile_cache(Some(cache.clone()))
    };

    a_wrong_configuration_is_refused(folder.path(), &settings);
    let compiled = identities(&cache);
    assert_eq!(compiled.len(), 1, "`check` compiles it");
    // A start that compiled would have written the file anew.
    let gateway = Gateway::start(&settings(CONFIG)).await;
    assert_eq!(identities(&cache), compiled, "compiled again");
    requests_are_judged(&gateway).await;
}

fn a_wrong_configuration_is_refused(folder: &Path, settings: &impl Fn(&str) -> Settings) {
    for (config, places) in [
        ("{}", &["config.header: ", "config.allow: "][..]),
        (
            r#"{ header = "x team", allow = ["blue", "bl ue"], stamp = "" }"#,
            &["config.header: ", "config.allow[1]: ", "config.stamp: "],
        ),
        (
            r#"{ header = "x-team", allow = ["blue", 7], stmp = "x" }"#,
            &["config.allow[1]: ", "config.stmp: unknown key"],
        ),
    ] {
        std::fs::write(folder.join("sluice.toml"), settings(config).toml()).expect("a file");
        let check = sluice(folder, ["check", "sluice.toml"]);
        assert_eq!(check.code, Some(1), "{config}: {check:?}");
        for place in places {
            let place = format!("plugins.rule.{place}");
            assert!(check.stderr.contains(&place), "{place}: {}", check.stderr);
        }
    }
}

async fn requests_are_judged(gateway: &Gateway) {
    let mut client = gateway.client().await;
    // Several, so that one call's memory must not be the next one's.
    for team in ["blue", "green", "blue"] {
        let request = get("/").with("x-team", team).with("x-checked", "forged");
        let seen = client.fetch(request).await.seen();
        assert_eq!(seen.header("x-checked"), Some("1"), "{team}");
    }
    let mut twice = get("/").with("x-team", "blue");
    let other = http::HeaderValue::from_static("green");
    twice.headers_mut().append("x-team", other);
    let latin1 = http::HeaderValue::from_bytes(b"bl\xfce").expect("opaque bytes are allowed");
    let mut opaque = get("/");
    opaque.headers_mut().insert("x-team", latin1);
    for (request, because) in [
        (get("/"), "The header x-team is missing."),
        (
            get("/").with("x-team", "red"),
            "The header x-team has a value that is not allowed.",
        ),
        (
            get("/").with("x-team", ""),
            "The header x-team has a value that is not allowed.",
        ),
        (opaque, "The header x-team has a value that is not allowed."),
        (twice, "The header x-team came more than once."),
    ] {
        let answer = client.fetch(request).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{because}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("x-sluice-source"), "plugin:rule");
        let problem = serde_json::json!({
            "type": "about:blank", "title": "Forbidden", "status": 403, "detail": because
        });
        assert_eq!(answer.json(), problem);
    }
    let metrics = gateway.metrics().await;
    let failed = metrics.sum("sluice_plugin_calls_total", &[])
        - metrics.sum("sluice_plugin_calls_total", &[("outcome", "ok")]);
    assert_eq!(failed, 0.0, "{}", gateway.log());
}

/// Name and identity of each file in a cache.
fn identities(cache: &Path) -> Vec<(std::ffi::OsString, u64)> {
    let entries = std::fs::read_dir(cache).expect("a cache").flatten();
    let mut files: Vec<_> = entries
        .map(|entry| (entry.file_name(), entry.metadata().expect("a file").ino()))
        .collect();
    files.sort();
    files
}
