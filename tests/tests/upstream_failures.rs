//! Upstreams that are down, slow, broken: what the client is told.

use std::net::SocketAddr;

use http::Method;
use sluice_tests::client::raw::Raw;
use sluice_tests::client::{With, get, with_body};
use sluice_tests::config::{route, upstream};
use sluice_tests::upstream::raw::RawUpstream;
use sluice_tests::upstream::{BEHAVIOUR, nobody};
use sluice_tests::{Client, Gateway, Settings, Upstream, body, wait};

/// `/bad/*` goes to the target, `/good/*` to one that works.
async fn gateway(bad: SocketAddr, good: &Upstream, lines: &str) -> Gateway {
    let body = upstream("bad", &[bad])
        + lines
        + &upstream("good", &[good.address()])
        + &route("bad", "/bad/*", &[], "bad")
        + &route("good", "/good/*", &[], "good");
    Gateway::start(&Settings::new(body)).await
}

const SHORT: &str =
    "[upstreams.bad.timeouts]\nconnect = \"300ms\"\nresponse = \"300ms\"\nidle = \"300ms\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_down_is_named_in_the_answer() {
    let good = Upstream::start().await;
    let gateway = gateway(nobody(), &good, SHORT).await;
    let mut client = gateway.client().await;
    let answer = client.fetch(get("/bad/1")).await;
    assert!(
        [502, 503].contains(&answer.status.as_u16()),
        "{}",
        answer.text()
    );
    answer.assert_problem(answer.status.as_u16(), "upstream:bad");
    assert_eq!(
        client.fetch(get("/good/1")).await.status,
        200,
        "its neighbour noticed"
    );
    let line = gateway.access("/bad/1").await;
    assert_eq!(line["source"], "upstream:bad");
    assert_eq!(line["outcome"], "upstream-failed");
    assert_eq!(line["status"], answer.status.as_u16());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_does_not_accept_times_out() {
    // Nobody accepts, and the kernel's queue for the listener is full.
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).expect("a port");
    socket.listen(0).expect("a listener");
    let address = socket
        .local_addr()
        .ok()
        .and_then(|address| address.as_socket())
        .expect("an address");
    let mut waiting = Vec::new();
    let step = std::time::Duration::from_millis(200);
    while let Ok(Ok(stream)) =
        tokio::time::timeout(step, tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the queue does not fill");
    }
    let good = Upstream::start().await;
    let gateway = gateway(address, &good, SHORT).await;
    let answer = gateway.get("/bad/1").await;
    assert!(
        [502, 503, 504].contains(&answer.status.as_u16()),
        "{}",
        answer.text()
    );
    answer.assert_problem(answer.status.as_u16(), "upstream:bad");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_does_not_answer_is_a_504_and_is_cancelled() {
    let (slow, good) = (Upstream::start().await, Upstream::start().await);
    let gateway = gateway(slow.address(), &good, SHORT).await;
    let mut client = gateway.client().await;
    let answer = client.fetch(get("/bad/1").with(BEHAVIOUR, "hang")).await;
    answer.assert_problem(504, "upstream:bad");
    assert_eq!(gateway.access("/bad/1").await["outcome"], "timed-out");
    wait::until("the cancelled request", async || {
        (slow.cancelled() == 1).then_some(())
    })
    .await;
    assert_eq!(
        client.fetch(get("/good/1")).await.status,
        200,
        "its neighbour noticed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_from_an_upstream_is_a_502() {
    let good = Upstream::start().await;
    let replies: [&[u8]; 6] = [
        b"complete garbage\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd",
        b"",
    ];
    for reply in replies {
        let bad = RawUpstream::answering_once(reply).await;
        let gateway = gateway(bad.address(), &good, "").await;
        let answer = gateway.get("/bad/1").await;
        let what = String::from_utf8_lossy(reply).into_owned();
        assert_eq!(answer.status, 502, "{what:?}: {}", answer.text());
        answer.assert_problem(502, "upstream:bad");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_head_without_end_is_a_504_and_one_without_bounds_a_502() {
    let good = Upstream::start().await;
    let half = RawUpstream::start(async |mut connection| {
        connection.head().await;
        connection.write("HTTP/1.1 200 OK\r\nx-first: 1\r\n").await;
        connection.peer_closes().await;
    })
    .await;
    let first = gateway(half.address(), &good, SHORT).await;
    first
        .get("/bad/1")
        .await
        .assert_problem(504, "upstream:bad");

    let endless = RawUpstream::start(async |mut connection| {
        connection.head().await;
        connection.write("HTTP/1.1 200 OK\r\n").await;
        for number in 0..20_000 {
            connection
                .write(format!("x-{number}: {}\r\n", "y".repeat(100)))
                .await;
        }
        connection.peer_closes().await;
    })
    .await;
    let second = gateway(endless.address(), &good, "").await;
    second
        .get("/bad/1")
        .await
        .assert_problem(502, "upstream:bad");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_breaks_off_is_not_passed_off_as_whole() {
    let good = Upstream::start().await;
    let lengths = RawUpstream::answering_once(
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly the beginning",
    )
    .await;
    let chunks = RawUpstream::answering_once(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    )
    .await;
    for bad in [&lengths, &chunks] {
        let gateway = gateway(bad.address(), &good, "").await;
        let mut client = Raw::connect(gateway.address()).await;
        client.send("GET /bad/1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!(response.status, 200);
        assert!(
            !response.complete,
            "a truncated body looks whole: {response:?}"
        );
        assert!(client.closed().await, "the connection is still open");
        let mut client = Client::http2(gateway.address()).await;
        assert!(
            client.try_fetch(get("/bad/2")).await.is_err(),
            "a truncated stream looks whole"
        );
        assert_eq!(
            client.fetch(get("/good/1")).await.status,
            200,
            "its neighbour noticed"
        );
        assert_eq!(gateway.access("/bad/2").await["outcome"], "upstream-failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_stalls_is_broken_off() {
    let (slow, good) = (Upstream::start().await, Upstream::start().await);
    let gateway = gateway(slow.address(), &good, SHORT).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let stalled = client.try_fetch(get("/bad/1").with(BEHAVIOUR, "stall"));
        let stalled = wait::within("the end of a stalled response", stalled).await;
        assert!(stalled.is_err(), "a stalled response looks whole");
    }
    wait::until("the cancelled requests", async || {
        (slow.cancelled() == 2).then_some(())
    })
    .await;
    assert_eq!(gateway.access("/bad/1").await["outcome"], "timed-out");
}

/// Answers the first request of a connection, then closes it when the second one comes, unread.
async fn one_answer_a_connection() -> RawUpstream {
    RawUpstream::start(async |mut connection| {
        connection.head().await;
        connection
            .write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_connection_is_replaced_without_the_client_noticing() {
    let good = Upstream::start().await;
    let stale = one_answer_a_connection().await;
    let gateway = gateway(stale.address(), &good, "").await;
    let mut client = gateway.client().await;
    for number in 0..30 {
        let answer = client.fetch(get("/bad/1")).await;
        assert_eq!(answer.status, 200, "request {number}: {}", answer.text());
    }
    for number in 0..30 {
        let request = with_body(Method::POST, "/bad/1", body::full("small"));
        let answer = client.fetch(request).await;
        // A POST that was never written may go to another connection; one that
        // was written when the upstream closed may not be sent twice.
        assert!(
            [200, 502].contains(&answer.status.as_u16()),
            "request {number}: {}",
            answer.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_goes_to_a_new_connection_when_the_idle_one_is_known_to_be_closed() {
    let good = Upstream::start().await;
    let stale = one_answer_a_connection().await;
    let gateway = gateway(stale.address(), &good, "").await;
    let mut client = gateway.client().await;
    for number in 1..=5 {
        let request = with_body(Method::POST, "/bad/1", body::full("small"));
        assert_eq!(client.fetch(request).await.status, 200, "request {number}");
        gateway_sees_no_connection(&gateway).await;
    }
    assert_eq!(stale.connections(), 5);
}

/// Waits until the gateway has noticed that the upstream closed.
async fn gateway_sees_no_connection(gateway: &Gateway) {
    wait::until("an empty pool", async || {
        let open = gateway
            .metrics()
            .await
            .sum("sluice_upstream_connections", &[("upstream", "bad")]);
        (open == 0.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_has_bounds() {
    let (slow, good) = (Upstream::start().await, Upstream::start().await);
    let pool = "[upstreams.bad.pool]\nconnections = 1\npending = 1\n";
    let body = upstream("bad", &[slow.address()])
        + pool
        + &upstream("good", &[good.address()])
        + &route("bad", "/bad/*", &[], "bad")
        + &route("good", "/good/*", &[], "good");
    let gateway = Gateway::start(&Settings::new(body).workers(1)).await;
    let mut hanging = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let mut client = gateway.client().await;
        hanging.spawn(async move {
            client
                .try_send(get("/bad/1").with(BEHAVIOUR, "hang"))
                .await
                .map(|answer| answer.status())
        });
    }
    wait::until("a 503", async || {
        let mut client = gateway.client().await;
        let step = std::time::Duration::from_millis(200);
        let answer = tokio::time::timeout(step, client.try_fetch(get("/bad/2")))
            .await
            .ok()?
            .ok()?;
        (answer.status == 503).then_some(())
    })
    .await;
    assert_eq!(
        slow.connections(),
        1,
        "more connections than the pool may have"
    );
    assert_eq!(
        gateway.get("/good/1").await.status,
        200,
        "its neighbour noticed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_wait_for_one_refused_connection_not_for_one_after_the_other() {
    let good = Upstream::start().await;
    // Takes the connection, and never shakes hands.
    let silent = RawUpstream::start(|mut connection| async move {
        connection.peer_closes().await;
    })
    .await;
    let lines = format!("protocol = \"http2\"\ntls = {{}}\n{SHORT}");
    let gateway = gateway(silent.address(), &good, &lines).await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut client = gateway.client().await;
        requests.spawn(async move { client.fetch(get("/bad/1")).await });
    }
    for answer in requests.join_all().await {
        answer.assert_problem(504, "upstream:bad");
    }
    // Two workers, and room for a request that came late.
    let tried = silent.connections();
    assert!(tried <= 6, "{tried} connections for 20 requests");
}
