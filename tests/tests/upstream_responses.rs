//! Responses of an upstream, byte for byte: where they end, and what of them the client gets
//! (RFC 9112, 6).

use std::sync::Arc;

use http::Method;
use sluice_tests::client::raw::Raw;
use sluice_tests::client::{With, get, request};
use sluice_tests::config::{self, plain};
use sluice_tests::upstream::raw::{Connection, RawUpstream};
use sluice_tests::{Client, Gateway, Settings, wait};
use tokio::sync::Notify;

/// One worker, so that there is one pool of connections.
async fn gateway(upstream: &RawUpstream) -> Gateway {
    Gateway::start(&plain(upstream.address()).workers(1)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_without_length_ends_with_its_connection() {
    for version in ["1.0", "1.1"] {
        let reply = format!("HTTP/{version} 200 OK\r\n\r\nall of it");
        let upstream = RawUpstream::answering_once(reply).await;
        let gateway = gateway(&upstream).await;
        for mut client in [
            Client::http1(gateway.address()).await,
            Client::http2(gateway.address()).await,
        ] {
            assert_eq!(client.fetch(get("/")).await.text(), "all of it");
        }
        assert_eq!(upstream.connections(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_not_the_end_of_a_response() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n",
    ] {
        let upstream = RawUpstream::start(move |mut connection: Connection| async move {
            connection.head().await;
            connection.write(format!("{head}only the beginning")).await;
            wait::pause(std::time::Duration::from_millis(20)).await;
            connection.reset();
        })
        .await;
        let gateway = gateway(&upstream).await;
        let mut client = Raw::connect(gateway.address()).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!(response.status, 200);
        assert!(!response.complete, "{head}: {response:?}");
        let mut client = Client::http2(gateway.address()).await;
        assert!(client.try_fetch(get("/")).await.is_err(), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_before_the_response_is_a_502() {
    let upstream = RawUpstream::start(|mut connection: Connection| async move {
        connection.head().await;
        connection.reset();
    })
    .await;
    let gateway = gateway(&upstream).await;
    gateway.get("/").await.assert_problem(502, "upstream:up");
    gateway
        .logs(&["the connection was closed without a response"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_come_through_however_the_bytes_are_cut() {
    let reply = "HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n\
                 5;a=\"b\"\r\nhello\r\n0006 \r\n world\r\n0\r\nX-Sum: 11\r\ncontent-length: 3\r\n\r\n";
    let upstream = RawUpstream::start(move |mut connection: Connection| async move {
        while connection.head().await.is_some() {
            for byte in reply.as_bytes().chunks(1) {
                connection.write(byte).await;
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    let gateway = gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\n\r\n")
        .await;
    let response = client.response().await;
    assert_eq!(response.text(), "hello world");
    assert_eq!(response.trailers, [("x-sum".to_owned(), "11".to_owned())]);
    let mut client = Client::http2(gateway.address()).await;
    let answer = client.fetch(get("/").with("te", "trailers")).await;
    assert_eq!(answer.text(), "hello world");
    let trailers = answer.trailers.expect("trailers");
    assert_eq!(trailers["x-sum"], "11");
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn interim_responses_are_not_the_response() {
    let upstream = RawUpstream::answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
         HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    )
    .await;
    let gateway = gateway(&upstream).await;
    for _ in 0..3 {
        let mut client = Raw::connect(gateway.address()).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!((response.status, response.text().as_str()), (200, "ok"));
        assert_eq!(response.header("link"), None);
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn interim_responses_without_end_are_a_502() {
    let upstream = RawUpstream::start(|mut connection: Connection| async move {
        connection.head().await;
        for _ in 0..1000 {
            connection.write("HTTP/1.1 102 Processing\r\n\r\n").await;
        }
        connection.peer_closes().await;
    })
    .await;
    let gateway = gateway(&upstream).await;
    gateway.get("/").await.assert_problem(502, "upstream:up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_is_not_framed_for_certain_is_a_502_that_says_why() {
    for (reply, why) in [
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nabc",
            "Transfer-Encoding",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding",
        ),
        (
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd",
            "Content-Length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: +4\r\n\r\nabcd",
            "Content-Length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
            "Content-Length",
        ),
        ("HTTP/1.1 200 OK\r\na: 1\r\n folded\r\n\r\n", "not HTTP/1"),
        ("HTTP/1.1 200 OK\r\na : 1\r\n\r\n", "not HTTP/1"),
        ("HTTP/1.1 200 OK\r\ncontent-len", "within the response head"),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", ""),
    ] {
        let upstream = RawUpstream::answering_once(reply).await;
        let gateway = gateway(&upstream).await;
        let answer = gateway.get("/").await;
        assert_eq!(answer.status, 502, "{reply:?}: {}", answer.text());
        answer.assert_problem(502, "upstream:up");
        if !why.is_empty() {
            gateway.logs(&["no response", why]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_chunks_break_the_response_off() {
    for chunks in [
        "5\r\nhello!\r\n0\r\n\r\n",
        "5\r\nhello\r\nx\r\n\r\n",
        "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
        "5\r\nhello\r\n0\r\n",
    ] {
        let reply = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
        let upstream = RawUpstream::answering_once(reply).await;
        let gateway = gateway(&upstream).await;
        let mut client = Raw::connect(gateway.address()).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!(response.status, 200);
        assert!(!response.complete, "{chunks:?}: {response:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_head_has_no_body() {
    let upstream = RawUpstream::answering("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n").await;
    let gateway = gateway(&upstream).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        for _ in 0..3 {
            let answer = client.fetch(request(Method::HEAD, "/")).await;
            assert_eq!(answer.header("content-length"), "1234");
            assert!(answer.body.is_empty());
        }
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_where_none_may_be_is_not_the_next_response() {
    for status in ["204 No Content", "304 Not Modified"] {
        let upstream = RawUpstream::answering(format!(
            "HTTP/1.1 {status}\r\ncontent-length: 5\r\n\r\nstray"
        ))
        .await;
        let gateway = gateway(&upstream).await;
        for mut client in [
            Client::http1(gateway.address()).await,
            Client::http2(gateway.address()).await,
        ] {
            for _ in 0..5 {
                let answer = client.fetch(get("/")).await;
                assert_eq!(answer.status.as_str(), &status[..3]);
                assert!(answer.body.is_empty());
                if answer.status == 204 {
                    assert_eq!(answer.header("content-length"), "");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_a_plugin_made_wrong_is_not_told() {
    for (head, config) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n",
            "request.method = \"HEAD\"",
        ),
        (
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 1234\r\n\r\n",
            "response.status = 200",
        ),
    ] {
        let upstream = RawUpstream::answering(head).await;
        let text = config::upstream("up", &[upstream.address()])
            + "[plugins.shape]\nsource = \"builtin:transform\"\n"
            + &format!("[plugins.shape.config]\n{config}\n")
            + &config::route("all", "/*", &["shape"], "up");
        let gateway = Gateway::start(&Settings::new(text)).await;
        for mut client in [
            Client::http1(gateway.address()).await,
            Client::http2(gateway.address()).await,
        ] {
            let answer = client.fetch(get("/")).await;
            assert_eq!(answer.status, 200);
            assert!(["", "0"].contains(&answer.header("content-length")));
            assert!(answer.body.is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn early_hints_come_before_the_response() {
    const HINT: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\
                        connection: x-hop\r\nx-hop: 1\r\nx-sluice-source: forged\r\n\r\n";
    let told = Arc::new(Notify::new());
    let tell = told.clone();
    let upstream = RawUpstream::start(move |mut connection: Connection| {
        let told = told.clone();
        async move {
            connection.head().await;
            connection.write(HINT).await;
            told.notified().await;
            let last = format!(
                "HTTP/1.1 100 Continue\r\n\r\n{HINT}HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok"
            );
            connection.write(last).await;
        }
    })
    .await;
    let gateway = gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    for number in 0..2 {
        let hint = client.any_response().await;
        assert_eq!(hint.status, 103);
        let link = ("link".to_owned(), "</a>; rel=preload".to_owned());
        assert_eq!(hint.headers, [link], "{number}");
        tell.notify_one();
    }
    assert_eq!(client.any_response().await.text(), "ok");
    assert!(client.closed().await);

    // The old version, and the new, have none.
    tell.notify_one();
    let mut old = Raw::connect(gateway.address()).await;
    old.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert_eq!(old.any_response().await.text(), "ok");
    tell.notify_one();
    let mut new = Client::http2(gateway.address()).await;
    assert_eq!(new.fetch(get("/")).await.text(), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_must_upgrade_is_told_to_what() {
    let upstream = RawUpstream::answering(
        "HTTP/1.1 426 Upgrade Required\r\nconnection: upgrade\r\nupgrade: h2c, x/2\r\n\
         content-length: 0\r\n\r\n",
    )
    .await;
    let gateway = gateway(&upstream).await;
    for (version, told) in [("1.1", Some("x/2")), ("1.0", None)] {
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"))
            .await;
        let response = client.response().await;
        assert_eq!(response.status, 426);
        assert_eq!(response.header("upgrade"), told, "HTTP/{version}");
        if told.is_some() {
            assert_eq!(response.header("connection"), Some("upgrade"));
        }
    }
    let mut client = Client::http2(gateway.address()).await;
    assert_eq!(client.fetch(get("/")).await.header("upgrade"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_of_protocols_has_no_length_and_no_forged_source() {
    let upstream = RawUpstream::answering_once(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\
         content-length: 5\r\nx-sluice-source: plugin:p\r\n\r\n",
    )
    .await;
    let gateway = gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        .await;
    let response = client.response().await;
    assert_eq!(response.status, 101);
    assert_eq!(response.header("upgrade"), Some("x"));
    assert_eq!(response.header("content-length"), None);
    assert_eq!(response.header("x-sluice-source"), None);
}
