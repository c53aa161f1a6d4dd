//! What must never reach an upstream.

use std::time::Duration;

use sluice_tests::client::raw::Raw;
use sluice_tests::client::{With, get};
use sluice_tests::{Client, Gateway, Settings, Upstream, config};

async fn gateway(upstream: &Upstream) -> Gateway {
    let settings: Settings = config::plain(upstream.address())
        .listener("[listeners.public.limits]\nheader_bytes = \"8KiB\"\nheaders = 20");
    Gateway::start(&settings).await
}

/// What is wrong, the bytes, the status.
fn heads() -> Vec<(&'static str, String, u16)> {
    let get = |lines: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let post = |lines: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    vec![
        ("no version", "GET /\r\n\r\n".into(), 400),
        ("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n".into(), 400),
        (
            "two spaces",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            400,
        ),
        (
            "a method that is none",
            "G<T / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            400,
        ),
        (
            "another version",
            "GET / HTTP/3.7\r\nHost: a\r\n\r\n".into(),
            505,
        ),
        (
            "not HTTP at all",
            "\x16\x03\x01\x02\x00\x01\r\n\r\n".into(),
            400,
        ),
        ("bare LF", "GET / HTTP/1.1\nHost: a\n\n".into(), 400),
        ("bare LF in the middle", get("x: 1\ny: 2\r\n"), 400),
        ("bare CR", get("x: 1\r2\r\n"), 400),
        ("NUL", get("x: 1\x002\r\n"), 400),
        ("a folded line", get("x: 1\r\n 2\r\n"), 400),
        ("space before the colon", get("x : 1\r\n"), 400),
        ("no colon", get("x\r\n"), 400),
        ("no Host", "GET / HTTP/1.1\r\n\r\n".into(), 400),
        ("two Hosts", get("Host: b\r\n"), 400),
        (
            "a Host that is none",
            "GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n".into(),
            400,
        ),
        (
            "length and chunks",
            post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
            400,
        ),
        (
            "two lengths",
            post("Content-Length: 4\r\nContent-Length: 5\r\n"),
            400,
        ),
        ("a list of lengths", post("Content-Length: 4, 5\r\n"), 400),
        ("a length with a sign", post("Content-Length: +4\r\n"), 400),
        (
            "a length that is none",
            post("Content-Length: four\r\n"),
            400,
        ),
        (
            "an unknown coding",
            post("Transfer-Encoding: identity\r\n"),
            400,
        ),
        (
            "chunked twice",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            400,
        ),
        (
            "chunked, but not last",
            post("Transfer-Encoding: chunked, gzip\r\n"),
            400,
        ),
        (
            "a coding before chunked",
            post("Transfer-Encoding: gzip, chunked\r\n"),
            501,
        ),
        (
            "chunks in HTTP/1.0",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
            400,
        ),
        (
            "a long header",
            get(&format!("x: {}\r\n", "y".repeat(9000))),
            431,
        ),
        ("many headers", get(&"x: 1\r\n".repeat(30)), 431),
        (
            "a long target",
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(9000)),
            414,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_head_is_refused_and_the_connection_closed() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    for (what, bytes, status) in heads() {
        let mut client = Raw::connect(gateway.address()).await;
        client.send(&bytes).await;
        let response = client.response().await;
        assert_eq!(response.status, status, "{what}: {}", response.text());
        for (name, value) in [
            ("content-type", "application/problem+json"),
            ("cache-control", "no-store"),
            ("x-sluice-source", "request"),
            ("connection", "close"),
        ] {
            assert_eq!(response.header(name), Some(value), "{what}");
        }
        assert!(response.header("date").is_some(), "{what}");
        let id = response.header("x-request-id").expect("an id");
        assert!(response.text().contains(id), "{what}");
        assert!(
            client.closed().await,
            "{what}: the connection is still open"
        );
    }
    assert_eq!(upstream.requests(), 0, "something was forwarded");
    assert_eq!(gateway.get("/fine").await.seen().text("target"), "/fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_request_is_refused_without_content() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client.send("HEAD / HTTP/1.1\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!(response.status, 400);
    assert_ne!(response.header("content-length"), Some("0"));
    assert!(response.body.is_empty());
    assert!(client.closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_head_is_refused_wherever_its_bytes_are_cut() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let bytes =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
    for cut in (1..bytes.len()).step_by(5) {
        let mut client = Raw::connect(gateway.address()).await;
        client.send(&bytes[..cut]).await;
        client.silent_for(Duration::from_millis(2)).await;
        client.send(&bytes[cut..]).await;
        assert_eq!(client.response().await.status, 400, "cut at {cut}");
        assert!(
            client.closed().await,
            "cut at {cut}: the connection is still open"
        );
    }
    assert_eq!(upstream.requests(), 0, "something was forwarded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_could_mean_two_things_is_refused() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let targets = [
        "/a/../b",
        "/a/..",
        "/..",
        "/a/%2e%2e/b",
        "/a/.%2E/b",
        "/a%2Fb",
        "/a%2fb",
        "/a%5cb",
        "/a\\b",
        "/a%00b",
        "/a%0ab",
        "/a%zzb",
        "/a%4",
        "/a#b",
    ];
    for target in targets {
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        let response = client.response().await;
        assert_eq!(response.status, 400, "{target}: {}", response.text());
    }
    assert_eq!(upstream.requests(), 0, "something was forwarded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_behind_a_good_one_cannot_be_smuggled() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send(
            "GET /first HTTP/1.1\r\nHost: a\r\n\r\n\
             POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n\
             0\r\n\r\nGET /third HTTP/1.1\r\nHost: a\r\n\r\n",
        )
        .await;
    let first = client.response().await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(first.text().contains("/first"));
    assert_eq!(client.response().await.status, 400);
    assert!(client.closed().await, "the connection is still open");
    assert_eq!(upstream.requests(), 1, "more than the first was forwarded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_chunk_never_completes_a_request() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let bodies = [
        "5\r\nhello\r\nxyz\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "-1\r\n\r\n",
    ];
    for body in bodies {
        let mut client = Raw::connect(gateway.address()).await;
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(format!("{head}{body}")).await;
        let response = client.response().await;
        assert_eq!(response.status, 400, "{body:?}: {}", response.text());
        assert!(
            client.closed().await,
            "{body:?}: the connection is still open"
        );
    }
    // The echo answers only what it has read to the end.
    let answered = gateway
        .metrics()
        .await
        .sum("sluice_requests_total", &[("status", "200")]);
    assert_eq!(
        answered, 0.0,
        "an upstream took a broken body for a whole one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_is_given_up() {
    let upstream = Upstream::start().await;
    let settings = config::plain(upstream.address())
        .listener("[listeners.public.timeouts]\nheader = \"300ms\"\nidle = \"500ms\"");
    let gateway = Gateway::start(&settings).await;
    let mut slow = Raw::connect(gateway.address()).await;
    slow.send("GET / HTTP/1.1\r\nHost: a\r\n").await;
    let mut idle = Raw::connect(gateway.address()).await;
    idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(idle.response().await.status, 200);
    assert_eq!(slow.response().await.status, 408);
    assert!(slow.closed().await);
    assert!(idle.closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_2_request_is_held_to_the_same_rules() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let mut client = Client::http2(gateway.address()).await;
    let mut many = get("/");
    for _ in 0..30 {
        let value = http::HeaderValue::from_static("1");
        many.headers_mut().append("x", value);
    }
    let requests = [
        (get("/").with("host", "a,b"), 400),
        (get("/").with("x", " 1"), 400),
        (get("/").with("x", "1\t"), 400),
        (many, 431),
    ];
    for (request, status) in requests {
        let what = format!("{:?}", request.headers());
        assert_eq!(client.fetch(request).await.status, status, "{what}");
    }
    assert_eq!(upstream.requests(), 0, "something was forwarded");
    assert_eq!(client.fetch(get("/fine")).await.status, 200);
}
