//! transform from end to end: both directions, whatever the bodies.

use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::json;
use sluice_tests::body::{self, Body};
use sluice_tests::client::raw::Raw;
use sluice_tests::client::{With, get, with_body};
use sluice_tests::command::sluice;
use sluice_tests::config::{route, upstream};
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::upstream::raw::RawUpstream;
use sluice_tests::{Client, Gateway, Settings, Upstream, wait};

const MIB: usize = 1 << 20;

/// One plugin `shape` with this configuration on the route `all`, and lines for both.
fn settings(to: std::net::SocketAddr, config: &str, plugin: &str, routing: &str) -> Settings {
    let text = upstream("up", &[to])
        + &format!("[plugins.shape]\nsource = \"builtin:transform\"\n{plugin}\n")
        + &format!("[plugins.shape.config]\n{config}\n")
        + &route("all", "/*", &["shape"], "up")
        + routing;
    Settings::new(text)
}

async fn gateway(to: &Upstream, config: &str) -> Gateway {
    Gateway::start(&settings(
        to.address(),
        config,
        "",
        "body_limit = \"64KiB\"\n",
    ))
    .await
}

fn post(path: &str, content_type: &str, body: impl Into<bytes::Bytes>) -> Request<Body> {
    with_body(Method::POST, path, body::full(body)).with("content-type", content_type)
}

/// A recipe of the page for operators, as it stands there.
fn recipe(title: &str) -> String {
    let page = sluice_tests::paths::repository().join("docs/plugins/transform.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, recipe) = page
        .split_once(&format!("**{title}**"))
        .expect("the recipe");
    let (_, recipe) = recipe.split_once("```toml\n").expect("its TOML");
    recipe
        .split_once("```")
        .expect("the end of it")
        .0
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_responses_are_changed_over_every_protocol() {
    let target = Upstream::start().await;
    let config = r#"
        request.method = "PUT"
        request.path = "/v2/${query.id}"
        request.remove = { headers = ["x-gone"], query = ["id"], body = ["/secret"] }
        request.rename = { headers = { x-old = "x-new" }, body = { "/a" = "/b" } }
        request.replace = { query = { n = "2" }, body = { "/n" = 1.0 } }
        request.add = { headers = { x-for = "${header.x-old} at ${context.route}" }, body = { "/list" = [] } }
        request.append = { query = { tag = ["x", "y"] }, body = { "/list" = ["${query.id}", 7] } }
        response.status = 203
        response.remove.body = ["/connection", "/trailers"]
        response.add.headers = { x-length = "${response.header.content-type}" }
        response.append.headers = { x-length = "more" }
    "#;
    let gateway = gateway(&target, config).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let body = r#"{ "secret":1, "a":12345678901234567890123, "n":1, "e":1E5, "e":[ ]}"#;
        let request = post("/any?id=a%20b&n=1&%7e", "application/json", body)
            .with("x-gone", "1")
            .with("x-old", "old");
        let answer = client.fetch(request).await;
        assert_eq!(answer.status, 203);
        assert_eq!(
            answer.header("content-length"),
            answer.body.len().to_string()
        );
        let lines: Vec<_> = answer.headers.get_all("x-length").iter().collect();
        assert_eq!(lines, ["application/json", "more"]);
        assert!(answer.json()["connection"].is_null() && answer.json()["trailers"].is_null());
        let seen = answer.seen();
        assert_eq!(seen.text("method"), "PUT");
        assert_eq!(seen.text("target"), "/v2/a%20b?n=2&%7e&tag=x&tag=y");
        let sent = r#"{ "b":12345678901234567890123, "n":1.0, "e":1E5, "e":[ ],"list":["a b",7]}"#;
        assert_eq!(seen.text("body"), sent);
        assert_eq!(
            seen.header("content-length"),
            Some(&*sent.len().to_string())
        );
        assert_eq!(seen.header("x-gone"), None);
        assert_eq!(seen.header("x-new"), Some("old"));
        assert_eq!(seen.header("x-for"), Some("old at all"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_is_changed_and_gets_a_length() {
    let target = Upstream::start().await;
    let gateway = gateway(&target, "request.add.body = { \"/a\" = 1 }").await;
    let (writer, streamed) = body::stream();
    let sending = async {
        writer.data("{\"b\"").await;
        writer.data(":2}").await;
        drop(writer);
    };
    let request = with_body(Method::POST, "/", streamed).with("content-type", "application/json");
    let mut client = gateway.client().await;
    let (answer, ()) = tokio::join!(client.fetch(request), sending);
    let seen = answer.seen();
    assert_eq!(seen.text("body"), r#"{"b":2,"a":1}"#);
    assert_eq!(seen.header("content-length"), Some("13"));
    assert_eq!(seen.header("transfer-encoding"), None);

    let form = post("/", "application/x-www-form-urlencoded", "b=%7e");
    let seen = client.fetch(form).await.seen();
    assert_eq!(seen.text("body"), "b=%7e&a=1");
    assert_eq!(seen.header("content-length"), Some("9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_no_rule_is_about_is_streamed() {
    let target = Upstream::start().await;
    // Rules for bodies stand there, but not for these.
    let config = r#"
        request.add = { headers = { x-a = "1" }, body = { "/a" = 1 } }
        response.add = { headers = { x-b = "2" }, body = { "/b" = 1 } }
    "#;
    let gateway = gateway(&target, config).await;
    let (writer, streamed) = body::stream();
    let request = with_body(Method::POST, "/", streamed)
        .with("content-type", "application/octet-stream")
        .with(BEHAVIOUR, "both-ways");
    let mut client = gateway.client().await;
    let response = client.send(request).await;
    assert_eq!(response.headers()["x-b"], "2");
    let mut streamed = response.into_body();
    for _ in 0..3 {
        // Comes back before the next one is sent, and all of them are above the limit.
        assert!(writer.data(vec![b'x'; 50_000]).await);
        let mut came = 0;
        while came < 50_000 {
            let frame = wait::within("the piece", streamed.frame()).await;
            let frame = frame.expect("a frame").expect("a body");
            came += frame.into_data().expect("data").len();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_pass_untouched_are_refused_or_are_changed_as_configured() {
    let target = Upstream::start().await;
    let large = |inner: usize| {
        let mut body = b"{\"keep\":\"".to_vec();
        body.resize(inner, b'x');
        body.extend_from_slice(b"\",\"secret\":1.0}");
        body
    };
    let sent = large(100 * MIB);
    let request = || post("/", "application/json", sent.clone()).with(BEHAVIOUR, "both-ways");

    let heads = gateway(&target, "request.add.headers = { x-a = \"1\" }").await;
    let answer = heads.client().await.fetch(request()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body == sent, "{} bytes came back", answer.body.len());
    assert!(
        heads.resident_kib() < 512 * 1024,
        "{} KiB: the body was collected",
        heads.resident_kib()
    );
    drop(heads);

    let bodies = gateway(&target, "request.remove.body = [\"/secret\"]").await;
    // The answer comes before the body has been sent.
    let mut raw = Raw::connect(bodies.address()).await;
    let head = "POST / HTTP/1.1\r\nhost: gateway.test\r\ncontent-type: application/json\r\n";
    raw.send(format!("{head}content-length: {}\r\n\r\n", sent.len()))
        .await;
    raw.send(&sent[..MIB]).await;
    let response = raw.response().await;
    assert_eq!(response.status, 413, "{}", response.text());
    assert!(
        response.text().contains("body_limit of 65536"),
        "{}",
        response.text()
    );
    drop(bodies);

    let plugin =
        "limits = { memory = \"512MiB\", host_call_bytes = \"128MiB\", deadline = \"10s\" }";
    let config = "request.remove.body = [\"/secret\"]";
    let settings = settings(
        target.address(),
        config,
        plugin,
        "body_limit = \"128MiB\"\n",
    );
    let raised = Gateway::start(&settings).await;
    let answer = raised.client().await.fetch(request()).await;
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body[..200])
    );
    let mut expected = large(100 * MIB);
    expected.truncate(expected.len() - b",\"secret\":1.0}".len());
    expected.push(b'}');
    assert!(
        answer.body == expected,
        "{} bytes came back",
        answer.body.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changed_passes_or_is_refused_as_configured() {
    let target = Upstream::start().await;
    let deep = "[".repeat(2000) + &"]".repeat(2000);
    let bodies = [
        ("application/json", "{\"a\":1", 400),
        ("application/json", &deep, 400),
        ("application/json", "{\"a\":\"\u{1}\"}", 400),
        ("text/plain", "a=1", 415),
        ("multipart/form-data; boundary=b", "--b--\r\n", 415),
    ];
    let rules = "request = { remove = { body = [\"/a\"] }, add = { headers = { x-a = \"1\" } } }";
    for mode in ["pass", "reject"] {
        let gateway = gateway(&target, &format!("on_body_error = \"{mode}\"\n{rules}")).await;
        let mut client = gateway.client().await;
        for (content_type, body, status) in bodies {
            let before = target.requests();
            let answer = client.fetch(post("/", content_type, body.to_owned())).await;
            if mode == "pass" {
                let seen = answer.seen();
                assert_eq!(seen.text("body"), body);
                assert_eq!(seen.header("x-a"), Some("1"));
            } else {
                assert_eq!(answer.status, status, "{content_type} {body}");
                assert_eq!(answer.header("content-type"), "application/problem+json");
                assert_eq!(target.requests(), before, "a refused request was forwarded");
            }
        }
        // No body is no body that could not be changed.
        for mut client in [
            Client::http1(gateway.address()).await,
            Client::http2(gateway.address()).await,
        ] {
            let seen = client.fetch(get("/")).await.seen();
            assert_eq!((seen.header("x-a"), seen.text("body")), (Some("1"), ""));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_bodies_pass_or_are_refused_and_empty_responses_are_left_alone() {
    let rules = "request.add.body = { \"/a\" = 1 }\nresponse.add.body = { \"/a\" = 1 }";
    let config = &format!("on_body_error = \"reject\"\n{rules}");
    let target = Upstream::start().await;
    let packed = || {
        post("/", "application/json", "\u{1f}packed")
            .with("content-encoding", "gzip")
            .with(BEHAVIOUR, "both-ways")
    };
    let refusing = gateway(&target, config).await;
    let answer = refusing.client().await.fetch(packed()).await;
    assert_eq!(answer.status, 415, "{}", answer.text());
    assert_eq!(target.requests(), 0, "a refused request was forwarded");
    let passing = gateway(&target, rules).await;
    let answer = passing.client().await.fetch(packed()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (200, "\u{1f}packed".into())
    );

    let reply = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-type: application/json\r\n\
                 content-length: 6\r\n\r\npacked";
    let raw = RawUpstream::answering(reply).await;
    for (config, status) in [(config.as_str(), 502), (rules, 200)] {
        let gateway = Gateway::start(&settings(raw.address(), config, "", "")).await;
        let answer = gateway.client().await.fetch(get("/")).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    for (head, body) in [
        ("200 OK\r\n", "{\"b\":1}"),
        ("204 No Content\r\n", ""),
        ("304 Not Modified\r\n", ""),
    ] {
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        let reply = format!("HTTP/1.1 {head}content-type: application/json\r\n{length}\r\n{body}");
        let target = RawUpstream::answering(reply).await;
        let gateway = Gateway::start(&settings(target.address(), config, "", "")).await;
        let answer = gateway.client().await.fetch(get("/")).await;
        let expected = body.replace("1}", "1,\"a\":1}");
        assert_eq!(answer.text(), expected, "{head}");
        let mut raw = Raw::connect(gateway.address()).await;
        raw.send("GET / HTTP/1.1\r\nhost: gateway.test\r\n\r\n")
            .await;
        let response = raw.response().await;
        assert_eq!(response.status, answer.status.as_u16());
        let length = (!body.is_empty()).then(|| expected.len().to_string());
        assert_eq!(
            response.header("content-length").map(str::to_owned),
            length,
            "{head}"
        );
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n";
    let target = RawUpstream::answering(head).await;
    let gateway = Gateway::start(&settings(target.address(), config, "", "")).await;
    let request = sluice_tests::client::request(Method::HEAD, "/");
    let answer = gateway.client().await.fetch(request).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (200, String::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_sends_cannot_break_the_plugin() {
    let target = Upstream::start().await;
    let config = r#"
        request.path = '/in/${query.p ?? "x"}'
        request.add.headers = { x-a = "${query.h}" }
        request.replace.headers = { host = '${query.host ?? "a.test"}' }
        request.replace.body = { "/a" = "fifty times as long as what it stands in the place of" }
    "#;
    let gateway = gateway(&target, config).await;
    let mut client = gateway.client().await;
    // More than what leaves a failing plugin alone.
    for n in 0..4 {
        for query in [
            "h=%0d%0ax-evil:1",
            "h=%00",
            "p=..",
            "p=%2e%2e",
            "p=a/b",
            "p=a%5cb",
            "host=a@b",
            "host=%7f",
        ] {
            let answer = client.fetch(get(&format!("/?{query}"))).await;
            assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        }
        let many = format!("{{{}\"b\":{n}}}", "\"a\":0,".repeat(10_000));
        let answer = client.fetch(post("/", "application/json", many)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let ampersands = "&".repeat(60_000);
        let answer = client
            .fetch(post("/", "application/x-www-form-urlencoded", ampersands))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let seen = client.fetch(get("/?h=fine&p=a%20b")).await.seen();
    assert_eq!(seen.text("target"), "/in/a%20b?h=fine&p=a%20b");
    // A failed call would be the operator's trouble, and after five the plugin is left alone.
    let metrics = gateway.metrics().await;
    let calls = |labels: &[(&str, &str)]| metrics.sum("sluice_plugin_calls_total", labels);
    let fine = calls(&[("outcome", "ok")]);
    assert!(fine > 0.0);
    assert_eq!(calls(&[]), fine);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_every_rule_that_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = r#"
        request.path = "users"
        request.remove = { headers = ["connection", "x-a"], body = ["user"] }
        request.replace = { headers = { x-a = "1" }, body = { "/a/b" = "${headers.x}" } }
        request.rename.query = { a = "b", b = "c" }
        response.add = { headers = { x-b = "${response.header.x" }, querry = {} }
    "#;
    let unused = sluice_tests::upstream::nobody();
    let file = folder.path().join("sluice.toml");
    let said = |config: &str| {
        std::fs::write(&file, settings(unused, config, "", "").toml()).expect("the configuration");
        let ended = sluice(folder.path(), ["check", "sluice.toml"]);
        assert_ne!(ended.code, Some(0), "{}", ended.stdout);
        ended.stdout + &ended.stderr
    };
    let text = said(config);
    assert!(text.contains("response.add.querry: unknown key"), "{text}");
    let text = said(&config.replace(", querry = {}", ""));
    for part in [
        "config.request.path: ",
        "config.request.remove.headers[0]: ",
        "config.request.remove.body[0]: ",
        "did you mean `/user`?",
        "config.request.replace.headers.x-a: ",
        "never matches",
        "unknown name `headers.x`",
        "config.request.rename.query.b: ",
        "config.response.add.headers.x-b: ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    for line in text
        .lines()
        .filter(|line| line.contains("plugins.shape.config"))
    {
        assert!(line.contains("sluice.toml:"), "no place: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recipe_for_an_api_that_moved() {
    let target = Upstream::start().await;
    let text = upstream("orders", &[target.address()]) + &recipe("An API that moved.");
    let gateway = Gateway::start(&Settings::new(text)).await;
    let seen = gateway.get("/v1/orders-of/a%20b?open").await.seen();
    assert_eq!(seen.text("target"), "/users/a%20b/orders?open&version=1");
    let seen = gateway.get("/v1/orders-of/7?version=0").await.seen();
    assert_eq!(seen.text("target"), "/users/7/orders?version=0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recipe_for_who_is_calling() {
    const KEY: &str = "k_9f2c41d07b8e4a3f9d6c5b2a10ffeedd";
    let target = Upstream::start().await;
    let text = upstream("orders", &[target.address()])
        + "[plugins.auth]\nsource = \"builtin:key-auth\"\nconfig = { anonymous = \"guest\" }\n"
        + "[consumers.guest]\n[consumers.acme]\n"
        + &format!(
            "credentials = [{}]\n",
            sluice_tests::keys::credential("acme-1", KEY)
        )
        + &recipe("Who is calling, in header and body.");
    let gateway = Gateway::start(&Settings::new(text)).await;
    let mut client = gateway.client().await;
    for (key, caller) in [(Some(KEY), "acme"), (None, "guest")] {
        let body = r#"{"caller":"root","n":1.0,"caller":{"id":"root"}}"#;
        let mut request = post("/signed/1", "application/json", body).with("x-caller", "root");
        if let Some(key) = key {
            request = request.with("x-api-key", key);
        }
        let seen = client.fetch(request).await.seen();
        assert_eq!(seen.header("x-caller"), Some(caller));
        assert_eq!(
            seen.text("body"),
            format!("{{\"n\":1.0,\"caller\":\"{caller}\"}}")
        );
    }
    let answer = client
        .fetch(post("/signed/1", "application/json", "{"))
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        gateway.access("/signed/1").await["source"],
        json!("upstream:orders")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recipe_for_nothing_internal() {
    let body = r#"{ "debug":{"sql":"…"}, "user":{"mail":"a@b","password_hash":"x"}, "n":1e5 }"#;
    let answering = |content_type: &str, body: &str| {
        RawUpstream::answering(format!(
            "HTTP/1.1 200 OK\r\nserver: secret/1.2\r\nx-powered-by: them\r\n\
             content-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    };
    let target = answering("application/json", body).await;
    let text = |to| upstream("orders", &[to]) + &recipe("Nothing internal leaves.");
    let gateway = Gateway::start(&Settings::new(text(target.address()))).await;
    let answer = gateway.get("/outside/1").await;
    assert_eq!(answer.text(), r#"{ "user":{"email":"a@b"}, "n":1e5 }"#);
    assert!(!answer.text().contains("secret") && answer.header("x-powered-by").is_empty());
    assert_ne!(answer.header("server"), "secret/1.2");
    assert_eq!(answer.header("x-request"), answer.header("x-request-id"));

    let page = answering("text/html", "<p>a trace</p>").await;
    let gateway = Gateway::start(&Settings::new(text(page.address()))).await;
    let answer = gateway.get("/outside/1").await;
    assert_eq!(answer.status, 502);
    assert!(!answer.text().contains("a trace"), "{}", answer.text());
}
