//! One request, several services, one answer.

use std::cell::Cell;
use std::time::Duration;

use sluice_plugin::http_client::{Answer, CallError};
use sluice_plugin::testing::{Exchange, Gateway, Harness, json};

use crate::Compose;

fn config() -> serde_json::Value {
    json!({ "parts": [
        { "name": "order", "target": "orders:/api/{id}", "required": true, "timeout": "2s" },
        { "name": "customer", "target": "people:/of?order={id}" },
        { "name": "stock", "target": "stock:/levels/{id}" },
    ] })
}

/// Three services; that of the stock answers what the test says.
fn plugin(stock: impl Fn() -> Result<Answer, CallError> + 'static) -> Harness<Compose> {
    Gateway::new()
        .with_upstream("orders", |call| match call.target.as_str() {
            "orders:/api/404" => Ok(Answer::json(404, "{}")),
            "orders:/api/slow" => Err(CallError::TimedOut),
            "orders:/api/garbage" => Ok(Answer::json(200, "<html>")),
            _ => Ok(Answer::json(
                200,
                " {\"total\": 1.50e0 , \"a\":1,\"a\":[ ]}\n",
            )),
        })
        .with_upstream("people", |_| Ok(Answer::json(200, r#""Ada""#)))
        .with_upstream("stock", move |_| stock())
        .configure(config())
        .unwrap()
}

fn exchange(id: &str) -> Exchange {
    Exchange::get(&format!("/orders/{id}")).with_capture("id", id)
}

fn text(plugin: &Harness<Compose>, exchange: &mut Exchange) -> (u16, String) {
    let reply = plugin.request(exchange).unwrap().unwrap();
    (reply.status, String::from_utf8(reply.body).unwrap())
}

#[test]
fn three_answers_become_one_and_keep_their_bytes() {
    let plugin = plugin(|| Ok(Answer::json(200, "12345678901234567890.10")));
    let (status, body) = text(&plugin, &mut exchange("7"));
    assert_eq!(status, 200);
    assert_eq!(
        body,
        "{\"order\":{\"total\": 1.50e0 , \"a\":1,\"a\":[ ]},\"customer\":\"Ada\",\"stock\":12345678901234567890.10}"
    );
    let calls = plugin.calls();
    let targets: Vec<_> = calls.iter().map(|call| call.target.as_str()).collect();
    assert_eq!(
        targets,
        ["orders:/api/7", "people:/of?order=7", "stock:/levels/7"]
    );
    assert_eq!(calls[0].timeout, Some(Duration::from_secs(2)));
    assert_eq!(calls[1].timeout, Some(Duration::from_secs(1)));
}

#[test]
fn a_part_that_fails_is_null_and_has_an_error() {
    type Stock = fn() -> Result<Answer, CallError>;
    let cases: [(Stock, &str); 8] = [
        (
            || Err(CallError::TimedOut),
            r#"{"part":"stock","reason":"timed-out"}"#,
        ),
        (
            || Err(CallError::TooLarge),
            r#"{"part":"stock","reason":"too-large"}"#,
        ),
        (
            || Err(CallError::Failed("connect to 10.0.0.7".into())),
            r#"{"part":"stock","reason":"unreachable"}"#,
        ),
        (
            || Ok(Answer::json(503, "{}")),
            r#"{"part":"stock","reason":"status","status":503}"#,
        ),
        (
            || Ok(Answer::json(200, "")),
            r#"{"part":"stock","reason":"not-json"}"#,
        ),
        (
            || Ok(Answer::json(200, "{\"a\":}")),
            r#"{"part":"stock","reason":"not-json"}"#,
        ),
        (
            || Ok(Answer::json(200, "1} , {")),
            r#"{"part":"stock","reason":"not-json"}"#,
        ),
        (
            || Ok(Answer::json(200, b"\"\xff\"")),
            r#"{"part":"stock","reason":"not-json"}"#,
        ),
    ];
    for (stock, error) in cases {
        let plugin = plugin(stock);
        let mut exchange = exchange("7");
        let reply = plugin.request(&mut exchange).unwrap().unwrap();
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("cache-control"), Some(&b"no-store"[..]));
        let body = String::from_utf8(reply.body).unwrap();
        let end = format!(",\"customer\":\"Ada\",\"stock\":null,\"errors\":[{error}]}}");
        assert!(body.ends_with(&end), "{body}");
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
        assert_eq!(exchange.tags, [("failed_parts".into(), "stock".into())]);
        assert_eq!(exchange.log.len(), 1);
    }
}

#[test]
fn a_part_without_content_is_null_and_no_error() {
    let plugin = plugin(|| Ok(Answer::new(204)));
    let (_, body) = text(&plugin, &mut exchange("7"));
    assert!(body.ends_with(",\"stock\":null}"), "{body}");
}

#[test]
fn without_a_required_part_there_is_no_answer() {
    let plugin = plugin(|| Err(CallError::TimedOut));
    for (id, status, reason) in [
        ("slow", 502, "The part `order` failed: timed-out."),
        ("garbage", 502, "The part `order` failed: not-json."),
        ("404", 404, "There is no `order` here."),
    ] {
        let (found, body) = text(&plugin, &mut exchange(id));
        assert_eq!(found, status);
        assert!(body.contains(reason), "{body}");
    }
}

#[test]
fn the_parts_are_bounded_together() {
    let gateway = || {
        Gateway::new()
            .with_upstream("a", |_| Ok(Answer::json(200, r#""12345678""#)))
            .with_upstream("b", |_| Ok(Answer::json(200, "1")))
    };
    let mut config = json!({ "max_bytes": 11, "parts": [
        { "name": "a", "target": "a:/" },
        { "name": "b", "target": "b:/" },
    ] });
    let roomy = gateway().configure(config.clone()).unwrap();
    assert_eq!(
        text(&roomy, &mut Exchange::get("/")).1,
        r#"{"a":"12345678","b":1}"#
    );
    config["max_bytes"] = json!(10);
    let tight = gateway().configure(config).unwrap();
    assert_eq!(
        text(&tight, &mut Exchange::get("/")).1,
        r#"{"a":"12345678","b":null,"errors":[{"part":"b","reason":"too-large"}]}"#
    );
}

#[test]
fn the_client_says_only_what_it_may() {
    let plugin = plugin(|| Ok(Answer::json(200, "0")));
    let mut exchange = exchange("a/b")
        .with_header("accept-language", "de")
        .with_header("accept-language", "en")
        .with_header("authorization", "Bearer x")
        .with_header("x-request-id", "forged");
    text(&plugin, &mut exchange);
    let call = plugin.calls().remove(0);
    assert_eq!(call.method, "GET");
    assert_eq!(call.target, "orders:/api/a%2Fb");
    let languages = call.headers.iter().filter(|(n, _)| n == "accept-language");
    assert_eq!(languages.count(), 2);
    assert_eq!(call.header("authorization"), None);
    assert_eq!(call.header("accept"), Some(&b"application/json"[..]));
    let id = exchange.request_id.as_bytes();
    assert_eq!(call.header("x-request-id"), Some(id));
}

#[test]
fn what_cannot_be_composed_is_not_asked() {
    let asked = std::rc::Rc::new(Cell::new(false));
    let stock = asked.clone();
    let plugin = plugin(move || {
        stock.set(true);
        Ok(Answer::new(204))
    });
    let mut post = Exchange::post("/orders/7", "text/plain", "").with_capture("id", "7");
    let reply = plugin.request(&mut post).unwrap().unwrap();
    assert_eq!(reply.status, 405);
    assert_eq!(reply.header("allow"), Some(&b"GET, HEAD"[..]));
    assert_eq!(text(&plugin, &mut exchange("..")).0, 400);
    let error = plugin.request(&mut Exchange::get("/orders")).unwrap_err();
    assert_eq!(error.message(), "the route's path captures nothing as {id}");
    assert!(!asked.get() && plugin.calls().is_empty());
}

#[test]
fn a_target_without_a_grant_fails_the_hook() {
    let plugin: Harness<Compose> = Gateway::new().configure(config()).unwrap();
    let error = plugin.request(&mut exchange("7")).unwrap_err();
    assert_eq!(error.message(), "part `order`: no grant for its target");
}

#[test]
fn a_configuration_that_cannot_work_is_named() {
    let problems = |config| {
        let problems = Harness::<Compose>::configure(config).err().unwrap();
        let places = problems.into_iter().map(|problem| problem.at);
        places.collect::<Vec<_>>()
    };
    let part = |name: &str| json!({ "name": name, "target": "a:/" });
    let many: Vec<_> = (0..17).map(|n| part(&n.to_string())).collect();
    assert_eq!(problems(json!({ "parts": [] })), ["/parts"]);
    assert_eq!(problems(json!({ "parts": many })), ["/parts"]);
    assert_eq!(
        problems(json!({ "parts": [part("errors"), part("a"), part("a")] })),
        ["/parts/0/name", "/parts/2/name"]
    );
    assert_eq!(
        problems(json!({ "parts": [{ "name": "a", "target": "a:/{" }] })),
        ["/parts/0/target"]
    );
    assert_eq!(
        problems(json!({ "parts": [{ "name": "a", "target": "a:/", "timeout": "31s" }] })),
        ["/parts/0/timeout"]
    );
    assert_eq!(
        problems(json!({ "parts": [part("a")], "forward": ["a b", "Host", "x-ok"] })),
        ["/forward/0", "/forward/1"]
    );
}
