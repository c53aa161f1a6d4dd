//! What an HTTP/1 connection of a client promises from one request to the next (RFC 9112, 9).

use rustix::process::Signal;
use sluice_tests::client::raw::Raw;
use sluice_tests::config::plain;
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::upstream::raw::{Connection, RawUpstream};
use sluice_tests::{Gateway, Upstream, wait, websocket};

async fn plain_gateway(upstream: &Upstream) -> Gateway {
    Gateway::start(&plain(upstream.address())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_1_0_client_may_keep_its_connection() {
    let upstream = Upstream::start().await;
    let gateway = plain_gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    for _ in 0..2 {
        client
            .send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            .await;
        let response = client.response().await;
        assert_eq!(response.header("connection"), Some("keep-alive"));
    }
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.response().await.header("connection"), Some("close"));
    assert!(client.closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_close_is_told_so() {
    let upstream = Upstream::start().await;
    let gateway = plain_gateway(&upstream).await;
    for line in ["Connection: close", "connection: x-a, CLOSE"] {
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send(format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"))
            .await;
        let response = client.response().await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header("connection"), Some("close"));
        assert!(response.header("date").is_some());
        assert!(client.closed().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_reads_does_not_become_the_next_request() {
    let upstream = Upstream::start().await;
    let gateway = plain_gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    // No route has this host: the answer comes without a look at the body.
    let inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let refused = format!(
        "POST /a/../../b HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{inner}",
        inner.len()
    );
    client.send(&refused).await;
    client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.response().await.status, 400);
    let next = client.response().await;
    assert!(next.text().contains("\"/next\""), "{}", next.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_that_nobody_reads_ends_the_connection_after_the_answer() {
    let upstream = Upstream::start().await;
    let gateway = plain_gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send("POST /a/../../b HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegin")
        .await;
    let response = client.response().await;
    assert_eq!(response.status, 400);
    assert_eq!(response.header("connection"), Some("close"));
    assert!(client.closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_bodies_go_to_their_own_requests() {
    let upstream = Upstream::start().await;
    let gateway = plain_gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    let mut all = String::new();
    for number in 0..20 {
        all += &match number % 3 {
            0 => format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"),
            1 => format!(
                "POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nbody-{number:02}"
            ),
            _ => format!(
                "POST /{number} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nbody-\r\n2;x\r\n{number:02}\r\n0\r\n\r\n"
            ),
        };
    }
    // Cut where it hurts.
    for piece in all.as_bytes().chunks(97) {
        client.send(piece).await;
    }
    for number in 0..20 {
        let response = client.response().await;
        let echo: serde_json::Value = serde_json::from_str(&response.text()).expect("an echo");
        assert_eq!(echo["target"], format!("/{number}"));
        let body = match number % 3 {
            0 => String::new(),
            _ => format!("body-{number:02}"),
        };
        assert_eq!(echo["body"], body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_are_for_those_who_take_them() {
    let upstream = Upstream::start().await;
    let gateway = plain_gateway(&upstream).await;
    for (line, count) in [("TE: trailers\r\n", 1), ("", 0)] {
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send(format!(
                "GET / HTTP/1.1\r\nHost: a\r\n{line}{BEHAVIOUR}: trailers\r\n\r\n"
            ))
            .await;
        let response = client.response().await;
        assert!(response.complete);
        assert_eq!(response.trailers.len(), count, "{:?}", response.trailers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_breaks_off_is_never_taken_for_a_whole_one() {
    let upstream = Upstream::start().await;
    let gateway = plain_gateway(&upstream).await;
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send(format!(
                "GET / {version}\r\nHost: a\r\n{BEHAVIOUR}: abort\r\n\r\n"
            ))
            .await;
        // Without a length or chunks, only a reset tells.
        let complete = client.response().await.complete && !client.was_reset();
        assert!(!complete, "{version}: the end looks like one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_gateway_ends_connections_after_their_response() {
    let upstream = Upstream::start().await;
    let mut gateway = plain_gateway(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{BEHAVIOUR}: stream=3,200\r\n\r\n"
        ))
        .await;
    wait::until("the request at the upstream", async || {
        (upstream.requests() > 0).then_some(())
    })
    .await;
    gateway.signal(Signal::TERM);
    assert!(client.response().await.complete);
    assert!(client.closed().await);
    assert!(gateway.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_counts_as_a_connection() {
    let echo = websocket::Echo::start().await;
    let gateway = Gateway::start(&plain(echo.address())).await;
    let mut socket = websocket::Socket::open(gateway.address(), "/socket").await;
    socket.round_trip("hello").await;
    let open = gateway
        .metrics()
        .await
        .sum("sluice_connections", &[("listener", "public")]);
    assert_eq!(open, 1.0);
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_gateway_does_not_wait_for_clients_that_have_said_nothing() {
    let upstream = Upstream::start().await;
    let settings = plain(upstream.address())
        .listener("timeouts = { header = \"1h\" }")
        .runtime("drain = \"1h\"");
    let mut gateway = Gateway::start(&settings).await;
    let mut silent = Raw::connect(gateway.address()).await;
    let mut begun = Raw::connect(gateway.address()).await;
    begun.send("P").await;
    let here = [("listener", "public")];
    wait::until("two connections", async || {
        let open = gateway.metrics().await.sum("sluice_connections", &here);
        (open == 2.0).then_some(())
    })
    .await;
    gateway.signal(Signal::TERM);
    assert!(silent.closed().await);
    assert!(begun.closed().await);
    assert!(gateway.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_times_out_counts_once() {
    let upstream = Upstream::start().await;
    let settings = plain(upstream.address()).listener("timeouts = { idle = \"100ms\" }");
    let gateway = Gateway::start(&settings).await;
    let mut client = Raw::connect(gateway.address()).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.response().await.status, 200);
    // The gateway ends its side first, and waits for the client's.
    assert!(client.closed().await);
    let here = [("listener", "public")];
    wait::until("the end of the connection", async || {
        let open = gateway.metrics().await.sum("sluice_connections", &here);
        (open == 0.0).then_some(())
    })
    .await;
    let metrics = gateway.metrics().await;
    assert_eq!(
        metrics.sum("sluice_connections_timed_out_total", &here),
        1.0
    );
}

/// Switches to another protocol, then sends back what comes.
async fn echo_after_switch(mut connection: Connection) {
    connection.head().await;
    connection
        .write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nhello")
        .await;
    let bytes = connection.bytes(1000).await;
    connection.write(bytes).await;
    // Ends, with a reset where there is more.
    if connection.bytes(1).await == b"r" {
        connection.reset();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passed_a_tunnel_is_counted_however_it_ends() {
    let upstream = RawUpstream::start(echo_after_switch).await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    for (end, outcome) in [
        ("fin", "proxied"),
        ("reset", "client-gone"),
        ("r", "upstream-failed"),
    ] {
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send(format!(
                "GET /{end} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
            ))
            .await;
        assert_eq!(client.response().await.status, 101);
        client.send([b'x'; 1000]).await;
        assert_eq!(client.bytes(1005).await.len(), 1005);
        match end {
            "fin" => client.finish().await,
            "reset" => client.reset(),
            end => client.send(end).await,
        }
        let line = gateway.access(&format!("/{end}")).await;
        let sent = 1000 + u64::from(end == "r");
        assert_eq!(line["outcome"], outcome, "{line}");
        assert_eq!(line["request_bytes"], sent, "{line}");
        assert_eq!(line["response_bytes"], 1005, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_uploads_before_it_reads_gets_the_early_answer() {
    const LENGTH: usize = 10 * 1024 * 1024;
    let upstream = RawUpstream::start(|mut connection: Connection| async move {
        connection.head().await;
        connection
            .write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 8\r\n\r\ntoo much")
            .await;
        connection.peer_closes().await;
    })
    .await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n"
        ))
        .await;
    client.send(vec![b'x'; LENGTH]).await;
    let response = client.response().await;
    assert_eq!(
        (response.status, response.text().as_str()),
        (413, "too much")
    );
    assert!(client.closed().await);
    assert!(!client.was_reset());
}
