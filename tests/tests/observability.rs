//! Access log, metrics, health.

use std::collections::BTreeSet;

use http::Method;
use sluice_tests::client::{With, get, with_body};
use sluice_tests::config::{plain, route, upstream};
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::{Client, Gateway, Settings, Upstream, body, wait};

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_says_what_happened() {
    let target = Upstream::start().await;
    let gateway = Gateway::start(&plain(target.address())).await;
    let mut client = Client::http2(gateway.address()).await;
    let request = with_body(Method::POST, "/logged?secret=hunter2", body::full("hello"))
        .with(BEHAVIOUR, "bytes=1234");
    assert_eq!(client.fetch(request).await.status, 200);
    let line = gateway.access("/logged").await;
    let expected = serde_json::json!({
        "listener": "public", "client": "127.0.0.1", "method": "POST", "host": "gateway.test",
        "path": "/logged", "route": "all", "upstream": "up",
        "target": target.address().to_string(), "status": 200, "source": "upstream:up",
        "outcome": "proxied", "request_bytes": 5, "response_bytes": 1234,
    });
    for (key, value) in expected.as_object().expect("a table") {
        assert_eq!(&line[key], value, "{key} in {line}");
    }
    assert!(
        line["protocol"]
            .as_str()
            .is_some_and(|protocol| protocol.contains('2')),
        "{line}"
    );
    assert!(
        line["time"].as_str().is_some_and(|time| time.contains('T')),
        "{line}"
    );
    assert!(
        !line["request_id"].as_str().unwrap_or_default().is_empty(),
        "{line}"
    );
    assert!(
        line["duration_us"].as_u64() >= line["upstream_us"].as_u64(),
        "{line}"
    );
    assert!(line["upstream_us"].as_u64() > Some(0), "{line}");
    assert!(
        !gateway.access_log().contains("hunter2"),
        "a query is logged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_exchange_has_one_line() {
    let target = Upstream::start().await;
    let gateway = Gateway::start(&plain(target.address())).await;
    let mut client = gateway.client().await;
    for number in 0..50 {
        client.fetch(get(&format!("/{number}"))).await;
    }
    for number in 0..50 {
        gateway.access(&format!("/{number}")).await;
    }
    assert_eq!(gateway.access_log().lines().count(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_can_go_to_a_file_or_nowhere() {
    let target = Upstream::start().await;
    let text = plain(target.address()).toml();
    let gateway =
        Gateway::start_text(&format!("{text}[access_log]\noutput = \"access.log\"\n")).await;
    gateway.get("/in-a-file").await;
    let file = gateway.folder().join("access.log");
    wait::until("a line in the file", async || {
        std::fs::read_to_string(&file)
            .ok()
            .filter(|text| text.contains("/in-a-file"))
    })
    .await;
    assert_eq!(gateway.access_log(), "");
    let silent = Gateway::start_text(&format!("{text}[access_log]\noutput = \"off\"\n")).await;
    silent.get("/nowhere").await;
    silent
        .metric_reaches("sluice_requests_total", &[("route", "all")], 1.0)
        .await;
    assert_eq!(silent.access_log(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened() {
    let target = Upstream::start().await;
    let body = upstream("up", &[target.address()])
        + &upstream("down", &[sluice_tests::upstream::nobody()])
        + &route("good", "/good/*", &[], "up")
        + &route("bad", "/bad/*", &[], "down");
    let gateway = Gateway::start(&Settings::new(body)).await;
    let mut client = gateway.client().await;
    for _ in 0..3 {
        client.fetch(get("/good/1")).await;
    }
    client
        .fetch(get("/good/1").with(BEHAVIOUR, "status=418"))
        .await;
    let failed = client.fetch(get("/bad/1")).await.status;
    client.fetch(get("/nowhere")).await;
    gateway
        .metric_reaches("sluice_requests_total", &[], 6.0)
        .await;
    let metrics = gateway.metrics().await;
    let requests = |labels: &[(&str, &str)]| metrics.sum("sluice_requests_total", labels);
    assert_eq!(
        requests(&[("route", "good"), ("upstream", "up"), ("status", "200")]),
        3.0
    );
    assert_eq!(
        requests(&[("route", "good"), ("upstream", "up"), ("status", "418")]),
        1.0
    );
    assert_eq!(
        requests(&[("route", "bad"), ("status", failed.as_str())]),
        1.0
    );
    assert_eq!(requests(&[("status", "404")]), 1.0);
    assert_eq!(
        metrics.sum(
            "sluice_request_duration_seconds_count",
            &[("route", "good")]
        ),
        4.0
    );
    let infinite = [("route", "good"), ("le", "+Inf")];
    assert_eq!(
        metrics.sum("sluice_request_duration_seconds_bucket", &infinite),
        4.0
    );
    assert!(metrics.sum("sluice_request_duration_seconds_sum", &[("route", "good")]) > 0.0);
    assert_eq!(
        metrics.sum(
            "sluice_upstream_duration_seconds_count",
            &[("upstream", "up")]
        ),
        4.0
    );
    assert_eq!(
        metrics.sum("sluice_connections", &[("listener", "public")]),
        1.0
    );
    // Idle connections are counted now and then.
    gateway
        .metric_reaches("sluice_upstream_connections", &[("upstream", "up")], 1.0)
        .await;
    assert!(metrics.sum("sluice_generation", &[]) >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_cannot_make_series() {
    let target = Upstream::start().await;
    let gateway = Gateway::start(&plain(target.address())).await;
    let mut client = gateway.client().await;
    client.fetch(get("/first")).await;
    gateway
        .metric_reaches("sluice_requests_total", &[], 1.0)
        .await;
    let series = |metrics: sluice_tests::metrics::Metrics| {
        metrics
            .0
            .into_iter()
            .map(|sample| format!("{}{:?}", sample.name, sample.labels))
            .collect::<BTreeSet<_>>()
    };
    let before = series(gateway.metrics().await);
    for number in 0..50 {
        let request = with_body(Method::POST, &format!("/{number}"), body::empty())
            .with("host", &format!("host-{number}.test"))
            .with("user-agent", &format!("agent-{number}"));
        client.fetch(request).await;
    }
    gateway
        .metric_reaches("sluice_requests_total", &[], 51.0)
        .await;
    let after = series(gateway.metrics().await);
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "{new:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_answers_what_probes_ask() {
    let target = Upstream::start().await;
    let gateway = Gateway::start(&plain(target.address())).await;
    for path in ["/healthz", "/readyz", "/metrics", "/generations"] {
        assert_eq!(
            gateway.ask_admin(Method::GET, path).await.status,
            200,
            "{path}"
        );
    }
    assert_eq!(gateway.ask_admin(Method::GET, "/nothing").await.status, 404);
    assert_eq!(gateway.ask_admin(Method::GET, "/reload").await.status, 405);
    let generations = gateway.ask_admin(Method::GET, "/generations").await.json();
    assert!(
        generations
            .to_string()
            .contains(&gateway.generation().await.to_string())
    );
    // The admin API is not on the public side.
    assert!(
        gateway
            .get("/metrics")
            .await
            .headers
            .contains_key("x-upstream")
    );
}
