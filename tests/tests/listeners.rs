//! Addresses that a gateway listens on, and leaves.

use std::io::ErrorKind;
use std::net::SocketAddr;

use http::Method;
use http_body_util::BodyExt;
use rustix::process::Signal;
use sluice_tests::client::{Client, With, get};
use sluice_tests::config::{plain, route, upstream};
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::{Gateway, Settings, Upstream, port, wait};
use tokio::net::TcpStream;

/// Waits until the kernel refuses connections to this address.
async fn refused(address: SocketAddr) {
    wait::until("a connection that is refused", async || {
        let connected = TcpStream::connect(address).await;
        let refused = |why: std::io::Error| why.kind() == ErrorKind::ConnectionRefused;
        connected.is_err_and(refused).then_some(())
    })
    .await;
}

/// `public`, and a listener `second` on this address.
fn with_second(to: &Upstream, address: SocketAddr) -> Settings {
    Settings::new(
        upstream("up", &[to.address()])
            + &route("all", "/*", &[], "up")
            + &format!("[listeners.second]\naddress = \"{address}\"\n"),
    )
}

async fn serves(address: SocketAddr) {
    let answer = Client::http1(address).await.fetch(get("/")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_connects_to_a_gateway_that_is_stopping() {
    let target = Upstream::start().await;
    let mut gateway = Gateway::start(&plain(target.address())).await;
    let address = gateway.address();
    let mut client = gateway.client().await;
    let response = client
        .send(get("/download").with(BEHAVIOUR, "stream=100000,10"))
        .await;
    gateway.signal(Signal::TERM);
    refused(address).await;
    let ready = gateway.ask_admin(Method::GET, "/readyz").await;
    assert_eq!(ready.status, 503, "the process is there still");
    let mut body = response.into_body();
    let more = wait::within("more of the download", body.frame()).await;
    assert!(more.is_some_and(|frame| frame.is_ok()));
    drop((body, client));
    assert!(gateway.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_was_removed_cannot_be_connected_to_and_comes_back() {
    let target = Upstream::start().await;
    let (_reserved, address) = port::reserved();
    let gateway = Gateway::start(&with_second(&target, address)).await;
    let mut client = Client::http1(address).await;
    // An exchange keeps its generation, and no socket with it.
    let download = client
        .send(get("/download").with(BEHAVIOUR, "stream=100000,10"))
        .await;
    gateway.apply(&plain(target.address())).await;
    refused(address).await;
    let mut body = download.into_body();
    let more = wait::within("more of the download", body.frame()).await;
    assert!(more.is_some_and(|frame| frame.is_ok()));
    assert_eq!(gateway.rollback(None).await.outcome, "applied");
    serves(address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_can_move_away_and_back() {
    let target = Upstream::start().await;
    let (_here, here) = port::reserved();
    let (_there, there) = port::reserved();
    let gateway = Gateway::start(&with_second(&target, here)).await;
    for (from, to) in [(here, there), (there, here), (here, there)] {
        gateway.apply(&with_second(&target, to)).await;
        serves(to).await;
        refused(from).await;
    }
}
