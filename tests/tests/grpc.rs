//! gRPC through HTTP/2: trailers, streams, and failures as a gRPC client understands them.

use http::Method;
use http_body_util::BodyExt;
use sluice_tests::client::{Answer, With, with_body};
use sluice_tests::config::{route, upstream};
use sluice_tests::upstream::{BEHAVIOUR, nobody};
use sluice_tests::{Client, Gateway, Settings, Upstream, body, grpc, wait};

/// `/up.Service/*` works, `/down.Service/*` is down, others have no route.
async fn gateway(to: &Upstream) -> Gateway {
    let body = upstream("up", &[to.address()])
        + "protocol = \"http2\"\n"
        + &upstream("down", &[nobody()])
        + "protocol = \"http2\"\n"
        + &route("up", "/up.Service/*", &[], "up")
        + &route("down", "/down.Service/*", &[], "down");
    Gateway::start(&Settings::new(body)).await
}

fn assert_grpc_failure(answer: &Answer, status: u32) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer
            .header("content-type")
            .starts_with("application/grpc")
    );
    assert_eq!(grpc::status(answer), Some(status), "{answer:?}");
    let message = answer.headers.get("grpc-message");
    let message = message.or(answer
        .trailers
        .as_ref()
        .and_then(|all| all.get("grpc-message")));
    assert!(
        message.is_some_and(|message| !message.is_empty()),
        "no message: {answer:?}"
    );
    assert!(answer.body.is_empty(), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_passes_with_its_trailers() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let mut client = Client::http2(gateway.address()).await;
    for status in [0, 5] {
        let call = grpc::call("/up.Service/Method", b"hello");
        let answer = client
            .fetch(call.with(BEHAVIOUR, &format!("grpc={status}")))
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/grpc");
        assert_eq!(answer.body, grpc::frame(b"hello"));
        let trailers = answer.trailers.as_ref().expect("trailers");
        assert_eq!(trailers["grpc-status"], status.to_string());
        assert_eq!(trailers["grpc-message"], "from the upstream");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_learns_that_the_caller_takes_trailers() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let mut client = Client::http2(gateway.address()).await;
    let answer = client
        .fetch(grpc::call("/up.Service/Method", b"hello"))
        .await;
    assert_eq!(answer.seen().header("te"), Some("trailers"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_stream_both_ways() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let mut client = Client::http2(gateway.address()).await;
    let (writer, body) = body::stream();
    let call = with_body(Method::POST, "/up.Service/Stream", body)
        .with("content-type", "application/grpc")
        .with("te", "trailers")
        .with(BEHAVIOUR, "both-ways");
    let mut response = client.send(call).await.into_body();
    for number in 0..5 {
        let message = grpc::frame(format!("message {number}").as_bytes());
        assert!(writer.data(message.clone()).await);
        let frame = wait::within("the message", response.frame()).await;
        assert_eq!(
            frame
                .expect("a frame")
                .expect("a body")
                .into_data()
                .expect("data"),
            message
        );
    }
    drop(writer);
    wait::within("the end", response.collect())
        .await
        .expect("a whole body");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_gateway_are_grpc_statuses() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let mut client = Client::http2(gateway.address()).await;
    // UNAVAILABLE and UNIMPLEMENTED.
    let answer = client
        .fetch(grpc::call("/down.Service/Method", b"hello"))
        .await;
    assert_grpc_failure(&answer, 14);
    let answer = client
        .fetch(grpc::call("/no.Service/Method", b"hello"))
        .await;
    assert_grpc_failure(&answer, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_breaks_off_is_reset() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let mut client = Client::http2(gateway.address()).await;
    let call = grpc::call("/up.Service/Method", b"hello").with(BEHAVIOUR, "grpc-abort");
    match wait::within("the end", client.try_fetch(call)).await {
        Err(_) => {}
        // The reset overtook the head: the gateway can still say so itself.
        Ok(answer) => assert_grpc_failure(&answer, 14),
    }
    let again = client
        .fetch(grpc::call("/up.Service/Method", b"x").with(BEHAVIOUR, "grpc=0"))
        .await;
    assert_eq!(
        grpc::status(&again),
        Some(0),
        "the connection did not survive"
    );
}
