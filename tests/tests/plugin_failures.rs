//! Plugins that misbehave: what it costs, and whom.

use sluice_tests::client::{Answer, With, get};
use sluice_tests::config::{plugin, route, upstream};
use sluice_tests::load::{self, Load, Protocol};
use sluice_tests::{Client, Gateway, Settings, Upstream, grpc, plugins};

/// What fails; the outcome's name in metrics is the gateway's own.
const FAILURES: &[&str] = &[
    "trap",
    "loop",
    "grow",
    "recurse",
    "error",
    "invalid-name",
    "invalid-value",
    "invalid-status",
    "big",
    "reserved-header",
];

/// `/deny/*` and `/skip/*` pass the hostile plugin, `/other/*` does not; `/teapot/*` has a status of its own.
fn settings(to: &Upstream) -> Settings {
    let limits =
        "limits = { deadline = \"30ms\", memory = \"8MiB\", host_call_bytes = \"1MiB\" }\n";
    let file = plugins::file("hostile");
    Settings::new(
        upstream("up", &[to.address()])
            + &plugin("deny", &file, limits)
            + &plugin("skip", &file, &format!("{limits}on_error = \"skip\"\n"))
            + &plugin("own", &file, &format!("{limits}on_error_status = 599\n"))
            + &route("deny", "/deny/*", &["deny"], "up")
            + &route("skip", "/skip/*", &["skip"], "up")
            + &route("own", "/own/*", &["own"], "up")
            + &route("other", "/other/*", &[], "up"),
    )
}

/// A plugin that fails again and again is left out for a while, so that each
/// kind of failure gets a gateway of its own.
async fn provoke(
    target: &Upstream,
    what: &str,
    path: &str,
    hook: &'static str,
) -> (Gateway, Answer) {
    let gateway = Gateway::start(&settings(target)).await;
    let answer = gateway
        .client()
        .await
        .fetch(get(path).with(hook, what))
        .await;
    (gateway, answer)
}

async fn assert_seen(gateway: &Gateway, name: &str, hook: &str, what: &str) {
    let labels = [("plugin", name), ("hook", hook)];
    let metrics = gateway.metrics().await;
    let all = metrics.sum("sluice_plugin_calls_total", &labels);
    let good = metrics.sum(
        "sluice_plugin_calls_total",
        &[labels[0], labels[1], ("outcome", "ok")],
    );
    assert_eq!(all - good, 1.0, "{what}: no failed call in the metrics");
    gateway.logs(&[name, hook]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_denies_its_own_exchange() {
    let target = Upstream::start().await;
    for what in FAILURES {
        let (gateway, answer) = provoke(&target, what, "/deny/1", "x-hostile").await;
        answer.assert_problem(503, "plugin:deny");
        assert!(
            !answer.text().contains("on purpose"),
            "{what}: the client reads the plugin's message"
        );
        assert_seen(&gateway, "deny", "on-request", what).await;
        assert_eq!(
            gateway.get("/other/1").await.status,
            200,
            "{what}: its neighbour noticed"
        );
        assert_eq!(
            gateway.get("/deny/again").await.status,
            200,
            "{what}: the next call failed too"
        );
        let line = gateway.access("/deny/1").await;
        assert_eq!(line["source"], "plugin:deny", "{what}: {line}");
        assert_eq!(line["outcome"], "answered-by-gateway", "{what}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_can_be_skipped_with_its_edits() {
    let target = Upstream::start().await;
    for what in FAILURES {
        let (gateway, answer) = provoke(&target, what, "/skip/1", "x-hostile").await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        assert_eq!(
            answer.seen().header("x-edited"),
            None,
            "{what}: half an edit was kept"
        );
        assert_seen(&gateway, "skip", "on-request", what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_hook_that_fails_denies_or_is_skipped() {
    let target = Upstream::start().await;
    for what in FAILURES {
        let (gateway, denied) = provoke(&target, what, "/deny/1", "x-hostile-response").await;
        denied.assert_problem(503, "plugin:deny");
        assert_seen(&gateway, "deny", "on-response", what).await;
        let skipped = get("/skip/1").with("x-hostile-response", what);
        let skipped = gateway.client().await.fetch(skipped).await;
        assert_eq!(skipped.status, 200, "{what}: {}", skipped.text());
        assert_eq!(
            skipped.header("x-edited"),
            "",
            "{what}: half an edit was kept"
        );
        assert_eq!(skipped.seen().text("target"), "/skip/1", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_chooses_the_status_of_a_failed_plugin() {
    let target = Upstream::start().await;
    let (_gateway, answer) = provoke(&target, "trap", "/own/1", "x-hostile").await;
    answer.assert_problem(599, "plugin:own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_plugin_is_unavailable_to_a_grpc_caller() {
    let target = Upstream::start().await;
    let gateway = Gateway::start(&settings(&target)).await;
    let mut client = Client::http2(gateway.address()).await;
    let call = grpc::call("/deny/Method", b"hello").with("x-hostile", "trap");
    let answer = client.fetch(call).await;
    assert_eq!(answer.status, 200);
    assert_eq!(grpc::status(&answer), Some(14), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn header_values_that_are_not_text_pass() {
    let target = Upstream::start().await;
    let (_gateway, answer) = provoke(&target, "latin1", "/deny/1", "x-hostile").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["x-latin1"].as_bytes(), b"caf\xe9");
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_of_a_failing_plugin_notice_nothing() {
    let target = Upstream::start().await;
    let gateway = Gateway::start(&settings(&target)).await;
    let load = Load::start(
        gateway.address(),
        &[Protocol::Http1, Protocol::Http1, Protocol::Http2],
        || get("/other/1"),
        load::ok,
    );
    load.goes_on_for(20).await;
    let mut client = gateway.client().await;
    for what in FAILURES.iter().cycle().take(60) {
        let answer = client.fetch(get("/deny/1").with("x-hostile", what)).await;
        assert_eq!(answer.status, 503, "{what}: {}", answer.text());
    }
    load.goes_on_for(20).await;
    load.stop().await.assert_flawless();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_traps_again_and_again_is_left_out_and_the_log_says_so() {
    let target = Upstream::start().await;
    let gateway = Gateway::start(&settings(&target).workers(1)).await;
    let mut client = gateway.client().await;
    for _ in 0..20 {
        let answer = client.fetch(get("/deny/1").with("x-hostile", "trap")).await;
        answer.assert_problem(503, "plugin:deny");
    }
    // A good request is refused as well: the plugin is not asked any more.
    client
        .fetch(get("/deny/1"))
        .await
        .assert_problem(503, "plugin:deny");
    gateway.logs(&["deny", "left alone"]).await;
    assert_eq!(client.fetch(get("/other/1")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_returns_errors_is_still_asked() {
    let target = Upstream::start().await;
    let gateway = Gateway::start(&settings(&target).workers(1)).await;
    let mut client = gateway.client().await;
    for what in ["error", "invalid-status"].iter().cycle().take(20) {
        let answer = client.fetch(get("/deny/1").with("x-hostile", what)).await;
        answer.assert_problem(503, "plugin:deny");
    }
    // One client's requests do not turn the plugin off for another's.
    assert_eq!(client.fetch(get("/deny/1")).await.status, 200);
}
