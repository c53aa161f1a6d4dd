//! Calls to servers that are no upstreams of the configuration.

use std::net::SocketAddr;

use http::Response;
use sluice_tests::command::sluice;
use sluice_tests::config::{plugin, route, upstream};
use sluice_tests::tls::{Authority, Front};
use sluice_tests::upstream::{Service, service};
use sluice_tests::{Gateway, Settings, Upstream};
use tempfile::TempDir;

use super::COMPOSE;

const HTTP1: &[&str] = &["http/1.1"];

/// `/ask/{id}` asks ORIGIN/api/ID; the plugin may call `granted`.
fn settings(origin: &str, granted: &str, other: SocketAddr) -> Settings {
    let lines = format!(
        "config = {{ parts = [{{ name = \"part\", target = \"{origin}/api/{{id}}\", \
         required = true }}] }}\ngrants = {{ http = [{granted:?}] }}\n"
    );
    Settings::new(
        upstream("other", &[other])
            + &plugin("asks", &COMPOSE, &lines)
            + &route("asking", "/ask/{id}", &["asks"], "other"),
    )
}

/// A folder with the configuration and `trusted.pem`.
fn folder(settings: &Settings, pem: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("sluice.toml"), settings.toml()).expect("the configuration");
    std::fs::write(folder.path().join("trusted.pem"), pem).expect("a certificate");
    folder
}

/// A gateway on a machine that trusts `authority`.
async fn start(settings: &Settings, authority: &Authority) -> Gateway {
    let folder = folder(settings, authority.certificate_pem());
    let file = folder.path().join("trusted.pem");
    let file = file.to_str().expect("a path that is text");
    Gateway::start_with(folder, "sluice.toml", &[("SSL_CERT_FILE", file)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_was_granted_is_called_over_tls() {
    let (asked, other) = (Service::json(200, "1").await, Upstream::start().await);
    for host in ["127.0.0.1", "localhost"] {
        let authority = Authority::of(host);
        let front = Front::start(&authority, asked.address(), HTTP1).await;
        let origin = format!("https://{host}:{}", front.address().port());
        let gateway = start(&settings(&origin, &origin, other.address()), &authority).await;
        for _ in 0..3 {
            assert_eq!(gateway.get("/ask/7").await.text(), "{\"part\":1}");
        }
        let seen = asked.asked().pop().expect("a call");
        assert_eq!(seen.target, "/api/7");
        let authority = origin.strip_prefix("https://").expect("a scheme");
        assert_eq!(seen.headers["host"], authority);
        let labels = [("upstream", &*origin)];
        gateway
            .metric_reaches("sluice_upstream_connections_opened_total", &labels, 1.0)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_without_tls_is_called_where_that_was_granted() {
    let (asked, other) = (Service::json(200, "1").await, Upstream::start().await);
    let origin = format!("http://{}", asked.address());
    let settings = settings(&origin, &origin, other.address());
    let gateway = Gateway::start(&settings).await;
    assert_eq!(gateway.get("/ask/7").await.text(), "{\"part\":1}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_origin_is_not_called() {
    let (asked, other) = (Service::json(200, "1").await, Upstream::start().await);
    let authority = Authority::of("127.0.0.1");
    let front = Front::start(&authority, asked.address(), HTTP1).await;
    let (clear, secure) = (asked.address(), front.address());
    for (called, granted) in [
        (
            format!("https://{secure}"),
            "https://127.0.0.1:1".to_owned(),
        ),
        (format!("https://{secure}"), "https://127.0.0.1".to_owned()),
        (format!("https://{secure}"), format!("http://{secure}")),
        (format!("http://{clear}"), format!("https://{clear}")),
        (
            format!("https://localhost:{}", secure.port()),
            format!("https://{secure}"),
        ),
        (format!("http://{clear}"), "other".to_owned()),
        (format!("http://{}", other.address()), "other:/".to_owned()),
    ] {
        let gateway = start(&settings(&called, &granted, other.address()), &authority).await;
        let status = gateway.get("/ask/7").await.status.as_u16();
        assert!(
            [502, 503].contains(&status),
            "{called} by {granted}: {status}"
        );
    }
    assert!(asked.asked().is_empty());
    assert_eq!((front.sessions(), other.requests()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_nobody_vouches_for_gets_nothing() {
    let (asked, other) = (Service::json(200, "1").await, Upstream::start().await);
    let front = Front::start(&Authority::of("127.0.0.1"), asked.address(), HTTP1).await;
    let origin = format!("https://{}", front.address());
    let settings = settings(&origin, &origin, other.address());
    let gateway = start(&settings, &Authority::of("127.0.0.1")).await;
    assert_eq!(gateway.get("/ask/7").await.status, 502);
    gateway.logs(&["is signed by nobody who is trusted"]).await;
    assert!(asked.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let (away, other) = (Service::json(200, "1").await, Upstream::start().await);
    let to = format!("http://{}/api/x", away.address());
    let asked = Service::start(move |_| {
        let to = to.clone();
        async move {
            let mut answer: Response<_> = service::json(302, "2");
            let to = to.parse().expect("a header value");
            answer.headers_mut().insert("location", to);
            answer
        }
    })
    .await;
    let origin = format!("http://{}", asked.address());
    let gateway = Gateway::start(&settings(&origin, &origin, other.address())).await;
    assert_ne!(gateway.get("/ask/7").await.status, 200);
    assert_eq!((asked.asked().len(), away.asked().len()), (1, 0));
}

#[test]
fn check_says_where_this_machine_trusts_nobody() {
    let settings = settings(
        "https://a.example",
        "https://a.example",
        ([127, 0, 0, 1], 1).into(),
    );
    let folder = folder(&settings, "");
    let (nobody, empty) = (
        folder.path().join("trusted.pem"),
        folder.path().join("empty"),
    );
    std::fs::create_dir(&empty).expect("a folder");
    let checked = std::process::Command::new(sluice_tests::paths::gateway())
        .args(["check", "sluice.toml"])
        .current_dir(folder.path())
        .env("SSL_CERT_FILE", nobody)
        .env("SSL_CERT_DIR", empty)
        .output()
        .expect("a process");
    let said = String::from_utf8_lossy(&checked.stderr) + String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    for words in [
        "plugins.asks.grants.http",
        "https://a.example",
        "trusts no certificate",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn explain_and_diff_show_what_a_plugin_may_call() {
    let to = ([127, 0, 0, 1], 1).into();
    let folder = folder(&settings("http://a.example", "HTTP://a.example:80", to), "");
    let without = settings("http://a.example", "other:/x", to);
    std::fs::write(folder.path().join("before.toml"), without.toml()).expect("a file");
    let explained = sluice(folder.path(), ["explain", "sluice.toml", "GET", "/ask/7"]);
    let says = "may call: http://a.example\n";
    assert!(explained.stdout.contains(says), "{explained:?}");
    let diff = sluice(folder.path(), ["diff", "before.toml", "sluice.toml"]);
    let says = "grants newly asked for: http http://a.example";
    assert!(diff.stdout.contains(says), "{diff:?}");
}
