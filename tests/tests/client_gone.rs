//! Clients that go away before they have their answer.

use http::Method;
use sluice_tests::client::raw::Raw;
use sluice_tests::client::{With, get, with_body};
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::{Client, Gateway, Upstream, body, config, wait};

async fn upstream_is_left_alone(upstream: &Upstream, count: u64) {
    wait::until("the cancelled request", async || {
        (upstream.cancelled() == count).then_some(())
    })
    .await;
}

async fn upstream_has_request(upstream: &Upstream, count: u64) {
    wait::until("the request", async || {
        (upstream.requests() == count).then_some(())
    })
    .await;
}

/// A gateway that speaks this protocol with its upstream.
async fn speaking(protocol: &str, upstream: &Upstream) -> Gateway {
    let body = config::upstream("up", &[upstream.address()])
        + &format!("protocol = {protocol:?}\n")
        + &config::route("all", "/*", &[], "up");
    Gateway::start(&config::Settings::new(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_cancels_the_upstream_request() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&config::plain(upstream.address())).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send(format!(
            "GET /waits HTTP/1.1\r\nHost: a\r\n{BEHAVIOUR}: hang\r\n\r\n"
        ))
        .await;
    upstream_has_request(&upstream, 1).await;
    drop(client);
    upstream_is_left_alone(&upstream, 1).await;
    let line = gateway.access("/waits").await;
    assert_eq!(line["outcome"], "client-gone", "{line}");
    assert_eq!(line["upstream"], "up", "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_reset_cancels_its_own_request_only() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&config::plain(upstream.address())).await;
    let mut client = Client::http2(gateway.address()).await;
    let mut other = client.another();
    let hanging = tokio::spawn(async move {
        let _ = client.try_send(get("/waits").with(BEHAVIOUR, "hang")).await;
    });
    upstream_has_request(&upstream, 1).await;
    hanging.abort();
    upstream_is_left_alone(&upstream, 1).await;
    assert_eq!(gateway.access("/waits").await["outcome"], "client-gone");
    assert_eq!(other.fetch(get("/goes-on")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_nobody_reads_any_more_is_cancelled() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&config::plain(upstream.address())).await;
    let clients = [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ];
    for (number, mut client) in (1..).zip(clients) {
        let path = format!("/download/{number}");
        let response = client
            .send(get(&path).with(BEHAVIOUR, "stream=100000,5"))
            .await;
        assert_eq!(response.status(), 200);
        drop((response, client));
        upstream_is_left_alone(&upstream, number).await;
        assert_eq!(gateway.access(&path).await["outcome"], "client-gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_is_not_completed_at_the_upstream() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&config::plain(upstream.address())).await;

    let mut client = Raw::connect(gateway.address()).await;
    client
        .send("POST /upload/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nthe beginning")
        .await;
    upstream_has_request(&upstream, 1).await;
    drop(client);
    upstream_is_left_alone(&upstream, 1).await;
    let line = gateway.access("/upload/1").await;
    assert_eq!(line["outcome"], "client-gone", "{line}");

    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let before = upstream.cancelled();
        let (writer, body) = body::stream();
        let sent = tokio::spawn(async move {
            let _ = client
                .try_fetch(with_body(Method::POST, "/upload/2", body))
                .await;
        });
        assert!(writer.data("the beginning").await);
        upstream_has_request(&upstream, before + 1).await;
        writer.abort().await;
        upstream_is_left_alone(&upstream, before + 1).await;
        sent.abort();
    }
    assert_eq!(gateway.get("/goes-on").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_after_its_upload_cancels_the_upstream_request() {
    let upstream = Upstream::start().await;
    for protocol in ["http1", "http2"] {
        let gateway = speaking(protocol, &upstream).await;
        let before = upstream.cancelled();
        let requests = upstream.requests();
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send(format!(
                "POST /waits HTTP/1.1\r\nHost: a\r\n{BEHAVIOUR}: hang\r\nContent-Length: 5\r\n\r\nhello"
            ))
            .await;
        upstream_has_request(&upstream, requests + 1).await;
        drop(client);
        upstream_is_left_alone(&upstream, before + 1).await;
        let line = gateway.access("/waits").await;
        assert_eq!(line["outcome"], "client-gone", "{protocol}: {line}");
        assert_eq!(line["request_bytes"], 5, "{protocol}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_within_its_response_is_not_the_upstreams_failure() {
    let upstream = Upstream::start().await;
    for protocol in ["http1", "http2"] {
        let gateway = speaking(protocol, &upstream).await;
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send(format!(
                "POST /both HTTP/1.1\r\nHost: a\r\n{BEHAVIOUR}: both-ways\r\n\
                 Content-Length: 1000\r\n\r\nhello"
            ))
            .await;
        assert!(client.bytes(15).await.starts_with(b"HTTP/1.1 200 OK"));
        drop(client);
        let line = gateway.access("/both").await;
        assert_eq!(line["outcome"], "client-gone", "{protocol}: {line}");
    }
}
