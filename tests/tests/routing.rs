//! Which route a request takes, and what the upstream gets of its path.

use http::{Method, Request};
use sluice_tests::body::Body;
use sluice_tests::client::{With, get, request};
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::{Client, Gateway, Settings, Upstream, config, wait};

/// Routes by name; each name is its upstream's too.
const ROUTES: &[(&str, &str)] = &[
    ("any", "path = \"/*\""),
    ("exact", "path = \"/orders\""),
    ("prefix", "path = \"/orders/*\""),
    ("capture", "path = \"/orders/{id}\""),
    ("below", "path = \"/orders/{id}/items/*\""),
    ("post", "path = \"/orders/*\", methods = [\"POST\"]"),
    (
        "beta",
        "path = \"/orders/*\", headers = { x-beta = \"yes\" }",
    ),
    ("query", "path = \"/orders/*\", query = { v = \"2 b\" }"),
    (
        "present",
        "path = \"/present\", headers = { x-any = \"*\" }",
    ),
    ("host", "host = \"api.test\", path = \"/*\""),
    ("wild", "host = \"*.api.test\", path = \"/*\""),
    ("deep", "host = \"*.deep.api.test\", path = \"/*\""),
];

async fn gateway() -> (Gateway, Vec<Upstream>) {
    let mut upstreams = Vec::new();
    let mut body = String::new();
    for (name, matcher) in ROUTES {
        let upstream = Upstream::named(name).await;
        body += &config::upstream(name, &[upstream.address()]);
        body += &format!(
            "[[routes]]\nname = \"{name}\"\nmatch = {{ {matcher} }}\nupstreams = [\"{name}\"]\n"
        );
        upstreams.push(upstream);
    }
    (Gateway::start(&Settings::new(body)).await, upstreams)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_specific_route_wins() {
    let (gateway, _upstreams) = gateway().await;
    let post = |path| request(Method::POST, path);
    let expected: Vec<(Request<Body>, &str)> = vec![
        (get("/"), "any"),
        (get("/order"), "any"),
        (get("/orders"), "exact"),
        (get("/orders/7"), "capture"),
        (get("/orders/7/"), "prefix"),
        (get("/orders/7/x"), "prefix"),
        (get("/orders/7/items"), "below"),
        (get("/orders/7/items/9"), "below"),
        (post("/orders/7/x"), "post"),
        (get("/orders/7/x").with("x-beta", "yes"), "beta"),
        (get("/orders/7/x").with("x-beta", "no"), "prefix"),
        (get("/orders/7/x?v=2+b"), "query"),
        (get("/orders/7/x?v=2%20b&w"), "query"),
        (get("/orders/7/x?v=2"), "prefix"),
        (get("/present").with("x-any", ""), "present"),
        (get("/present"), "any"),
        (get("/orders").with("host", "api.test"), "host"),
        (get("/orders").with("host", "API.test:8080"), "host"),
        (get("/orders").with("host", "a.api.test"), "wild"),
        (get("/orders").with("host", "a.deep.api.test"), "deep"),
        (get("/orders").with("host", "notapi.test"), "exact"),
    ];
    let mut clients = [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ];
    for (wanted, route) in expected {
        let (head, _) = wanted.into_parts();
        for client in &mut clients {
            let wanted = Request::from_parts(head.clone(), sluice_tests::body::empty());
            let answer = client.fetch(wanted).await;
            let what = format!("{} {} {:?}", head.method, head.uri, head.headers);
            assert_eq!(answer.header("x-upstream"), route, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_route_is_a_404_that_says_so() {
    let upstream = Upstream::start().await;
    let body = config::upstream("up", &[upstream.address()])
        + &config::route("only", "/only/*", &[], "up");
    let gateway = Gateway::start(&Settings::new(body)).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        client
            .fetch(get("/other"))
            .await
            .assert_problem(404, "route");
        assert_eq!(client.fetch(get("/only/this")).await.status, 200);
    }
    let line = gateway.access("/other").await;
    assert_eq!(line["source"], "route");
    assert_eq!(line["outcome"], "answered-by-gateway");
    assert_eq!(upstream.requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_matched_is_what_is_forwarded() {
    let (gateway, _upstreams) = gateway().await;
    let mut client = gateway.client().await;
    let expected = [
        ("/./orders", "/orders", "exact"),
        ("//orders", "/orders", "exact"),
        ("/%6frders/7", "/orders/7", "capture"),
        ("/orders/%7e%e2%82%ac", "/orders/~%E2%82%AC", "capture"),
        ("/orders//7//items", "/orders/7/items", "below"),
        (
            "/orders/a%20b?x=%7e//../y",
            "/orders/a%20b?x=%7e//../y",
            "capture",
        ),
    ];
    for (sent, forwarded, route) in expected {
        let answer = client.fetch(get(sent)).await;
        assert_eq!(answer.header("x-upstream"), route, "{sent}");
        assert_eq!(answer.seen().text("target"), forwarded, "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_take_turns() {
    let upstreams = [Upstream::named("a").await, Upstream::named("b").await];
    let targets: Vec<_> = upstreams.iter().map(Upstream::address).collect();
    let body = config::upstream("up", &targets) + &config::route("all", "/*", &[], "up");
    let gateway = Gateway::start(&Settings::new(body).workers(1)).await;
    let mut client = gateway.client().await;
    for _ in 0..20 {
        assert_eq!(client.fetch(get("/")).await.status, 200);
    }
    for upstream in &upstreams {
        assert_eq!(upstream.requests(), 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_target_gets_fewer_requests() {
    let upstreams = [Upstream::named("a").await, Upstream::named("b").await];
    let targets: Vec<_> = upstreams.iter().map(Upstream::address).collect();
    let body = config::upstream("up", &targets)
        + "balance = \"least-request\"\n"
        + &config::route("all", "/*", &[], "up");
    let gateway = Gateway::start(&Settings::new(body).workers(1)).await;
    let mut waiting = gateway.client().await;
    let hanging = tokio::spawn(async move {
        let _ = waiting.try_send(get("/").with(BEHAVIOUR, "hang")).await;
    });
    let busy = wait::until("the request that hangs", async || {
        upstreams
            .iter()
            .position(|upstream| upstream.requests() == 1)
    })
    .await;
    let mut client = gateway.client().await;
    for _ in 0..20 {
        assert_eq!(client.fetch(get("/")).await.status, 200);
    }
    assert_eq!(upstreams[busy].requests(), 1);
    hanging.abort();
}
