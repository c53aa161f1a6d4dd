//! What plugins can do, hook by hook.

use http::Method;
use sluice_tests::client::{With, get, with_body};
use sluice_tests::config::{plugin, route, upstream};
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::{Client, Gateway, Settings, Upstream, body, plugins, wait};

async fn gateway(to: &Upstream, name: &str, lines: &str) -> Gateway {
    let body = upstream("up", &[to.address()])
        + &plugin("p", &plugins::file(name), lines)
        + &route("all", "/*", &["p"], "up")
        + "body_limit = \"64KiB\"\n";
    Gateway::start(&Settings::new(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_rewritten_in_both_directions() {
    let target = Upstream::start().await;
    let gateway = gateway(&target, "bodies", "").await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let answer = client
            .fetch(with_body(Method::POST, "/", body::full("hello")))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        let inner = text
            .strip_prefix("<<")
            .and_then(|text| text.strip_suffix(">>"));
        let inner = inner.unwrap_or_else(|| panic!("not marked: {text}"));
        let seen = sluice_tests::upstream::Seen(serde_json::from_str(inner).expect("JSON"));
        assert_eq!(seen.text("body"), "<<hello>>");
        assert_eq!(seen.header("content-length"), Some("9"));
        assert_eq!(seen.header("x-body-length"), Some("5"));
        assert_eq!(answer.header("content-length"), text.len().to_string());

        let (writer, streamed) = body::stream();
        let sending = async {
            writer.data("one ").await;
            writer.data("two").await;
            drop(writer);
        };
        let streamed = with_body(Method::POST, "/", streamed);
        let (answer, ()) = tokio::join!(client.fetch(streamed), sending);
        assert!(answer.text().contains("<<one two>>"), "{}", answer.text());

        let answer = client
            .fetch(with_body(Method::POST, "/", body::full("refuse")))
            .await;
        assert_eq!(answer.status, 422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_a_plugin_asks_for_has_a_bound() {
    let target = Upstream::start().await;
    let gateway = gateway(&target, "bodies", "").await;
    let mut client = gateway.client().await;
    let large = with_body(Method::POST, "/large", body::full(vec![b'x'; 100_000]));
    let answer = client.fetch(large).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    let problem = answer.json();
    assert!(
        problem.to_string().contains("body_limit of 65536"),
        "the limit is not named: {problem}"
    );
    assert_eq!(target.requests(), 0, "a body above the limit was forwarded");
    let answer = gateway
        .client()
        .await
        .fetch(get("/").with(BEHAVIOUR, "bytes=100000"))
        .await;
    assert_eq!(answer.status, 502, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_passes_the_response_hooks_of_the_plugins_before_it() {
    let target = Upstream::start().await;
    let (onion, responder) = (plugins::file("onion"), plugins::file("responder"));
    let signed = |name: &str| plugin(name, &onion, &format!("config = {{ name = \"{name}\" }}"));
    let body = upstream("up", &[target.address()])
        + &signed("first")
        + &signed("second")
        + &signed("last")
        + &plugin("responder", &responder, "")
        + &route("all", "/*", &["first", "second", "responder", "last"], "up");
    let gateway = Gateway::start(&Settings::new(body)).await;
    let order = |answer: &sluice_tests::client::Answer| {
        let lines = answer.headers.get_all("x-order").iter();
        lines
            .map(|line| line.to_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let proxied = client.fetch(get("/proxied")).await;
        assert_eq!(
            proxied.seen().values("x-order"),
            ["first", "second", "last"]
        );
        assert_eq!(order(&proxied), ["last", "second", "first"]);
        let replied = client.fetch(get("/respond")).await;
        assert_eq!(
            (replied.status.as_u16(), replied.text()),
            (203, "from the plugin".to_owned())
        );
        assert_eq!(order(&replied), ["second", "first"]);
        assert_eq!(replied.header("x-from"), "responder");
    }
    let line = gateway.access("/respond").await;
    assert_eq!(line["source"], "plugin:responder", "{line}");
    assert_eq!(line["outcome"], "answered-by-plugin", "{line}");
    assert!(line["plugins_us"].as_u64() > Some(0), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_keeps_notes_that_no_other_plugin_sees() {
    let target = Upstream::start().await;
    let file = plugins::file("keeper");
    let keeper = |name: &str| plugin(name, &file, &format!("config = {{ note = \"{name}\" }}"));
    let body = upstream("up", &[target.address()])
        + &keeper("one")
        + &keeper("two")
        + &route("all", "/*", &["one", "two"], "up");
    let gateway = Gateway::start(&Settings::new(body)).await;
    let mut client = gateway.client().await;
    for path in ["/first", "/second"] {
        let answer = client.fetch(get(path)).await;
        let seen = answer.seen();
        assert_eq!(seen.header("x-had-one"), Some("false"));
        assert_eq!(seen.header("x-had-two"), Some("false"));
        let notes: Vec<_> = answer.headers.get_all("x-note").iter().collect();
        assert_eq!(
            notes,
            [
                format!("two {path}").as_str(),
                format!("one {path}").as_str()
            ]
        );
        assert_eq!(answer.header("x-route"), "all");
        assert_eq!(answer.header("x-client"), "127.0.0.1");
        let line = gateway.access(path).await;
        assert_eq!(
            line["tags"],
            serde_json::json!({ "one": "kept", "two": "kept" }),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_chooses_among_the_upstreams_of_its_route() {
    let upstreams = [
        Upstream::named("a").await,
        Upstream::named("b").await,
        Upstream::named("c").await,
    ];
    let body = upstream("a", &[upstreams[0].address()])
        + &upstream("b", &[upstreams[1].address()])
        + &upstream("c", &[upstreams[2].address()])
        + &plugin("chooser", &plugins::file("chooser"), "")
        + "[[routes]]\nname = \"all\"\nplugins = [\"chooser\"]\nupstreams = [\"a\", \"b\"]\n";
    let gateway = Gateway::start(&Settings::new(body)).await;
    let mut client = gateway.client().await;
    let first = client.fetch(get("/")).await;
    assert_eq!(first.header("x-upstream"), "a");
    assert_eq!(first.seen().header("x-choices"), Some("a,b"));
    let second = client.fetch(get("/").with("x-choose", "b")).await;
    assert_eq!(second.header("x-upstream"), "b");
    let undeclared = client.fetch(get("/").with("x-choose", "c")).await;
    undeclared.assert_problem(503, "plugin:chooser");
    assert_eq!(upstreams[2].requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_log_learns_how_an_exchange_ended() {
    let target = Upstream::start().await;
    let gateway = gateway(&target, "counter", "").await;
    let mut client = gateway.client().await;
    client
        .fetch(with_body(Method::POST, "/good", body::full("hello")).with(BEHAVIOUR, "bytes=10"))
        .await;
    gateway.logs(&["counted /good proxied 200 5 10", "p"]).await;
    assert!(
        client
            .try_fetch(get("/broken").with(BEHAVIOUR, "abort"))
            .await
            .is_err()
    );
    gateway.logs(&["counted /broken upstream-failed 200"]).await;
    let mut leaving = gateway.client().await;
    let response = leaving
        .send(get("/leaving").with(BEHAVIOUR, "stream=100000,5"))
        .await;
    drop((response, leaving));
    gateway.logs(&["counted /leaving client-gone 200"]).await;
    let name = "sluice_plugin_custom_exchanges";
    gateway
        .metric_reaches(name, &[("plugin", "p"), ("outcome", "client-gone")], 1.0)
        .await;
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum(name, &[("outcome", "proxied")]), 1.0);
    assert_eq!(metrics.sum(name, &[("outcome", "upstream-failed")]), 1.0);
    assert!(
        metrics.sum(
            "sluice_plugin_calls_total",
            &[("plugin", "p"), ("hook", "on-log")]
        ) >= 3.0
    );
    assert!(!metrics.has("sluice_plugin_calls_total", &[("hook", "on-request")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wasi_plugin_sees_nothing_of_the_machine() {
    let target = Upstream::start().await;
    let file = plugins::wasi_file("wasi");
    let body = upstream("up", &[target.address()])
        + &plugin("curious", &file, "")
        + &route("all", "/*", &["curious"], "up");
    let gateway = Gateway::start(&Settings::new(body)).await;
    let seen = gateway.get("/").await.seen();
    assert_eq!(seen.header("x-env"), Some("0"));
    assert_eq!(seen.header("x-args"), Some("0"));
    assert_eq!(seen.header("x-read"), Some("false"));
    assert_eq!(seen.header("x-list"), Some("false"));
    assert_eq!(seen.header("x-wrote"), Some("false"));
    gateway
        .logs(&["curious", "a line on standard output"])
        .await;
    gateway.logs(&["curious", "a line on standard error"]).await;
    assert_eq!(
        gateway
            .access_log()
            .lines()
            .filter(|line| !line.starts_with('{'))
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_body_hook_nothing_is_held_back() {
    let target = Upstream::start().await;
    let gateway = gateway(&target, "stamp_v1", "").await;
    let (writer, streamed) = body::stream();
    let request = with_body(Method::POST, "/", streamed).with(BEHAVIOUR, "both-ways");
    let mut client = gateway.client().await;
    let response = client.send(request).await;
    assert_eq!(response.headers()["x-stamp"], "v1");
    let mut streamed = response.into_body();
    for _ in 0..3 {
        assert!(writer.data("a piece").await);
        let frame = wait::within("the piece", http_body_util::BodyExt::frame(&mut streamed)).await;
        assert_eq!(
            frame
                .expect("a frame")
                .expect("a body")
                .into_data()
                .expect("data"),
            "a piece"
        );
    }
}
