//! The tools of the tests, without a gateway between them.

use std::time::Duration;

use http::{Method, Version};
use sluice_tests::client::{With, get, with_body};
use sluice_tests::load::{self, Load, Protocol};
use sluice_tests::tcp_proxy::Path;
use sluice_tests::upstream::{BEHAVIOUR, raw::RawUpstream};
use sluice_tests::{Client, Redis, TcpProxy, Upstream, body, grpc, wait, websocket};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_comes_back_where_it_was_with_nothing_in_it() {
    let mut redis = Redis::start().await;
    redis.tell("SET a 1").await;
    assert_eq!(redis.keys().await, ["a"]);
    redis.kill();
    assert!(TcpStream::connect(redis.address()).await.is_err());
    redis.start_again().await;
    assert!(redis.keys().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tcp_proxy_does_as_it_is_told_and_passes_again() {
    let upstream = Upstream::start().await;
    let proxy = TcpProxy::start(upstream.address()).await;
    let brief = Duration::from_millis(100);
    for path in [
        Path::Delay(Duration::from_secs(3600)),
        Path::Hold,
        Path::Cut,
        Path::Reset,
        Path::Refuse,
    ] {
        let mut open = Client::http1(proxy.address()).await;
        assert_eq!(open.fetch(get("/")).await.status, 200, "before {path:?}");
        proxy.set(path);
        let mut stream = wait::until("what was asked for", async || {
            let stream = TcpStream::connect(proxy.address()).await;
            (stream.is_err() == (path == Path::Refuse)).then_some(stream)
        })
        .await;
        let waits = matches!(path, Path::Delay(_) | Path::Hold);
        let answer = tokio::time::timeout(brief, open.try_fetch(get("/"))).await;
        match answer {
            Err(_) => assert!(waits, "nothing came: {path:?}"),
            Ok(answer) => assert!(answer.is_err() && !waits, "{path:?}: {answer:?}"),
        }
        if let (Ok(stream), false) = (&mut stream, waits) {
            let mut byte = [0];
            let read = wait::within("an end", stream.read(&mut byte)).await;
            assert_eq!(read.is_err(), path == Path::Reset, "{path:?}: {read:?}");
        }
        proxy.set(Path::Pass);
        wait::until("an answer", async || {
            let mut client = Client::try_http1(proxy.address()).await.ok()?;
            let answer = client.try_fetch(get("/")).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
    }
}
