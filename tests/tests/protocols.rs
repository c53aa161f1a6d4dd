//! HTTP/1.1 and HTTP/2, in clear text and over TLS, with everything that goes with them.

use http::{HeaderMap, HeaderValue, Method, Version};
use http_body_util::BodyExt;
use sluice_tests::client::raw::Raw;
use sluice_tests::client::{Answer, With, get, request, with_body};
use sluice_tests::config::{plain, route, upstream};
use sluice_tests::upstream::raw::RawUpstream;
use sluice_tests::upstream::{BEHAVIOUR, Seen};
use sluice_tests::{Client, Gateway, Settings, Upstream, body, keys, tls, wait, websocket};

/// `/h1/*` reaches the upstream in HTTP/1.1, `/h2/*` in HTTP/2.
async fn both_ways(to: &Upstream) -> Gateway {
    let body = upstream("one", &[to.address()])
        + &upstream("two", &[to.address()])
        + "protocol = \"http2\"\n"
        + &route("one", "/h1/*", &[], "one")
        + &route("two", "/h2/*", &[], "two");
    Gateway::start(&Settings::new(body)).await
}

async fn both_clients(gateway: &Gateway) -> [Client; 2] {
    [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_protocol_goes_to_every_protocol_on_one_port() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    for mut client in both_clients(&gateway).await {
        for (path, version) in [("/h1/a?b=c", "HTTP/1.1"), ("/h2/a?b=c", "HTTP/2.0")] {
            let answer = client
                .fetch(with_body(Method::PUT, path, body::full("hello")))
                .await;
            let seen = answer.seen();
            assert_eq!(seen.text("version"), version);
            assert_eq!(seen.text("method"), "PUT");
            assert_eq!(seen.text("target"), path);
            assert_eq!(seen.text("body"), "hello");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_offers_both_protocols_by_alpn() {
    let upstream = Upstream::start().await;
    let authority = tls::Authority::default();
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = authority.write(folder.path());
    let settings = plain(upstream.address()).listener(format!(
        "tls = {{ certificates = [{{ certificate = {certificate:?}, key = {key:?} }}] }}"
    ));
    std::fs::write(folder.path().join("sluice.toml"), settings.toml()).expect("the configuration");
    let gateway = Gateway::start_in(folder, "sluice.toml").await;
    let offers: [(&[&str], Version); 4] = [
        (&["h2", "http/1.1"], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&["h2"], Version::HTTP_2),
        (&[], Version::HTTP_11),
    ];
    for (offer, version) in offers {
        let mut client = Client::tls(gateway.address(), &authority, offer).await;
        let answer = client.fetch(get("/over-tls")).await;
        assert_eq!(answer.version, version, "for {offer:?}");
        assert_eq!(answer.seen().header("x-forwarded-proto"), Some("https"));
    }
    let mut clear = Raw::connect(gateway.address()).await;
    clear.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_ne!(
        clear.bytes(9).await,
        b"HTTP/1.1 ",
        "clear text on a TLS port"
    );
    assert!(
        !gateway
            .log()
            .contains(authority.key_pem().lines().nth(1).expect("a key"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_both_ways_at_once() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    for mut client in both_clients(&gateway).await {
        for path in ["/h1/", "/h2/"] {
            let (writer, body) = body::stream();
            let request = with_body(Method::POST, path, body).with(BEHAVIOUR, "both-ways");
            let mut response = client.send(request).await.into_body();
            for number in 0..5 {
                let piece = format!("piece {number}");
                assert!(writer.data(piece.clone()).await);
                let frame = wait::within("the piece that was sent", response.frame()).await;
                let data = frame
                    .expect("a frame")
                    .expect("a body")
                    .into_data()
                    .expect("data");
                assert_eq!(data, piece);
            }
            drop(writer);
            let rest = wait::within("the end", response.collect())
                .await
                .expect("a whole body");
            assert!(rest.to_bytes().is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_arrive_unchanged() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    let sent: Vec<u8> = (0..5_000_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    let digest = keys::sha256(&sent);
    for mut client in both_clients(&gateway).await {
        for path in ["/h1/", "/h2/"] {
            let request = with_body(Method::POST, path, body::full(sent.clone()));
            let answer = client.fetch(request.with(BEHAVIOUR, "both-ways")).await;
            assert_eq!(keys::sha256(&answer.body), digest);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_pass_in_both_directions() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    for mut client in both_clients(&gateway).await {
        for path in ["/h1/", "/h2/"] {
            let wanted = get(path).with("te", "trailers").with(BEHAVIOUR, "trailers");
            let answer = client.fetch(wanted).await;
            let trailers = answer.trailers.expect("trailers of the response");
            assert_eq!(trailers["x-trailer"], "at the end", "{path}");

            let (writer, body) = body::stream();
            let request = with_body(Method::POST, path, body).with("trailer", "x-checksum");
            let sending = async {
                writer.data("a body").await;
                let mut trailers = HeaderMap::new();
                trailers.insert("x-checksum", HeaderValue::from_static("42"));
                writer.trailers(trailers).await;
                drop(writer);
            };
            let (answer, ()) = tokio::join!(client.fetch(request), sending);
            assert_eq!(answer.seen().trailers("x-checksum"), ["42"], "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_expects_100_continue_is_told_to_go_on() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    for path in ["/h1/", "/h2/"] {
        let mut client = Raw::connect(gateway.address()).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        );
        client.send(head).await;
        assert_eq!(client.any_response().await.status, 100);
        client.send("hello").await;
        let response = client.response().await;
        assert_eq!(response.status, 200);
        assert!(response.text().contains("hello"));
        // The connection can be used again.
        client
            .send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        assert_eq!(client.response().await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_wait_for_100_continue_is_served_too() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    let head = "POST /h1/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    client.send(format!("{head}hello")).await;
    let response = client.response().await;
    assert_eq!(response.status, 200);
    assert!(response.text().contains("hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_request_is_denied_before_its_body_is_asked_for() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(
        client.any_response().await.status,
        404,
        "the body was asked for"
    );
    // What comes now is not the body: it is taken for a request, or the connection is closed.
    client.send("GET /h1/ HTTP/1.1\r\nHost: a\r\n\r\n").await;
    if !client.closed().await {
        assert_eq!(client.response().await.status, 200);
    }
    assert!(upstream.requests() <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_empty_answers_have_no_body() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    for mut client in both_clients(&gateway).await {
        let head = request(Method::HEAD, "/h1/").with(BEHAVIOUR, "bytes=1234");
        let answer = client.fetch(head).await;
        assert_eq!(answer.header("content-length"), "1234");
        assert!(answer.body.is_empty());
        for status in ["204", "304"] {
            let behaviour = format!("status={status}");
            let answer = client.fetch(get("/h1/").with(BEHAVIOUR, &behaviour)).await;
            assert_eq!(answer.status.as_str(), status);
            assert!(answer.body.is_empty());
        }
        assert_eq!(client.fetch(get("/h1/")).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_head_is_whole_though_the_upstream_ends_it_later() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    for (number, mut client) in (1..).zip(both_clients(&gateway).await) {
        let path = format!("/h2/{number}");
        let head = request(Method::HEAD, &path).with(BEHAVIOUR, "stall");
        assert_eq!(client.fetch(head).await.status, 200);
        assert_eq!(gateway.access(&path).await["outcome"], "proxied");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_that_belong_to_one_hop_do_not_break_a_request() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    for path in ["/h1/", "/h2/"] {
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send(format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\nTrailer: x-sum, connection\r\n\
                 Transfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\nconnection: x\r\nkeep-alive: 5\r\nx-sum: 5\r\n\r\n"
            ))
            .await;
        let response = client.response().await;
        assert_eq!(response.status, 200, "{path}");
        let seen: serde_json::Value = serde_json::from_str(&response.text()).expect("an echo");
        assert_eq!(
            seen["trailers"],
            serde_json::json!([["x-sum", "5"]]),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_their_order() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    let requests: String = (0..10)
        .map(|number| format!("GET /h1/{number} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .collect();
    client.send(requests).await;
    for number in 0..10 {
        let response = client.response().await;
        assert!(
            response.text().contains(&format!("\"/h1/{number}\"")),
            "{}",
            response.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_1_0_client_gets_an_answer_that_ends_with_the_connection() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send(format!(
            "GET /h1/ HTTP/1.0\r\nHost: a\r\n{BEHAVIOUR}: stream=3,1\r\n\r\n"
        ))
        .await;
    let response = client.response().await;
    assert_eq!(response.header("transfer-encoding"), None);
    assert_eq!(response.text(), "chunk 0\nchunk 1\nchunk 2\n");
    assert!(client.closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_carries_a_hundred_streams() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    let client = Client::http2(gateway.address()).await;
    let mut streams = tokio::task::JoinSet::new();
    for number in 0..100 {
        let mut client = client.another();
        streams.spawn(async move {
            let path = format!("/h{}/{number}", 1 + number % 2);
            let answer = client
                .fetch(get(&path).with(BEHAVIOUR, "stream=3,10"))
                .await;
            answer.text() == "chunk 0\nchunk 1\nchunk 2\n"
        });
    }
    assert!(streams.join_all().await.into_iter().all(|whole| whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_to_http_2_is_not_taken_up() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send(
            "GET /h1/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n\
             Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        )
        .await;
    assert_ne!(client.any_response().await.status, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_to_http_2_is_not_taken_up_beside_another_one() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    for (lines, asked) in [
        ("Upgrade: x, h2c", Some("x")),
        ("Upgrade: h2c/1\r\nUpgrade: x", Some("x")),
        ("Upgrade: , H2C", None),
    ] {
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send(format!(
                "GET /h1/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
                 {lines}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
            ))
            .await;
        let response = client.response().await;
        let seen = Seen(serde_json::from_slice(&response.body).expect("an echo"));
        assert_eq!(seen.header("upgrade"), asked, "{lines}");
        assert_eq!(seen.header("http2-settings"), None, "{lines}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_switches_to_another_protocol_is_not_followed() {
    for granted in ["h2c", "y", "x, y"] {
        let upstream = RawUpstream::answering_once(format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {granted}\r\n\r\n"
        ))
        .await;
        let gateway = Gateway::start(&plain(upstream.address())).await;
        let mut client = Raw::connect(gateway.address()).await;
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x, h2c\r\n\r\n")
            .await;
        assert_eq!(client.response().await.status, 502, "{granted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_response_head_passes_whatever_the_upstream_speaks() {
    let upstream = Upstream::start().await;
    let gateway = both_ways(&upstream).await;
    for path in ["/h1/", "/h2/"] {
        let request = get(path).with(BEHAVIOUR, "head=40000");
        let answer = gateway.client().await.fetch(request).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-long").len(), 40_000, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_passes() {
    let echo = websocket::Echo::start().await;
    let gateway = Gateway::start(&plain(echo.address())).await;
    let mut socket = websocket::Socket::open(gateway.address(), "/socket").await;
    for text in ["hello", "", &"x".repeat(100_000)] {
        socket.round_trip(text).await;
    }
    socket.close().await;
    let line = gateway.access("/socket").await;
    assert_eq!(line["status"], 101);
    assert_eq!(line["outcome"], "proxied");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_the_upstream_refuses_is_an_ordinary_answer() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             {BEHAVIOUR}: status=403\r\n\r\n"
        ))
        .await;
    let response = client.response().await;
    assert_eq!(response.status, 403);
    assert!(
        response.text().contains("websocket"),
        "the upstream was not asked: {}",
        response.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_2_client_may_send_all_of_its_request_before_it_reads() {
    const LONG: usize = 32 * 1024 * 1024;
    let upstream = RawUpstream::answering_early(LONG).await;
    let gateway = Gateway::start(&plain(upstream.address())).await;
    let mut client = Client::http2(gateway.address()).await;
    let (writer, body) = body::stream();
    let request = with_body(Method::POST, "/", body).with("content-length", &LONG.to_string());
    let response = client.send(request).await;
    let upload = async {
        for _ in 0..LONG / 65_536 {
            assert!(writer.data(vec![b'y'; 65_536]).await);
        }
    };
    wait::within("the end of the request", upload).await;
    drop(writer);
    let answer = wait::within("an answer", Answer::read(response)).await;
    assert_eq!(answer.expect("all of it").body.len(), LONG);
}
