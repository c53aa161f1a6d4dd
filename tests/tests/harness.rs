//! The tools of the tests, without a gateway between them.

use http::{Method, Version};
use sluice_tests::client::{With, get, with_body};
use sluice_tests::load::{self, Load, Protocol};
use sluice_tests::upstream::{BEHAVIOUR, raw::RawUpstream};
use sluice_tests::{Client, Upstream, body, grpc, wait, websocket};

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_speaks_both_protocols_on_one_port() {
    let upstream = Upstream::named("a").await;
    for (mut client, version) in [
        (Client::http1(upstream.address()).await, Version::HTTP_11),
        (Client::http2(upstream.address()).await, Version::HTTP_2),
    ] {
        let answer = client
            .fetch(with_body(Method::PUT, "/x?y", body::full("hello")))
            .await;
        assert_eq!(answer.version, version);
        assert_eq!(answer.header("x-upstream"), "a");
        let seen = answer.json();
        assert_eq!(seen["method"], "PUT");
        assert_eq!(seen["target"], "/x?y");
        assert_eq!(seen["body"], "hello");
    }
    assert_eq!((upstream.requests(), upstream.connections()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_notices_a_client_that_goes_away() {
    let upstream = Upstream::start().await;
    for behaviour in ["hang", "stall"] {
        let before = upstream.cancelled();
        let mut client = Client::http1(upstream.address()).await;
        let request = client.try_send(get("/").with(BEHAVIOUR, behaviour));
        let _ = tokio::time::timeout(std::time::Duration::from_millis(50), request).await;
        drop(client);
        wait::until("the cancelled request", async || {
            (upstream.cancelled() > before).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_response_is_not_taken_for_a_whole_one() {
    let upstream = Upstream::start().await;
    for mut client in [
        Client::http1(upstream.address()).await,
        Client::http2(upstream.address()).await,
    ] {
        assert!(
            client
                .try_fetch(get("/").with(BEHAVIOUR, "abort"))
                .await
                .is_err()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_status_is_read_from_the_trailers() {
    let upstream = Upstream::start().await;
    let mut client = Client::http2(upstream.address()).await;
    let answer = client
        .fetch(grpc::call("/s/m", b"hi").with(BEHAVIOUR, "grpc=7"))
        .await;
    assert_eq!(grpc::status(&answer), Some(7));
    assert_eq!(answer.body, grpc::frame(b"hi"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_counts_what_fails() {
    let upstream = Upstream::start().await;
    let good = Load::start(
        upstream.address(),
        &[Protocol::Http1, Protocol::Http2],
        || get("/"),
        load::ok,
    );
    good.goes_on_for(20).await;
    good.stop().await.assert_flawless();

    let bad = RawUpstream::answering("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n").await;
    let bad_load = Load::start(bad.address(), &[Protocol::Http1], || get("/"), load::ok);
    wait::until("a connection", async || {
        (bad.connections() > 0).then_some(())
    })
    .await;
    let report = bad_load.stop().await;
    assert!(
        report.failures.iter().all(|why| why.starts_with("500")),
        "{report:?}"
    );
    assert_eq!(report.succeeded, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_echoes() {
    let echo = websocket::Echo::start().await;
    let mut socket = websocket::Socket::open(echo.address(), "/").await;
    socket.round_trip("hello").await;
    socket.close().await;
}
