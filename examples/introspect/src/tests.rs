//! Tokens of every kind, against a provider that the tests play.

use std::time::Duration;

use serde_json::Value;
use sluice_plugin::http_client::{Answer, Call, CallError};
use sluice_plugin::testing::{Exchange, Gateway, Harness, json};

use crate::Introspect;

/// Now, in Unix seconds: where the time of the fake gateway stands.
const NOW: u64 = 1_750_000_000;

fn config(more: Value) -> Value {
    let mut config = json!({
        "endpoint": "idp:/introspect", "client_id": "gate way", "client_secret": "idp-client",
    });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

/// Answers about the token of the call.
fn provider(call: &Call) -> Result<Answer, CallError> {
    let body = String::from_utf8(call.body.clone()).unwrap();
    let token = body.strip_prefix("token_type_hint=access_token&token=");
    let facts = match token.unwrap() {
        "good" => json!({
            "active": true, "sub": "ada", "client_id": "app", "username": "Ada L",
            "scope": "read  write a,b", "aud": "orders", "iss": "https://idp.test",
            "jti": "t-1", "exp": NOW + 20, "nbf": NOW, "unknown": [{}],
        }),
        "machine" => json!({ "active": true, "client_id": "batch" }),
        "everywhere" => json!({ "active": true, "sub": "ada", "aud": ["people", "orders"] }),
        "nobody" => json!({ "active": true }),
        "expired" => json!({ "active": true, "sub": "ada", "exp": NOW }),
        "early" => json!({ "active": true, "sub": "ada", "nbf": NOW + 5 }),
        "bound" => json!({ "active": true, "sub": "ada", "cnf": { "jkt": "x" } }),
        "a%2Bb%3D" => json!({ "active": true, "sub": "plus" }),
        "down" => return Err(CallError::Failed("refused".to_owned())),
        "slow" => return Err(CallError::TimedOut),
        "large" => return Err(CallError::TooLarge),
        "unauthorized" => return Ok(Answer::json(401, "{}")),
        garbage if garbage.starts_with("garbage") => {
            let garbage = GARBAGE[garbage["garbage".len()..].parse::<usize>().unwrap()];
            return Ok(Answer::json(200, garbage));
        }
        _ => json!({ "active": false }),
    };
    Ok(Answer::json(200, facts.to_string()))
}

const GARBAGE: [&str; 9] = [
    "",
    "<html>",
    "{}",
    "[true]",
    r#"{"active":"true"}"#,
    r#"{"active":false,"active":true,"sub":"ada"}"#,
    r#"{"active":true,"sub":7}"#,
    r#"{"active":true,"sub":"a\r\nx: y"}"#,
    r#"{"active":true,"sub":"ada","exp":"soon"}"#,
];

fn gateway() -> Gateway {
    Gateway::new()
        .at_unix_ms(NOW * 1000)
        .with_secret("idp-client", "s3c:ret")
        .with_upstream("idp", provider)
}

fn plugin(more: Value) -> Harness<Introspect> {
    gateway().configure(config(more)).unwrap()
}

fn with(token: &str) -> Exchange {
    Exchange::get("/").with_header("authorization", format!("Bearer {token}"))
}

/// The status and the challenge of the refusal; none where the request goes on.
fn refused(plugin: &Harness<Introspect>, exchange: &mut Exchange) -> Option<(u16, String)> {
    let reply = plugin.request(exchange).unwrap()?;
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    Some((reply.status, String::from_utf8(challenge.to_vec()).unwrap()))
}

const INVALID: &str = "Bearer error=\"invalid_token\"";

#[test]
fn the_provider_is_asked_as_its_standard_says() {
    let plugin = plugin(json!({ "timeout": "700ms" }));
    assert_eq!(refused(&plugin, &mut with("a+b=")), None);
    let call = plugin.calls().remove(0);
    assert_eq!((&*call.method, &*call.target), ("POST", "idp:/introspect"));
    let text = |name| String::from_utf8_lossy(call.header(name).unwrap()).into_owned();
    assert_eq!(text("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(text("accept"), "application/json");
    // gate+way:s3c%3Aret
    assert_eq!(text("authorization"), "Basic Z2F0ZSt3YXk6czNjJTNBcmV0");
    assert_eq!(call.timeout, Some(Duration::from_millis(700)));
}

#[test]
fn the_upstream_learns_who_is_calling_and_nothing_that_the_client_said() {
    let plugin = plugin(json!({}));
    let mut exchange = with("good")
        .with_header("x-consumer-id", "root")
        .with_header("x-consumer-groups", "admin")
        .with_header("x-credential-id", "root-1")
        .with_header("x-anonymous-consumer", "true");
    assert_eq!(refused(&plugin, &mut exchange), None);
    let sent = &exchange.request;
    assert_eq!(sent.header("x-consumer-id"), Some("ada"));
    assert_eq!(sent.header("x-consumer-groups"), Some("read,write"));
    assert_eq!(sent.header("x-credential-id"), Some("t-1"));
    assert_eq!(sent.header("x-anonymous-consumer"), None);
    assert_eq!(sent.header("authorization"), None);
    let caller = exchange.caller.unwrap();
    assert_eq!(caller.id, "ada");
    assert_eq!(caller.groups, ["read", "write", "a,b"]);
    assert_eq!(caller.credential.as_deref(), Some("t-1"));
    let attributes: Vec<_> = caller
        .attributes
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        attributes,
        [
            ("client_id", "app"),
            ("username", "Ada L"),
            ("issuer", "https://idp.test")
        ]
    );

    let mut exchange = with("machine").with_header("x-consumer-groups", "admin");
    assert_eq!(refused(&plugin, &mut exchange), None);
    assert_eq!(exchange.request.header("x-consumer-id"), Some("batch"));
    assert_eq!(exchange.request.header("x-consumer-groups"), None);
    assert_eq!(exchange.request.header("x-credential-id"), None);
}

#[test]
fn the_token_goes_upstream_where_the_operator_says_so() {
    let plugin = plugin(json!({ "hide_credentials": false }));
    let mut exchange = with("good");
    assert_eq!(refused(&plugin, &mut exchange), None);
    assert_eq!(
        exchange.request.header("authorization"),
        Some("Bearer good")
    );
}

#[test]
fn a_token_that_is_not_valid_is_refused() {
    let plugin = plugin(json!({}));
    for token in ["unknown", "expired", "early", "nobody", "bound", "a b", ""] {
        let found = refused(&plugin, &mut with(token));
        assert_eq!(found, Some((401, INVALID.into())), "{token}");
    }
    let asked: Vec<_> = plugin.calls().into_iter().map(|call| call.body).collect();
    assert_eq!(asked.len(), 5, "what cannot be a token is not asked for");
}

#[test]
fn a_request_without_a_token_learns_no_error() {
    let plugin = plugin(json!({ "realm": "the \"shop\"", "scopes": ["read"] }));
    let challenge = r#"Bearer realm="the \"shop\"", scope="read""#;
    for mut exchange in [
        Exchange::get("/"),
        Exchange::get("/?access_token=good"),
        Exchange::get("/").with_header("authorization", "Basic Z29vZDo="),
    ] {
        assert_eq!(
            refused(&plugin, &mut exchange),
            Some((401, challenge.into()))
        );
    }
    let mut twice = with("good").with_header("authorization", "Bearer machine");
    let challenge = r#"Bearer realm="the \"shop\"", error="invalid_request""#;
    assert_eq!(refused(&plugin, &mut twice), Some((400, challenge.into())));
    assert!(plugin.calls().is_empty());
}

#[test]
fn a_token_must_be_good_for_what_is_wanted() {
    let plugin_for = |scopes: &[&str]| plugin(json!({ "scopes": scopes }));
    assert_eq!(
        refused(&plugin_for(&["write", "read"]), &mut with("good")),
        None
    );
    let challenge = r#"Bearer error="insufficient_scope", scope="read admin""#;
    let found = refused(&plugin_for(&["read", "admin"]), &mut with("good"));
    assert_eq!(found, Some((403, challenge.into())));
    assert_eq!(
        refused(&plugin_for(&["rea"]), &mut with("good")).unwrap().0,
        403
    );
    assert_eq!(
        refused(&plugin_for(&["read"]), &mut with("machine"))
            .unwrap()
            .0,
        403
    );
}

#[test]
fn a_token_must_be_meant_for_this_audience() {
    let plugin_for = |audience: &[&str]| plugin(json!({ "audience": audience }));
    let orders = plugin_for(&["stock", "orders"]);
    assert_eq!(refused(&orders, &mut with("good")), None);
    assert_eq!(refused(&orders, &mut with("everywhere")), None);
    assert_eq!(refused(&orders, &mut with("machine")).unwrap().0, 401);
    let other = plugin_for(&["stock"]);
    assert_eq!(refused(&other, &mut with("good")).unwrap().0, 401);
    assert_eq!(refused(&other, &mut with("everywhere")).unwrap().0, 401);
}

#[test]
fn a_token_must_come_from_this_issuer() {
    let plugin_of = |issuer| plugin(json!({ "issuer": issuer }));
    assert_eq!(
        refused(&plugin_of("https://idp.test"), &mut with("good")),
        None
    );
    for (issuer, token) in [
        ("https://idp.test/", "good"),
        ("https://idp.test", "machine"),
    ] {
        let found = refused(&plugin_of(issuer), &mut with(token));
        assert_eq!(found, Some((401, INVALID.into())), "{token}");
    }
}

#[test]
fn an_answer_is_kept_until_the_token_ends() {
    let plugin = plugin(json!({}));
    for _ in 0..3 {
        assert_eq!(refused(&plugin, &mut with("good")), None);
    }
    assert_eq!(plugin.calls().len(), 1);
    // The token ends after 20 s, before the minute of the cache.
    plugin.pass(Duration::from_secs(19));
    assert_eq!(refused(&plugin, &mut with("good")), None);
    assert_eq!(plugin.calls().len(), 1);
    plugin.pass(Duration::from_secs(1));
    assert_eq!(refused(&plugin, &mut with("good")).unwrap().0, 401);
    assert_eq!(plugin.calls().len(), 2);
}

#[test]
fn an_answer_without_an_end_is_kept_for_the_time_of_the_cache() {
    let plugin = plugin(json!({ "cache": "30s" }));
    assert_eq!(refused(&plugin, &mut with("machine")), None);
    plugin.pass(Duration::from_millis(29_999));
    assert_eq!(refused(&plugin, &mut with("machine")), None);
    assert_eq!(plugin.calls().len(), 1);
    plugin.pass(Duration::from_millis(1));
    assert_eq!(refused(&plugin, &mut with("machine")), None);
    assert_eq!(plugin.calls().len(), 2);
}

#[test]
fn a_refusal_is_kept_for_a_shorter_time() {
    let plugin = plugin(json!({}));
    for token in ["unknown", "bound"] {
        let before = plugin.calls().len();
        for passed in [0, 9_999] {
            plugin.pass(Duration::from_millis(passed));
            assert_eq!(refused(&plugin, &mut with(token)).unwrap().0, 401);
        }
        assert_eq!(plugin.calls().len(), before + 1);
        plugin.pass(Duration::from_millis(1));
        assert_eq!(refused(&plugin, &mut with(token)).unwrap().0, 401);
        assert_eq!(plugin.calls().len(), before + 2);
    }
}

#[test]
fn nothing_is_kept_where_the_operator_says_so() {
    let plugin = plugin(json!({ "cache": "0s", "refused_cache": "0s" }));
    for token in ["good", "unknown"] {
        for _ in 0..2 {
            refused(&plugin, &mut with(token));
        }
    }
    assert_eq!(plugin.calls().len(), 4);
}

#[test]
fn while_the_provider_does_not_answer_requests_are_refused_or_go_on_unknown() {
    let careful = plugin(json!({}));
    let lenient = plugin(json!({ "on_provider_error": "allow" }));
    let garbage = (0..GARBAGE.len()).map(|n| format!("garbage{n}"));
    let tokens = ["down", "slow", "large", "unauthorized"].map(str::to_owned);
    for token in tokens.into_iter().chain(garbage) {
        let mut exchange = with(&token);
        assert_eq!(
            refused(&careful, &mut exchange),
            Some((503, String::new())),
            "{token}"
        );
        assert_eq!(exchange.log.len(), 1);
        assert_eq!(exchange.tags.len(), 1);

        let mut exchange = with(&token).with_header("x-consumer-id", "root");
        assert_eq!(refused(&lenient, &mut exchange), None, "{token}");
        assert_eq!(exchange.caller, None);
        assert_eq!(exchange.request.header("x-consumer-id"), None);
        assert_eq!(exchange.request.header("authorization"), None);
    }
    assert_eq!(refused(&lenient, &mut with("unknown")).unwrap().0, 401);
    // What is no answer is not kept.
    let before = careful.calls().len();
    refused(&careful, &mut with("down"));
    assert_eq!(careful.calls().len(), before + 1);
}

#[test]
fn without_the_store_each_request_is_a_question() {
    let gateway = gateway().with_failing_store("local");
    let plugin: Harness<Introspect> = gateway.configure(config(json!({}))).unwrap();
    for _ in 0..2 {
        assert_eq!(refused(&plugin, &mut with("good")), None);
    }
    assert_eq!(plugin.calls().len(), 2);
}

#[test]
fn a_grant_that_is_missing_fails_the_hook() {
    for (more, message) in [
        (json!({ "endpoint": "other:/x" }), "/endpoint: "),
        (json!({ "store": "shared" }), "/store: "),
    ] {
        let plugin = plugin(more);
        let error = plugin.request(&mut with("good")).unwrap_err();
        assert!(error.message().starts_with(message), "{error}");
    }
}

#[test]
fn a_configuration_that_cannot_work_is_named() {
    for (more, at) in [
        (json!({ "endpoint": "https://idp.test" }), "/endpoint"),
        (
            json!({ "endpoint": "http://idp.test/introspect" }),
            "/endpoint",
        ),
        (json!({ "endpoint": "idp" }), "/endpoint"),
        (json!({ "client_id": "" }), "/client_id"),
        (json!({ "client_secret": "idp-clint" }), "/client_secret"),
        (json!({ "timeout": "0s" }), "/timeout"),
        (json!({ "scopes": ["read", "read write"] }), "/scopes/1"),
        (json!({ "realm": "a\nb" }), "/realm"),
        (json!({ "on_provider_error": "alow" }), "/on_provider_error"),
    ] {
        let problems = gateway()
            .configure::<Introspect>(config(more))
            .err()
            .unwrap();
        let places: Vec<_> = problems.iter().map(|problem| problem.at.as_str()).collect();
        assert_eq!(places, [at], "{problems}");
    }
}

#[test]
fn the_token_and_the_secret_are_in_no_log_line_and_no_reply() {
    let plugin = plugin(json!({}));
    for token in ["down", "unauthorized", "garbage1", "unknown", "good"] {
        let mut exchange = with(token);
        let reply = plugin.request(&mut exchange).unwrap();
        let told = format!("{reply:?} {:?} {:?}", exchange.log, exchange.tags);
        for secret in ["s3c", token] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}
