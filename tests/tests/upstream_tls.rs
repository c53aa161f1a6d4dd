//! Upstreams that speak TLS.

use std::net::SocketAddr;
use std::path::Path;

use http::Method;
use http_body_util::BodyExt;
use sluice_tests::client::{With, get, with_body};
use sluice_tests::command::sluice;
use sluice_tests::config::{route, upstream};
use sluice_tests::tls::{Authority, Front};
use sluice_tests::upstream::raw::RawUpstream;
use sluice_tests::upstream::{BEHAVIOUR, Seen};
use sluice_tests::{Client, Gateway, Settings, Upstream, body, websocket};
use tempfile::TempDir;

const HOST: &str = "orders.internal";
const HTTP1: &[&str] = &["http/1.1"];
const HTTP2: &[&str] = &["h2"];

/// One route `all` to an upstream `up`, which has these lines in its table.
fn settings(to: SocketAddr, lines: &str) -> Settings {
    Settings::new(upstream("up", &[to]) + lines + "\n" + &route("all", "/*", &[], "up"))
}

/// Trusts what is in `ca.pem`, and wants this name.
fn tls(name: &str) -> String {
    format!("tls = {{ ca = \"ca.pem\", server_name = \"{name}\" }}")
}

/// A folder with `ca.pem` and the configuration.
fn folder(trusted: &Authority, settings: &Settings) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "ca.pem", trusted.certificate_pem());
    write(folder.path(), "sluice.toml", &settings.toml());
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("a file");
}

async fn start(trusted: &Authority, to: SocketAddr, lines: &str) -> Gateway {
    let folder = folder(trusted, &settings(to, lines));
    Gateway::start_in(folder, "sluice.toml").await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_over_tls_in_both_protocols_and_keep_their_connection() {
    let (upstream, authority) = (Upstream::start().await, Authority::of(HOST));
    for (protocol, offered, version) in [("http1", HTTP1, "HTTP/1.1"), ("http2", HTTP2, "HTTP/2.0")]
    {
        let front = Front::start(&authority, upstream.address(), offered).await;
        let lines = format!("protocol = \"{protocol}\"\n{}", tls(HOST));
        let gateway = start(&authority, front.address(), &lines).await;
        let mut client = gateway.client().await;
        for number in 0..5 {
            let path = format!("/{protocol}/{number}?a=b");
            let seen = client.fetch(get(&path)).await.seen();
            assert_eq!(
                (seen.text("target"), seen.text("version")),
                (&*path, version)
            );
        }
        assert_eq!(
            front.sessions(),
            1,
            "{protocol}: one client, one connection"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_bodies_pass_both_ways_over_tls() {
    let (upstream, authority) = (Upstream::start().await, Authority::of(HOST));
    for (protocol, offered) in [("http1", HTTP1), ("http2", HTTP2)] {
        let front = Front::start(&authority, upstream.address(), offered).await;
        let lines = format!("protocol = \"{protocol}\"\n{}", tls(HOST));
        let gateway = start(&authority, front.address(), &lines).await;
        for mut client in [
            Client::http1(gateway.address()).await,
            Client::http2(gateway.address()).await,
        ] {
            let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
            let request = with_body(Method::POST, "/echo", body::full(sent.clone()));
            let answer = client.fetch(request.with(BEHAVIOUR, "both-ways")).await;
            assert_eq!(answer.status, 200);
            assert!(answer.body == sent, "{protocol}: other bytes came back");
            let answer = client.fetch(get("/x").with(BEHAVIOUR, "trailers")).await;
            assert_eq!(answer.status, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_passes_over_tls() {
    let (echo, authority) = (websocket::Echo::start().await, Authority::of(HOST));
    let front = Front::start(&authority, echo.address(), HTTP1).await;
    let gateway = start(&authority, front.address(), &tls(HOST)).await;
    let mut socket = websocket::Socket::open(gateway.address(), "/socket").await;
    for text in ["hello", "", &"x".repeat(100_000)] {
        socket.round_trip(text).await;
    }
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_the_certificate_has_to_be_for_the_target() {
    let upstream = Upstream::start().await;
    let authority = Authority::of("127.0.0.1");
    let front = Front::start(&authority, upstream.address(), HTTP1).await;
    let gateway = start(&authority, front.address(), "tls = { ca = \"ca.pem\" }").await;
    assert_eq!(gateway.get("/x").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_that_is_gone_costs_no_request() {
    let (upstream, authority) = (Upstream::start().await, Authority::of(HOST));
    let front = Front::start(&authority, upstream.address(), HTTP1).await;
    let gateway = start(&authority, front.address(), &tls(HOST)).await;
    let mut client = gateway.client().await;
    for sessions in 1..=5 {
        assert_eq!(client.fetch(get("/x")).await.status, 200);
        assert_eq!(front.sessions(), sessions);
        front.cut();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_with_its_connection_is_whole_only_where_tls_says_so() {
    let authority = Authority::of(HOST);
    for whole in [true, false] {
        let upstream = RawUpstream::start(move |mut connection| async move {
            connection.head().await;
            connection.write("HTTP/1.1 200 OK\r\n\r\nhello").await;
            if !whole {
                connection.peer_closes().await;
            }
        })
        .await;
        let front = Front::start(&authority, upstream.address(), HTTP1).await;
        let gateway = start(&authority, front.address(), &tls(HOST)).await;
        let response = gateway.client().await.send(get("/x")).await;
        assert_eq!(response.status(), 200);
        if !whole {
            front.cut();
        }
        let body = response.into_body().collect().await;
        let body = body.map(|body| body.to_bytes());
        assert_eq!(body.ok().as_deref(), whole.then_some(&b"hello"[..]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_not_who_it_should_be_gets_nothing_and_the_log_says_why() {
    let upstream = Upstream::start().await;
    let (known, expired) = (Authority::of(HOST), Authority::expired(HOST));
    let (unknown, namesake) = (Authority::of("other.internal"), Authority::of(HOST));
    let front = Front::start(&known, upstream.address(), HTTP1).await;
    let old = Front::start(&expired, upstream.address(), HTTP1).await;
    let (http2, clear) = (
        format!("protocol = \"http2\"\n{}", tls(HOST)),
        upstream.address(),
    );
    for (trusted, to, lines, says) in [
        (
            &unknown,
            front.address(),
            tls(HOST),
            "is signed by nobody who is trusted",
        ),
        (
            &namesake,
            front.address(),
            tls(HOST),
            "is signed by nobody who is trusted",
        ),
        (
            &known,
            front.address(),
            tls("other.internal"),
            "is for another name",
        ),
        (
            &known,
            front.address(),
            "tls = {}".to_owned(),
            "TLS: the server's certificate",
        ),
        (&expired, old.address(), tls(HOST), "has expired"),
        (&known, clear, tls(HOST), "does not speak TLS"),
        (
            &known,
            front.address(),
            http2,
            "does not speak the upstream's `protocol`",
        ),
    ] {
        let gateway = start(trusted, to, &lines).await;
        let answer = gateway.get("/x").await;
        answer.assert_problem(502, "upstream:up");
        gateway.logs(&["no response", says]).await;
        let line = gateway.access("/x").await;
        assert_eq!(line["outcome"], "upstream-failed", "{line}");
    }
    assert_eq!(upstream.requests(), 0, "a request was sent nevertheless");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_end_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let lines = format!("{}\ntimeouts = {{ connect = \"300ms\" }}", tls(HOST));
    let gateway = start(&Authority::of(HOST), address, &lines).await;
    gateway.get("/x").await.assert_problem(504, "upstream:up");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_is_trusted_after_a_reload() {
    let upstream = Upstream::start().await;
    let (old, new) = (Authority::of(HOST), Authority::of(HOST));
    let front = Front::start(&new, upstream.address(), HTTP1).await;
    let gateway = start(&old, front.address(), &tls(HOST)).await;
    assert_eq!(gateway.get("/x").await.status, 502);
    write(gateway.folder(), "ca.pem", new.certificate_pem());
    assert_eq!(gateway.reload().await.outcome, "applied");
    let seen: Seen = gateway.get("/x").await.seen();
    assert_eq!(seen.text("target"), "/x");
}

#[tokio::test]
async fn check_names_what_is_wrong_with_a_ca() {
    let settings = settings(([127, 0, 0, 1], 1).into(), &tls(HOST));
    for (pem, says) in [
        (Some("no certificate at all"), "no certificate in the file"),
        (
            Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "upstreams.up.tls.ca: ",
        ),
        (None, "ca.pem"),
    ] {
        let folder = folder(&Authority::default(), &settings);
        match pem {
            Some(pem) => write(folder.path(), "ca.pem", pem),
            None => std::fs::remove_file(folder.path().join("ca.pem")).expect("a file"),
        }
        let ended = sluice(folder.path(), ["check", "sluice.toml"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let problem = ended.stderr + &ended.stdout;
        assert!(problem.contains("upstreams.up.tls.ca"), "{problem}");
        assert!(problem.contains(says), "{problem}");
        assert!(problem.contains("sluice.toml:"), "{problem}");
    }
}

#[tokio::test]
async fn diff_and_explain_say_that_an_upstream_speaks_tls() {
    let to = ([127, 0, 0, 1], 1).into();
    let folder = folder(&Authority::default(), &settings(to, &tls(HOST)));
    write(folder.path(), "clear.toml", &settings(to, "").toml());
    let diff = sluice(folder.path(), ["diff", "clear.toml", "sluice.toml"]);
    assert!(diff.stdout.contains("tls"), "{diff:?}");
    let explained = sluice(folder.path(), ["explain", "sluice.toml", "GET", "/x"]);
    assert!(
        explained.stdout.contains("127.0.0.1:1, TLS"),
        "{explained:?}"
    );
}
