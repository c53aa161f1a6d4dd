//! What the gateway promises about calls, whoever makes them.

use std::sync::Arc;

use http::Response;
use sluice_tests::body::Body;
use sluice_tests::client::get;
use sluice_tests::config::{plugin, route, upstream};
use sluice_tests::upstream::{Service, service};
use sluice_tests::{Client, Gateway, Settings, Upstream, wait};
use tokio::task::JoinSet;

use super::{COMPOSE, Gate};

/// `/ask/{id}` asks `service:/api/ID`, `/other/*` asks nobody; one worker, so
/// that who waits could be in the way of the others.
fn settings(asked: &Service, other: &Upstream, lines: &str) -> Settings {
    let config = "config = { parts = [{ name = \"part\", target = \"service:/api/{id}\", \
                  required = true, timeout = \"30s\" }] }\n\
                  grants = { http = [\"service:/api\"] }\n";
    Settings::new(
        upstream("service", &[asked.address()])
            + &upstream("other", &[other.address()])
            + &plugin("asks", &COMPOSE, &format!("{config}{lines}"))
            + &route("asking", "/ask/{id}", &["asks"], "other")
            + &route("other", "/other/*", &[], "other"),
    )
    .workers(1)
}

/// A service whose answers wait at a gate; only `/api/quick` does not.
async fn gated(gate: &Gate) -> Service {
    let gate = gate.clone();
    Service::start(move |asked| {
        let gate = gate.clone();
        async move {
            if asked.target != "/api/quick" {
                gate.pass().await;
            }
            service::json(200, "1") as Response<Body>
        }
    })
    .await
}

/// Requests in the background, all to be answered with 200.
fn ask(gateway: &Gateway, count: usize) -> JoinSet<(u16, String)> {
    let mut asking = JoinSet::new();
    for number in 0..count {
        let address = gateway.address();
        asking.spawn(async move {
            let mut client = Client::http1(address).await;
            let answer = client.fetch(get(&format!("/ask/{number}"))).await;
            (answer.status.as_u16(), answer.text())
        });
    }
    asking
}

async fn all_answered(mut asking: JoinSet<(u16, String)>) {
    while let Some(answer) = asking.join_next().await {
        let (status, text) = answer.expect("no client panics");
        assert_eq!((status, &*text), (200, "{\"part\":1}"));
    }
}

async fn waiting(asked: &Service, count: usize) {
    wait::until(&format!("{count} calls in flight"), async || {
        (asked.answering() == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_wait_on_one_worker_and_hold_up_nobody() {
    let (gate, other) = (Gate::closed(), Upstream::start().await);
    let asked = gated(&gate).await;
    let gateway = Gateway::start(&settings(&asked, &other, "limits = { instances = 128 }")).await;
    let asking = ask(&gateway, 100);
    waiting(&asked, 100).await;
    assert_eq!(gateway.get("/other/x").await.status, 200);
    assert_eq!(gateway.get("/ask/quick").await.text(), "{\"part\":1}");
    gate.open();
    all_answered(asking).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_instance_waits_for_one() {
    let (gate, other) = (Gate::closed(), Upstream::start().await);
    let asked = gated(&gate).await;
    let gateway = Gateway::start(&settings(&asked, &other, "limits = { instances = 8 }")).await;
    let asking = ask(&gateway, 100);
    waiting(&asked, 8).await;
    assert_eq!(gateway.get("/other/x").await.status, 200);
    gate.open();
    all_answered(asking).await;
    assert_eq!(asked.most_at_once(), 8);
    assert_eq!(asked.asked().len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_the_queue_holds_up_nobody() {
    let (gate, other) = (Gate::closed(), Upstream::start().await);
    let asked = gated(&gate).await;
    let lines = "limits = { instances = 1, wait = \"20s\" }";
    let gateway = Gateway::start(&settings(&asked, &other, lines)).await;
    // Who is next, and whether it leaves before it notices, is a matter of luck.
    for _ in 0..10 {
        gate.close();
        let first = ask(&gateway, 1);
        waiting(&asked, 1).await;
        let (mut leaving, staying) = (ask(&gateway, 8), ask(&gateway, 8));
        // All of them are at the gateway: it has heard their requests.
        gateway
            .metric_reaches("sluice_worker_exchanges", &[], 17.0)
            .await;
        // While some leave, the instance goes from one to the next.
        gate.open();
        leaving.abort_all();
        while leaving.join_next().await.is_some() {}
        all_answered(first).await;
        all_answered(staying).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_takes_its_calls_with_it() {
    let (gate, other) = (Gate::closed(), Upstream::start().await);
    let asked = gated(&gate).await;
    let gateway = Gateway::start(&settings(&asked, &other, "limits = { instances = 4 }")).await;
    // More than there are instances: leaving must give them back.
    for round in 1..=3_u64 {
        let mut asking = ask(&gateway, 4);
        waiting(&asked, 4).await;
        asking.abort_all();
        while asking.join_next().await.is_some() {}
        wait::until("the calls that were given up", async || {
            (asked.given_up() == 4 * round).then_some(())
        })
        .await;
    }
    let line = gateway.access("/ask/0").await;
    assert_eq!(line["outcome"], "client-gone", "{line}");
    // Leaving is no failure of the plugin: it is not left alone.
    assert_eq!(gateway.get("/ask/quick").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_reset_takes_its_call_with_it_and_no_other() {
    let (gate, other) = (Gate::closed(), Upstream::start().await);
    let asked = gated(&gate).await;
    let gateway = Gateway::start(&settings(&asked, &other, "")).await;
    let client = Arc::new(Client::http2(gateway.address()).await);
    let stream = |path: &'static str| {
        let mut client = client.another();
        tokio::spawn(async move { client.try_fetch(get(path)).await })
    };
    let (leaving, staying) = (stream("/ask/leaving"), stream("/ask/staying"));
    waiting(&asked, 2).await;
    leaving.abort();
    waiting(&asked, 1).await;
    gate.open();
    let answer = staying.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(asked.given_up(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_while_calls_are_in_flight_fails_none() {
    let (gate, other) = (Gate::closed(), Upstream::start().await);
    let asked = gated(&gate).await;
    let gateway = Gateway::start(&settings(&asked, &other, "limits = { instances = 4 }")).await;
    // Some wait for the service, some for an instance.
    let asking = ask(&gateway, 10);
    waiting(&asked, 4).await;
    // Another service, another limit: another pool and another binding.
    let new = Service::json(200, "2").await;
    let changed = settings(&new, &other, "limits = { instances = 2 }");
    gateway.apply(&changed).await;
    assert_eq!(gateway.get("/ask/0").await.text(), "{\"part\":2}");
    gate.open();
    all_answered(asking).await;
    assert_eq!(asked.given_up(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_granted_is_called() {
    let (gate, other) = (Gate::closed(), Upstream::start().await);
    gate.open();
    let asked = gated(&gate).await;
    let settings = |target: &str| {
        let toml = settings(&asked, &other, "").toml();
        toml.replace("service:/api/{id}", target)
    };
    for target in [
        "service:/",
        "service:/apis/x",
        "service:/api%2f..%2fx",
        "service:/api/%2e%2e/x",
        "other:/api/x",
        "nobody:/api/x",
    ] {
        let gateway = Gateway::start_text(&settings(target)).await;
        let answer = gateway.get("/ask/1").await;
        assert!(
            [502, 503].contains(&answer.status.as_u16()),
            "{target}: {}",
            answer.text()
        );
    }
    assert!(asked.asked().is_empty());
    assert_eq!(other.requests(), 0);
    let gateway = Gateway::start_text(&settings("service:/api")).await;
    assert_eq!(gateway.get("/ask/1").await.status, 200);
}
