//! HTTP/1.1 connections to an upstream, byte for byte: which of them is used again, and how a
//! request and its response pass each other (RFC 9112, 9).

use http::Method;
use sluice_tests::client::raw::Raw;
use sluice_tests::client::{get, with_body};
use sluice_tests::config::plain;
use sluice_tests::upstream::raw::{Connection, RawUpstream};
use sluice_tests::{Client, Gateway, body, wait};

/// One worker, so that there is one pool of connections.
async fn gateway(upstream: &RawUpstream) -> Gateway {
    Gateway::start(&plain(upstream.address()).workers(1)).await
}

/// The last chunk of `Raw`'s clients' bodies.
const END: &[u8] = b"0\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_used_again() {
    for reply in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: Keep-Alive\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1 ;a=b\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    ] {
        let upstream = RawUpstream::answering(reply).await;
        let gateway = gateway(&upstream).await;
        let mut client = gateway.client().await;
        for _ in 0..20 {
            assert_eq!(client.fetch(get("/")).await.text(), "ok");
        }
        assert_eq!(upstream.connections(), 1, "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_may_not_be_used_again_is_not() {
    for reply in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: x, Close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        // Which of the two is meant is not for the gateway to say.
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        let upstream = RawUpstream::answering(reply).await;
        let gateway = gateway(&upstream).await;
        for number in 1..=5 {
            let mut client = Raw::connect(gateway.address()).await;
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let response = client.response().await;
            assert_eq!(response.text(), "ok");
            let framings = ["content-length", "transfer-encoding"];
            let said = framings
                .iter()
                .filter(|name| response.header(name).is_some());
            assert_eq!(said.count(), 1, "{response:?}");
            assert_eq!(upstream.connections(), number, "{reply}");
        }
    }
}

/// Answers each request with the number of its connection, and something after it.
async fn with_stray_bytes(stray: &'static str) -> RawUpstream {
    RawUpstream::start(move |mut connection: Connection| async move {
        while connection.head().await.is_some() {
            let number = connection.number;
            connection
                .write(format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}{stray}"
                ))
                .await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_a_response_is_no_response() {
    for stray in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray",
        "\r\n",
        "x",
    ] {
        let upstream = with_stray_bytes(stray).await;
        let gateway = gateway(&upstream).await;
        let mut client = gateway.client().await;
        for number in 1..=5 {
            assert_eq!(client.fetch(get("/")).await.text(), number.to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_idle_connection_says_is_no_response() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let idle = std::sync::Arc::new(tokio::sync::Notify::new());
    let is_idle = idle.clone();
    let upstream = RawUpstream::start(move |mut connection: Connection| {
        let (tell, is_idle) = (tell.clone(), is_idle.clone());
        async move {
            connection.head().await;
            let number = connection.number;
            connection
                .write(format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}"
                ))
                .await;
            is_idle.notified().await;
            connection
                .write("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
                .await;
            let _ = tell.send(());
            connection.peer_closes().await;
        }
    })
    .await;
    let gateway = gateway(&upstream).await;
    let mut client = gateway.client().await;
    for number in 1..=5 {
        assert_eq!(client.fetch(get("/")).await.text(), number.to_string());
        idle.notify_one();
        wait::within("stray bytes", told.recv()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_half_a_request_reaches_the_client() {
    let upstream = RawUpstream::start(|mut connection: Connection| async move {
        connection.head().await;
        connection.bytes(5).await;
        connection
            .write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 8\r\n\r\ntoo much")
            .await;
        connection.peer_closes().await;
    })
    .await;
    let gateway = gateway(&upstream).await;
    for number in 1..=2 {
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhello")
            .await;
        let response = client.response().await;
        assert_eq!(
            (response.status, response.text().as_str()),
            (413, "too much")
        );
        // Half a request is on the first one.
        assert_eq!(upstream.connections(), number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_reaches_the_client_though_the_upstream_takes_no_more() {
    let upstream = RawUpstream::start(|mut connection: Connection| async move {
        connection.head().await;
        connection
            .write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 8\r\n\r\ntoo much")
            .await;
        // What it has not read makes this a reset.
    })
    .await;
    let gateway = gateway(&upstream).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let long = body::full(vec![b'x'; 300_000]);
        let answer = client.fetch(with_body(Method::POST, "/", long)).await;
        assert_eq!(answer.status, 413);
        assert_eq!(answer.text(), "too much");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_and_a_request_pass_each_other() {
    let upstream = RawUpstream::start(|mut connection: Connection| async move {
        connection.head().await;
        connection
            .write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        for _ in 0..10 {
            // Five bytes in a chunk of their own, each time.
            let chunk = connection.bytes(10).await;
            connection.write(chunk).await;
        }
        connection.bytes(END.len()).await;
        connection.write(END).await;
        connection.peer_closes().await;
    })
    .await;
    let gateway = gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    let head = client.bytes(15).await;
    assert_eq!(head, b"HTTP/1.1 200 OK");
    for _ in 0..10 {
        client.send("5\r\nhello\r\n").await;
    }
    client.send(END).await;
    let mut rest = Vec::new();
    while !rest.ends_with(END) {
        let more = client.bytes(1).await;
        assert!(!more.is_empty(), "it broke off: {rest:?}");
        rest.extend(more);
    }
    let hellos = String::from_utf8_lossy(&rest).matches("hello").count();
    assert_eq!(hellos, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_send_all_of_its_request_before_it_reads() {
    const LONG: usize = 32 * 1024 * 1024;
    let upstream = RawUpstream::answering_early(LONG).await;
    let gateway = gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LONG}\r\n\r\n"
        ))
        .await;
    wait::within("the end of the request", client.send(vec![b'y'; LONG])).await;
    let response = client.response().await;
    assert_eq!(response.status, 200);
    assert!(response.complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_after_half_a_request_is_not_the_upstreams_fault() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let upstream = RawUpstream::start(move |mut connection: Connection| {
        let tell = tell.clone();
        async move {
            connection.head().await;
            connection
                .write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhello")
                .await;
            connection.peer_closes().await;
            let _ = tell.send(());
        }
    })
    .await;
    let gateway = gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send("POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhello")
        .await;
    assert_eq!(client.bytes(12).await, b"HTTP/1.1 200");
    drop(client);
    wait::within("the end of the connection", told.recv()).await;
    assert_eq!(gateway.access("/half").await["outcome"], "client-gone");
}

/// What the upstream reads of a request, up to and including `end`.
async fn forwarded(request: &str, end: &'static str) -> String {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let upstream = RawUpstream::start(move |mut connection: Connection| {
        let tell = tell.clone();
        async move {
            let all = connection.until(end.as_bytes()).await;
            connection
                .write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
            let _ = tell.send(String::from_utf8_lossy(&all).into_owned());
            connection.peer_closes().await;
        }
    })
    .await;
    let gateway = gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client.send(request).await;
    assert_eq!(client.response().await.status, 200);
    wait::within("a request", told.recv())
        .await
        .expect("a request")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_arrives_in_one_framing() {
    let get = forwarded("GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n").await;
    assert!(get.starts_with("GET /a?b HTTP/1.1\r\n"), "{get}");
    for framing in ["content-length", "transfer-encoding"] {
        assert!(!get.contains(framing), "{get}");
    }
    let length = forwarded(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "hello",
    )
    .await;
    assert!(length.contains("content-length: 5\r\n"), "{length}");
    assert!(!length.contains("transfer-encoding"), "{length}");
    assert!(length.ends_with("\r\n\r\nhello"), "{length}");
    for method in ["POST", "GET"] {
        let chunked = forwarded(
            &format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nTrailer: x-sum\r\n\
                 Transfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\nx-sum: 5\r\nx-other: 1\r\n\r\n"
            ),
            "x-sum: 5\r\n\r\n",
        )
        .await;
        assert!(!chunked.contains("content-length"), "{chunked}");
        assert!(
            chunked.contains("transfer-encoding: chunked\r\n"),
            "{chunked}"
        );
        let body = "\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n";
        assert!(chunked.ends_with(body), "{chunked}");
    }
}
