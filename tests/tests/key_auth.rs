//! key-auth from end to end, with consumers of the configuration.

use http::Method;
use sluice_tests::client::{Answer, With, get, request};
use sluice_tests::config::{route, upstream};
use sluice_tests::{Client, Gateway, Settings, Upstream, grpc, keys};

const ACME: &str = "k_9f2c41d07b8e4a3f9d6c5b2a10ffeedd";
const EARLY: &str = "k_early1d07b8e4a3f9d6c5b2a10ffeedd";
const LATE: &str = "k_late01d07b8e4a3f9d6c5b2a10ffeedd";
const TWIN: &str = "k_9f2c41d07b8e4a3f9d6c5b2a10twin00";

/// `/closed/*` needs a key, `/open/*` does not, `/guest/*` takes anybody.
fn settings(to: &Upstream) -> Settings {
    let dated = |id: &str, key: &str, dates: &str| {
        keys::credential(id, key).replace(" }", &format!(", {dates} }}"))
    };
    Settings::new(
        upstream("up", &[to.address()])
            + "[plugins.auth]\nsource = \"builtin:key-auth\"\n\
               [plugins.guest]\nsource = \"builtin:key-auth\"\nconfig = { anonymous = \"visitor\", realm = \"shop\" }\n"
            + &route("closed", "/closed/*", &["auth"], "up")
            + &route("guest", "/guest/*", &["guest"], "up")
            + &route("open", "/open/*", &[], "up")
            + "[consumers.visitor]\n"
            + &format!(
                "[consumers.acme]\ngroups = [\"premium\", \"eu\"]\ncredentials = [{}, {}, {}, {}]\n",
                keys::credential("acme-1", ACME),
                keys::credential("acme-2", TWIN),
                dated("acme-early", EARLY, "not_before = 2100-01-01T00:00:00Z"),
                dated("acme-late", LATE, "expires = 2001-01-01T00:00:00Z"),
            ),
    )
}

async fn ask(client: &mut Client, path: &str, key: &str) -> Answer {
    client.fetch(get(path).with("x-api-key", key)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_its_route_and_is_hidden_from_the_upstream() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&settings(&upstream)).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        for (key, credential) in [(ACME, "acme-1"), (TWIN, "acme-2")] {
            let forged = get("/closed/1")
                .with("x-api-key", key)
                .with("x-consumer-id", "root")
                .with("x-consumer-groups", "admin")
                .with("x-anonymous-consumer", "true");
            let seen = client.fetch(forged).await.seen();
            assert_eq!(seen.header("x-consumer-id"), Some("acme"));
            assert_eq!(
                seen.values("x-consumer-groups").join(",").replace(' ', ""),
                "premium,eu"
            );
            assert_eq!(seen.header("x-credential-id"), Some(credential));
            assert_eq!(seen.header("x-anonymous-consumer"), None);
            assert_eq!(seen.header("x-api-key"), None);
        }
    }
    let line = gateway.access("/closed/1").await;
    assert_eq!(
        (&line["consumer"], &line["credential"]),
        (&"acme".into(), &"acme-1".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_a_wrong_key_and_two_keys_are_refused() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&settings(&upstream)).await;
    let mut client = gateway.client().await;
    let twice = |mut request: http::Request<_>| {
        for key in [ACME, TWIN] {
            let key = http::HeaderValue::from_static(key);
            request.headers_mut().append("x-api-key", key);
        }
        request
    };
    let refused = [
        (get("/closed/1"), "No API key found in request"),
        (
            get("/closed/1").with("x-api-key", ""),
            "No API key found in request",
        ),
        (get("/closed/1").with("x-api-key", "wrong"), "Unauthorized"),
        (
            get("/closed/1").with("x-api-key", &format!("{ACME}x")),
            "Unauthorized",
        ),
        (
            get("/closed/1").with("x-api-key", &ACME[..20]),
            "Unauthorized",
        ),
        (get("/closed/1").with("x-api-key", EARLY), "Unauthorized"),
        (get("/closed/1").with("x-api-key", LATE), "Unauthorized"),
        (twice(get("/closed/1")), "Duplicate API key found"),
        // In the query only where the configuration says so.
        (
            get(&format!("/closed/1?x-api-key={ACME}")),
            "No API key found in request",
        ),
        (
            request(Method::OPTIONS, "/closed/1"),
            "No API key found in request",
        ),
    ];
    for (request, why) in refused {
        let answer = client.fetch(request).await;
        assert_eq!(answer.status, 401, "{why}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("www-authenticate"), "Key");
        assert_eq!(answer.json()["message"], why);
    }
    assert_eq!(upstream.requests(), 0, "a refused request was forwarded");
    let line = gateway.access("/closed/1").await;
    assert_eq!(line["source"], "plugin:auth", "{line}");
    assert_eq!(line["outcome"], "answered-by-plugin", "{line}");
    assert_eq!(client.fetch(get("/open/1")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_without_a_key_is_the_anonymous_consumer() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&settings(&upstream)).await;
    let mut client = gateway.client().await;
    let seen = client.fetch(get("/guest/1")).await.seen();
    assert_eq!(seen.header("x-consumer-id"), Some("visitor"));
    assert_eq!(seen.header("x-anonymous-consumer"), Some("true"));
    let seen = ask(&mut client, "/guest/1", ACME).await.seen();
    assert_eq!(seen.header("x-consumer-id"), Some("acme"));
    assert_eq!(seen.header("x-anonymous-consumer"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_taken_out_stops_working_with_the_reload() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&settings(&upstream)).await;
    let mut client = gateway.client().await;
    assert_eq!(ask(&mut client, "/closed/1", TWIN).await.status, 200);
    let text = settings(&upstream).toml();
    gateway.write_text(&text.replace(&format!("{}, ", keys::credential("acme-2", TWIN)), ""));
    assert_eq!(gateway.reload().await.outcome, "applied");
    assert_eq!(ask(&mut client, "/closed/1", TWIN).await.status, 401);
    assert_eq!(ask(&mut client, "/closed/1", ACME).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_call_without_a_key_gets_a_grpc_status() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&settings(&upstream)).await;
    let mut client = Client::http2(gateway.address()).await;
    let answer = client.fetch(grpc::call("/closed/Method", b"hello")).await;
    assert_eq!(answer.status, 200);
    // UNAUTHENTICATED
    assert_eq!(grpc::status(&answer), Some(16), "{answer:?}");
    assert!(answer.body.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_never_written_anywhere() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&settings(&upstream)).await;
    let mut client = gateway.client().await;
    for key in [ACME, EARLY, "k_wrong_but_secret_1234567890"] {
        ask(&mut client, "/closed/1", key).await;
        ask(&mut client, &format!("/closed/query?x-api-key={key}"), key).await;
    }
    gateway.access("/closed/query").await;
    gateway.write_text(
        &settings(&upstream)
            .toml()
            .replace("anonymous = ", "anonimous = "),
    );
    assert_eq!(gateway.reload().await.outcome, "rejected");
    let written = [
        gateway.access_log(),
        gateway.log(),
        gateway.ask_admin(Method::GET, "/metrics").await.text(),
        gateway.ask_admin(Method::GET, "/generations").await.text(),
    ];
    for key in [ACME, EARLY, "k_wrong_but_secret_1234567890"] {
        let digest = keys::sha256(key.as_bytes());
        for text in &written {
            assert!(!text.contains(key), "a key is written: {text}");
            assert!(
                !text.contains(&digest),
                "the digest of a key is written: {text}"
            );
        }
    }
}
