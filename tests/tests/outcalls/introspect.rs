//! `examples/introspect` between clients and an identity provider.

use std::net::SocketAddr;

use sluice_tests::client::{With, get};
use sluice_tests::tls::{Authority, Front};
use sluice_tests::upstream::{self, Service, service};
use sluice_tests::{Client, Gateway, Settings, Upstream, command};
use tempfile::TempDir;

use super::{INTROSPECT, pasted};

const ANOTHER_STORE: &str = "[stores.another]\nkind = \"memory\"\n";
const INVALID: &str = "Bearer error=\"invalid_token\"";

/// A provider that knows some tokens.
async fn provider() -> Service {
    Service::start(|asked| async move {
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        let token = body.rsplit('=').next().unwrap_or_default();
        match token {
            "ada" => service::json(
                200,
                r#"{"active":true,"sub":"ada","scope":"orders eu","jti":"t-1"}"#,
            ),
            "guest" => service::json(200, r#"{"active":true,"sub":"guest","scope":"eu"}"#),
            "garbage" => service::json(200, "<html>"),
            "broken" => service::json(500, "{}"),
            "large" => service::json(200, vec![b' '; 200_000]),
            "slow" => std::future::pending().await,
            _ => service::json(200, r#"{"active":false}"#),
        }
    })
    .await
}

/// What the page of the example says.
fn toml(orders: &Upstream, idp: SocketAddr) -> String {
    pasted(
        "introspect",
        &INTROSPECT,
        &[
            ("127.0.0.1:9001", orders.address().to_string()),
            ("127.0.0.1:9100", idp.to_string()),
        ],
    )
}

/// A gateway with this configuration and the secret in its file.
async fn gateway(toml: String) -> Gateway {
    Gateway::start_in(folder(toml), "sluice.toml").await
}

fn folder(toml: String) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("idp-client.secret"), "s3cret").expect("a secret");
    let text = Settings::new(toml).toml();
    std::fs::write(folder.path().join("sluice.toml"), text).expect("the configuration");
    folder
}

fn with(token: &str) -> http::Request<sluice_tests::body::Body> {
    get("/orders/7").with("authorization", &format!("Bearer {token}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_no_upstream_is_asked_over_tls() {
    let (orders, idp) = (Upstream::start().await, provider().await);
    let authority = Authority::of("127.0.0.1");
    let front = Front::start(&authority, idp.address(), &["http/1.1"]).await;
    let origin = format!("https://{}", front.address());
    let toml = toml(&orders, upstream::nobody())
        .replace("[\"idp:/introspect\"]", &format!("[{origin:?}]"))
        .replace("\"idp:/introspect\"", &format!("\"{origin}/introspect\""));
    let folder = folder(toml);
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, authority.certificate_pem()).expect("a certificate");
    let trusted = trusted.display().to_string();
    let variables = [("SSL_CERT_FILE", &*trusted)];
    let gateway = Gateway::start_with(folder, "sluice.toml", &variables).await;
    let answer = gateway.client().await.fetch(with("ada")).await;
    assert_eq!(answer.seen().header("x-consumer-id"), Some("ada"));
    assert_eq!((front.sessions(), idp.asked().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_its_route_and_the_provider_is_asked_once() {
    let (orders, idp) = (Upstream::start().await, provider().await);
    let gateway = gateway(toml(&orders, idp.address())).await;
    // Connections land on both workers.
    for round in 0..8 {
        let mut client = match round % 2 {
            0 => Client::http1(gateway.address()).await,
            _ => Client::http2(gateway.address()).await,
        };
        let forged = with("ada")
            .with("x-consumer-id", "root")
            .with("x-consumer-groups", "admin")
            .with("x-anonymous-consumer", "true");
        let seen = client.fetch(forged).await.seen();
        assert_eq!(seen.header("x-consumer-id"), Some("ada"));
        assert_eq!(seen.header("x-consumer-groups"), Some("orders,eu"));
        assert_eq!(seen.header("x-credential-id"), Some("t-1"));
        assert_eq!(seen.header("x-anonymous-consumer"), None);
        assert_eq!(seen.header("authorization"), None);
    }
    let asked = idp.asked();
    assert_eq!(asked.len(), 1, "what is kept is not asked again");
    assert_eq!(asked[0].method, "POST");
    assert_eq!(asked[0].target, "/introspect");
    // gateway:s3cret
    assert_eq!(
        asked[0].header("authorization"),
        "Basic Z2F0ZXdheTpzM2NyZXQ="
    );
    assert_eq!(
        asked[0].header("content-type"),
        "application/x-www-form-urlencoded"
    );
    assert_eq!(
        &asked[0].body[..],
        b"token_type_hint=access_token&token=ada"
    );
    let line = gateway.access("/orders/7").await;
    assert_eq!(line["consumer"], "ada", "{line}");
    for text in [gateway.log(), gateway.access_log()] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_no_good_token_stays_outside() {
    let (orders, idp) = (Upstream::start().await, provider().await);
    let gateway = gateway(toml(&orders, idp.address())).await;
    let mut client = gateway.client().await;
    let nothing = client.fetch(get("/orders/7")).await;
    assert_eq!(nothing.status, 401);
    assert_eq!(
        nothing.header("www-authenticate"),
        "Bearer scope=\"orders\""
    );
    for token in ["unknown", "unknown", "not one"] {
        let answer = client.fetch(with(token)).await;
        assert_eq!(answer.status, 401, "{token}");
        assert_eq!(answer.header("www-authenticate"), INVALID);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let guest = client.fetch(with("guest")).await;
    assert_eq!(guest.status, 403);
    assert_eq!(
        guest.header("www-authenticate"),
        "Bearer error=\"insufficient_scope\", scope=\"orders\""
    );
    assert_eq!(orders.requests(), 0);
    assert_eq!(idp.asked().len(), 2, "a refusal is kept as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_lets_nobody_in() {
    let (orders, idp) = (Upstream::start().await, provider().await);
    let toml = toml(&orders, idp.address()).replace(
        "[plugins.tokens.config]",
        "limits = { host_call_bytes = \"64KiB\" }\n[plugins.tokens.config]\ntimeout = \"200ms\"",
    );
    let gateway = gateway(toml).await;
    let mut client = gateway.client().await;
    for token in ["slow", "garbage", "broken", "large"] {
        let answer = client.fetch(with(token)).await;
        assert_eq!(answer.status, 503, "{token}: {}", answer.text());
        assert!(
            answer.text().contains("Tokens cannot be checked"),
            "{token}"
        );
    }
    for why in [
        "no answer in time",
        "not that of an introspection",
        "it answered 500",
        "too large",
    ] {
        gateway.logs(&["the provider does not answer", why]).await;
    }
    let line = gateway.access("/orders/7").await;
    assert_eq!(line["source"], "plugin:tokens", "{line}");
    assert_eq!(orders.requests(), 0);
    // It failed, the plugin did not.
    assert_eq!(client.fetch(with("ada")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_the_operator_may_let_callers_pass_unknown() {
    let orders = Upstream::start().await;
    let toml = toml(&orders, upstream::nobody());
    let strict = gateway(toml.clone()).await;
    assert_eq!(strict.client().await.fetch(with("ada")).await.status, 503);
    let lenient = toml.replace(
        "[plugins.tokens.config]",
        "[plugins.tokens.config]\non_provider_error = \"allow\"",
    );
    let lenient = gateway(lenient).await;
    let forged = with("ada").with("x-consumer-id", "root");
    let seen = lenient.client().await.fetch(forged).await.seen();
    assert_eq!(seen.header("x-consumer-id"), None);
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_or_a_path_that_is_not_granted_fails_the_hook() {
    let (orders, idp) = (Upstream::start().await, provider().await);
    for (grant, other, why) in [
        (
            "http = [\"idp:/introspect\"]",
            "http = [\"idp:/introspection\"]",
            "/endpoint",
        ),
        ("kv = [\"local\"]", "kv = [\"another\"]", "/store"),
    ] {
        let toml = toml(&orders, idp.address());
        assert!(toml.contains(grant), "{toml}");
        let gateway = gateway(toml.replace(grant, other) + ANOTHER_STORE).await;
        let answer = gateway.client().await.fetch(with("ada")).await;
        answer.assert_problem(503, "plugin:tokens");
        gateway.logs(&["tokens", why, "no grant"]).await;
    }
    assert!(idp.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_that_a_secret_is_not_granted() {
    let (orders, idp) = (Upstream::start().await, provider().await);
    let toml = toml(&orders, idp.address());
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("idp-client.secret"), "s3cret").expect("a secret");
    for (text, code) in [
        (toml.clone(), 0),
        (
            toml.replace("secrets = [\"idp-client\"]", "secrets = [\"another\"]")
                .replace("[secrets]", "[secrets]\nanother = \"x\""),
            1,
        ),
    ] {
        let text = Settings::new(text).toml();
        std::fs::write(folder.path().join("sluice.toml"), text).expect("the configuration");
        let checked = command::sluice(folder.path(), ["check", "sluice.toml"]);
        assert_eq!(checked.code, Some(code), "{checked:?}");
        let told = checked.stdout + &checked.stderr;
        assert_eq!(told.contains("client_secret"), code == 1, "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}
