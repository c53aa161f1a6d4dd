//! Streams of HTTP/2 whose client takes nothing.

use std::sync::atomic::Ordering;

use http::Method;
use http_body_util::BodyExt;
use sluice_tests::client::{With, get, with_body};
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::{Client, Gateway, Settings, Upstream, body, config, wait};

/// One worker with one connection to its upstream.
async fn gateway(upstream: &Upstream) -> Gateway {
    let text = config::upstream("up", &[upstream.address()])
        + "pool = { connections = 1 }\n"
        + &config::route("all", "/*", &[], "up");
    let settings = Settings::new(text)
        .workers(1)
        .listener("[listeners.public.timeouts]\nwrite = \"200ms\"");
    Gateway::start(&settings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_client_takes_nothing_gives_the_upstream_back() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let mut client = Client::http2_with_window(gateway.address(), 0).await;
    let (writer, streamed) = body::stream();
    let requests = [
        get("/waits").with(BEHAVIOUR, "stream=1000000,1"),
        // The response begins while the request is still being sent.
        with_body(Method::POST, "/beside", streamed).with(BEHAVIOUR, "both-ways"),
    ];
    assert!(writer.data("a piece").await);
    for request in requests {
        let path = request.uri().path().to_owned();
        let response = client.send(request).await;
        assert_eq!(response.status(), 200, "{path}");
        let reset = wait::within("the end of the stream", response.into_body().frame()).await;
        assert!(matches!(reset, Some(Err(_))), "{path}: {reset:?}");
        wait::until("the end of the upstream's request", async || {
            (upstream.counters().in_flight.load(Ordering::SeqCst) == 0).then_some(())
        })
        .await;
        assert_eq!(gateway.access(&path).await["outcome"], "client-gone");
        // There is room for another, and the client's connection lives on.
        assert_eq!(gateway.get("/other").await.status, 200);
    }
    assert_eq!(client.send(get("/last")).await.status(), 200);
}
