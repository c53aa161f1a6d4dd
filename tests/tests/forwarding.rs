//! What the upstream and the client learn of each other.

use http::Method;
use sluice_tests::client::raw::Raw;
use sluice_tests::client::{HOST_NAME, With, get, request};
use sluice_tests::config::{self, plain};
use sluice_tests::upstream::{BEHAVIOUR, Seen};
use sluice_tests::{Client, Gateway, Settings, Upstream};

const TRUST: &str = "trusted_proxies = [\"127.0.0.0/8\"]";

#[tokio::test(flavor = "multi_thread")]
async fn hop_by_hop_headers_stay_on_their_hop() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\
             Keep-Alive: timeout=5\r\nTE: gzip\r\n\
             Proxy-Connection: keep-alive\r\nUpgrade: foo\r\n\r\n",
        )
        .await;
    let response = client.response().await;
    let seen = Seen(serde_json::from_slice(&response.body).expect("JSON"));
    for name in ["x-hop", "keep-alive", "te", "proxy-connection", "upgrade"] {
        assert_eq!(seen.header(name), None, "{name} was forwarded");
    }
    assert_eq!(seen.header("x-end"), Some("2"));

    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let answer = client.fetch(get("/").with(BEHAVIOUR, "headers")).await;
        for name in ["x-hop", "keep-alive"] {
            assert_eq!(answer.header(name), "", "{name} was forwarded");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_headers_stay_repeated_and_bytes_stay_bytes() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let answer = client.fetch(get("/").with(BEHAVIOUR, "headers")).await;
        let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1; Path=/", "b=2, c; Path=/"]);
        assert_eq!(answer.headers["x-latin1"].as_bytes(), b"caf\xe9");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crumbs_of_an_http2_cookie_arrive_as_one_line() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    let mut client = Client::http2(gateway.address()).await;
    let mut request = get("/");
    for crumb in ["a=1", "b=2"] {
        let crumb = http::HeaderValue::from_static(crumb);
        request.headers_mut().append("cookie", crumb);
    }
    let seen = client.fetch(request).await.seen();
    assert_eq!(seen.values("cookie"), ["a=1; b=2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_learns_who_asks_and_for_what() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let seen = client.fetch(get("/")).await.seen();
        assert_eq!(seen.header("host"), Some(HOST_NAME));
        assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
        assert_eq!(seen.header("x-forwarded-host"), Some(HOST_NAME));
        assert_eq!(seen.header("forwarded"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn via_says_by_which_version_a_request_came() {
    let upstream = Upstream::start().await;
    let body = config::upstream("one", &[upstream.address()])
        + &config::upstream("two", &[upstream.address()])
        + "protocol = \"http2\"\n"
        + &config::route("one", "/h1/*", &[], "one")
        + &config::route("two", "/h2/*", &[], "two");
    let gateway = Gateway::start(&Settings::new(body)).await;
    for path in ["/h1/", "/h2/"] {
        let mut client = Client::http2(gateway.address()).await;
        let seen = client.fetch(get(path)).await.seen();
        assert_eq!(seen.values("via"), ["2.0 sluice"], "{path}");
        for version in ["1.0", "1.1"] {
            let mut client = Raw::connect(gateway.address()).await;
            client
                .send(format!("GET {path} HTTP/{version}\r\nHost: a\r\n\r\n"))
                .await;
            let response = client.response().await;
            let seen = Seen(serde_json::from_slice(&response.body).expect("an echo"));
            assert_eq!(seen.values("via"), [format!("{version} sluice")], "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_counts_hops_can_ask_the_gateway_itself() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        for (method, status) in [(Method::OPTIONS, 204), (Method::TRACE, 501)] {
            let last = request(method.clone(), "/").with("max-forwards", "0");
            let answer = client.fetch(last).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.header("x-sluice-source"), "request");
            assert_eq!(answer.body.is_empty(), status == 204);
            let passed = request(method, "/").with("max-forwards", "5");
            let seen = client.fetch(passed).await.seen();
            assert_eq!(seen.header("max-forwards"), Some("4"));
        }
        let other = client.fetch(get("/").with("max-forwards", "0")).await;
        assert_eq!(other.seen().header("max-forwards"), Some("0"));
    }
    let mut client = Raw::connect(gateway.address()).await;
    client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.response().await;
    assert_eq!((answer.status, answer.header("content-type")), (204, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_https_without_tls_is_answered_only_behind_a_trusted_proxy() {
    let upstream = Upstream::start().await;
    let plain = plain(upstream.address());
    for (settings, status) in [(plain.clone(), 421), (plain.listener(TRUST), 200)] {
        let gateway = Gateway::start(&settings).await;
        for (scheme, status) in [("https", status), ("http", 200)] {
            let mut client = Raw::connect(gateway.address()).await;
            client
                .send(format!("GET {scheme}://a/ HTTP/1.1\r\nHost: a\r\n\r\n"))
                .await;
            assert_eq!(client.response().await.status, status, "{scheme}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_can_have_a_host_of_its_own() {
    let upstream = Upstream::start().await;
    let text = plain(upstream.address()).toml();
    let text = text.replace("[upstreams.up]", "[upstreams.up]\nhost = \"inner.test\"");
    let gateway = Gateway::start_text(&text).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let seen = client.fetch(get("/")).await.seen();
        assert_eq!(seen.header("host"), Some("inner.test"));
        assert_eq!(seen.header("x-forwarded-host"), Some(HOST_NAME));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_says_about_forwarding_is_not_believed() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    let request = get("/forged")
        .with("x-forwarded-for", "6.6.6.6")
        .with("x-forwarded-proto", "https")
        .with("x-forwarded-host", "evil.test")
        .with("forwarded", "for=6.6.6.6;proto=https");
    let seen = gateway.client().await.fetch(request).await.seen();
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("x-forwarded-host"), Some(HOST_NAME));
    assert_eq!(seen.header("forwarded"), None);
    assert_eq!(gateway.access("/forged").await["client"], "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trusted_proxy_says_is_believed_up_to_the_first_stranger() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plain(upstream.address()).listener(TRUST)).await;
    let request = get("/vouched")
        .with("x-forwarded-for", "6.6.6.6, 203.0.113.7, 127.0.0.9")
        .with("x-forwarded-proto", "https")
        .with("x-forwarded-host", "outer.test");
    let seen = gateway.client().await.fetch(request).await.seen();
    let chain = seen.values("x-forwarded-for").join(", ");
    assert_eq!(chain, "6.6.6.6, 203.0.113.7, 127.0.0.9, 127.0.0.1");
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.header("x-forwarded-host"), Some("outer.test"));
    assert_eq!(gateway.access("/vouched").await["client"], "203.0.113.7");
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarded_is_sent_where_the_listener_asks() {
    let upstream = Upstream::start().await;
    let settings = plain(upstream.address())
        .listener(TRUST)
        .listener("forwarded = true");
    let gateway = Gateway::start(&settings).await;
    let first = gateway.client().await.fetch(get("/")).await.seen();
    let elements = first.values("forwarded").join(", ").to_lowercase();
    assert!(
        elements.contains("for=127.0.0.1") && elements.contains("proto=http"),
        "{elements}"
    );
    let request = get("/").with("forwarded", "for=203.0.113.7;proto=https");
    let second = gateway.client().await.fetch(request).await.seen();
    let elements = second.values("forwarded").join(", ").to_lowercase();
    let (theirs, ours) = elements.split_once(',').expect("two elements");
    assert!(theirs.contains("for=203.0.113.7"), "{elements}");
    assert!(ours.contains("for=127.0.0.1"), "{elements}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_an_id_and_keeps_the_one_that_it_has() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    let mut client = gateway.client().await;
    let given = client
        .fetch(get("/given").with("x-request-id", "abc-123"))
        .await;
    assert_eq!(given.seen().header("x-request-id"), Some("abc-123"));
    assert_eq!(gateway.access("/given").await["request_id"], "abc-123");
    let made = client.fetch(get("/made")).await.seen();
    let made = made.header("x-request-id").expect("an id").to_owned();
    assert!(made.len() >= 16, "{made}");
    assert_eq!(gateway.access("/made").await["request_id"], made.as_str());
    let other = client.fetch(get("/other")).await.seen();
    assert_ne!(other.header("x-request-id"), Some(made.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_goes_on() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = get("/")
        .with("traceparent", trace)
        .with("tracestate", "a=b");
    let seen = gateway.client().await.fetch(request).await.seen();
    assert_eq!(seen.header("traceparent"), Some(trace));
    assert_eq!(seen.header("tracestate"), Some("a=b"));
}
