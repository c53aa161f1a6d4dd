//! Bodies: JSON, forms, and what is neither.

use serde_json::{Value, json};
use sluice_plugin::Verdict;
use sluice_plugin::testing::{Exchange, Harness};
use transform::Transform;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn plugin(config: Value) -> Harness<Transform> {
    Harness::configure(config).unwrap()
}

/// The status of the refusal, or the body that goes upstream.
fn post(config: &Value, content_type: &str, body: &str) -> Result<String, u16> {
    let mut exchange = Exchange::post("/", content_type, body);
    match plugin(config.clone()).request(&mut exchange).unwrap() {
        Some(reply) => Err(reply.status),
        None => Ok(String::from_utf8(exchange.request.body).unwrap()),
    }
}

#[test]
fn json_is_changed_in_the_order_of_the_steps() {
    let config = json!({ "request": {
        "remove": { "body": ["/secret", "/user/password", "/list/0"] },
        "rename": { "body": { "/user/name": "/user/full name" } },
        "replace": { "body": { "/user/full name": "anon", "/absent": 1 } },
        "add": { "body": {
            "/meta": {}, "/meta/source": "gate", "/meta/n": 1.0, "/user/age": 0, "/list/-": [true, null],
        } },
        "append": { "body": { "/tags": ["a", "b"], "/list/-": "end", "/one": "two" } },
    }});
    let body = r#"{ "secret":1, "user": {"name":"Ada", "age": 36, "password":"x"}, "list":[0, 1], "one":1e400 }"#;
    assert_eq!(
        post(&config, JSON, body).unwrap(),
        r#"{ "user": {"full name":"anon", "age": 36}, "list":[ 1,[true,null],"end"], "one":[1e400,"two"],"meta":{"n":1.0,"source":"gate"},"tags":["a","b"] }"#
    );
}

#[test]
fn a_form_is_changed_by_the_names_of_its_fields() {
    let config = json!({ "request": {
        "remove": { "body": ["/secret", "/deep/er"] },
        "rename": { "body": { "/old": "/new" } },
        "replace": { "body": { "/n": 7, "/table": { "a": 1 } } },
        "add": { "body": { "/src": "a&b ü", "/deep/er": 1 } },
        "append": { "body": { "/tag": ["x", true] } },
    }});
    assert_eq!(
        post(
            &config,
            FORM,
            "keep=%7e&secret=1&old=+v&n=1&n=2&table=t&tag=0"
        )
        .unwrap(),
        "keep=%7e&new=+v&n=7&table=t&tag=0&src=a%26b%20%C3%BC&tag=x&tag=true"
    );
    assert_eq!(
        post(&config, FORM, "").unwrap(),
        "src=a%26b%20%C3%BC&tag=x&tag=true"
    );
    let mut get = Exchange::get("/").with_header("content-type", FORM);
    assert_eq!(plugin(config).request(&mut get).unwrap(), None);
    assert_eq!(get.request.body, b"");
}

#[test]
fn templates_in_bodies_are_texts() {
    let config = json!({ "request": {
        "remove": { "headers": ["x-a"] },
        "add": { "body": { "/t": "${header.x-a}", "/deep": { "l": ["<${query.q}>", 1] }, "/line": "a\nb" } },
        "append": { "body": { "/list": ["${header.x-a}", "2"] } },
    }});
    let request = |content_type, body: &str| {
        let exchange = Exchange::post("/?q=%22%5C%3d", content_type, body);
        let mut exchange = exchange.with_header("x-a", "a\"}&");
        assert_eq!(plugin(config.clone()).request(&mut exchange).unwrap(), None);
        assert_eq!(exchange.request.header("x-a"), None);
        String::from_utf8(exchange.request.body).unwrap()
    };
    assert_eq!(
        request(JSON, "{}"),
        r#"{"deep":{"l":["<\"\\=>",1]},"line":"a\nb","t":"a\"}&","list":["a\"}&","2"]}"#
    );
    assert_eq!(
        request(FORM, "z"),
        "z&line=a%0Ab&t=a%22%7D%26&list=a%22%7D%26&list=2"
    );

    let mut exchange = Exchange::post("/", JSON, "{}").with_header("x-a", b"\xff");
    let reply = plugin(config.clone())
        .request(&mut exchange)
        .unwrap()
        .unwrap();
    assert_eq!(reply.status, 400);
    let mut exchange = Exchange::post("/?q=%0a", JSON, "{}");
    let reply = plugin(config).request(&mut exchange).unwrap().unwrap();
    assert_eq!(reply.status, 400);
}

#[test]
fn what_cannot_be_changed_passes_or_is_refused_as_configured() {
    let rules = |on_body_error| {
        json!({ "on_body_error": on_body_error, "request": {
            "remove": { "body": ["/a"] }, "add": { "headers": { "x-seen": "1" } },
        }})
    };
    let deep = "[".repeat(600) + &"]".repeat(600);
    let several = format!("{{{}\"b\":1}}", "\"a\":[{}],".repeat(3));
    for (content_type, body, status) in [
        (JSON, "nonsense", 400),
        (JSON, "{\"a\":1} x", 400),
        (JSON, "{\"a\":1,}", 400),
        (JSON, " ", 400),
        (JSON, deep.as_str(), 400),
        ("text/plain", "a=1", 415),
        ("multipart/form-data; boundary=b", "--b--", 415),
    ] {
        assert_eq!(post(&rules("pass"), content_type, body).unwrap(), body);
        assert_eq!(
            post(&rules("reject"), content_type, body),
            Err(status),
            "{content_type} {body}"
        );
    }
    assert_eq!(post(&rules("reject"), JSON, &several).unwrap(), "{\"b\":1}");
    // There is nothing that could not be changed.
    for content_type in [JSON, FORM, "text/plain"] {
        assert_eq!(post(&rules("reject"), content_type, "").unwrap(), "");
    }
    let mut get = Exchange::get("/");
    assert_eq!(plugin(rules("reject")).request(&mut get).unwrap(), None);
    assert_eq!(get.request.header("x-seen"), Some("1"));
    // The other rules apply where the body passes, and nothing does where it is refused.
    let mut exchange = Exchange::post("/", JSON, "nonsense");
    assert_eq!(plugin(rules("pass")).request(&mut exchange).unwrap(), None);
    assert_eq!(exchange.request.header("x-seen"), Some("1"));
    let mut exchange = Exchange::post("/", JSON, "nonsense");
    assert!(
        plugin(rules("reject"))
            .request(&mut exchange)
            .unwrap()
            .is_some()
    );
    assert_eq!(exchange.request.header("x-seen"), None);
}

#[test]
fn two_types_are_none() {
    let config = json!({ "on_body_error": "reject", "request": { "remove": { "body": ["/a"] } } });
    let mut exchange =
        Exchange::post("/", JSON, "{\"a\":1}").with_header("content-type", "text/plain");
    let reply = plugin(config).request(&mut exchange).unwrap().unwrap();
    assert_eq!(reply.status, 415);
}

#[test]
fn a_body_is_read_only_where_a_rule_is_about_it() {
    let asks = |config: &Value, mut exchange: Exchange| {
        let verdict = plugin(config.clone()).on_request(&mut exchange).unwrap();
        match verdict {
            Verdict::ReadBody => true,
            Verdict::Next => false,
            Verdict::Respond(reply) => panic!("refused: {reply:?}"),
        }
    };
    let json = || Exchange::post("/", JSON, "{}");
    let heads =
        json!({ "on_body_error": "reject", "request": { "add": { "headers": { "x-a": "1" } } } });
    assert!(!asks(&heads, json()));
    let other =
        json!({ "on_body_error": "reject", "response": { "add": { "body": { "/a": "1" } } } });
    assert!(!asks(&other, json()));
    for (on_body_error, unknown) in [("pass", false), ("reject", true)] {
        let bodies = json!({ "on_body_error": on_body_error, "request": { "add": { "body": { "/a": 1 } } } });
        assert!(asks(&bodies, json()));
        assert!(asks(
            &bodies,
            json().with_header("content-encoding", "identity")
        ));
        assert!(asks(
            &bodies,
            Exchange::post("/", "application/problem+json", "{}")
        ));
        assert!(asks(&bodies, Exchange::post("/", FORM, "")));
        let encoded = json().with_header("content-encoding", "gzip");
        assert_eq!(asks(&bodies, encoded), unknown);
        assert!(!asks(
            &bodies,
            Exchange::post("/", "text/plain", "").with_header("content-length", "0")
        ));
        assert_eq!(
            asks(&bodies, Exchange::post("/", "text/plain", "a")),
            unknown
        );
        assert_eq!(asks(&bodies, Exchange::get("/")), unknown);
    }
    let bodies =
        json!({ "on_body_error": "reject", "request": { "add": { "body": { "/a": 1 } } } });
    let mut long = Exchange::post("/", "text/plain", "a").with_header("content-length", "1");
    let verdict = plugin(bodies).on_request(&mut long).unwrap();
    assert!(matches!(verdict, Verdict::Respond(reply) if reply.status == 415));
}

#[test]
fn an_encoded_body_gets_around_no_rule_that_rejects() {
    let config = |on_body_error: &str| json!({ "on_body_error": on_body_error, "request": { "remove": { "body": ["/a"] } } });
    let sent = |body: &str| Exchange::post("/", JSON, body).with_header("content-encoding", "br");
    let reply = plugin(config("reject")).request(&mut sent("{}")).unwrap();
    assert_eq!(reply.unwrap().status, 415);
    // No body is not encoded, whatever its head says.
    assert_eq!(
        plugin(config("reject")).request(&mut sent("")).unwrap(),
        None
    );
    let mut passed = sent("{\"a\":1}");
    assert_eq!(plugin(config("pass")).request(&mut passed).unwrap(), None);
    assert_eq!(passed.request.body, b"{\"a\":1}");
}

#[test]
fn responses_are_changed_too() {
    let config = json!({ "on_body_error": "reject", "response": {
        "remove": { "body": ["/internal"] },
        "add": { "body": { "/for": "${header.x-user ?? \"nobody\"}" }, "headers": { "x-seen": "1" } },
    }});
    let plugin = plugin(config);
    let answer = |status, content_type, body: &str| {
        Exchange::get("/").answered(status, &[("content-type", content_type)], body)
    };
    let mut good = answer(200, "application/hal+json", r#"{"internal":1,"n":1.00}"#)
        .with_header("x-user", "ada");
    assert_eq!(plugin.response(&mut good).unwrap(), None);
    assert_eq!(
        String::from_utf8_lossy(&good.response.body),
        r#"{"n":1.00,"for":"ada"}"#
    );
    assert_eq!(good.response.header("x-seen"), Some("1"));

    for (content_type, body) in [(JSON, "nonsense"), ("text/html", "<p>")] {
        let mut bad = answer(200, content_type, body);
        let reply = plugin.response(&mut bad).unwrap().unwrap();
        assert_eq!(reply.status, 502);
    }
    // None of these has a body that could be read.
    let head = {
        let mut head = answer(200, JSON, "");
        head.method = "HEAD".to_owned();
        head
    };
    for mut empty in [answer(204, JSON, ""), answer(304, JSON, ""), head] {
        assert_eq!(plugin.on_response(&mut empty).unwrap(), Verdict::Next);
        assert_eq!(empty.response.header("x-seen"), Some("1"));
    }
}
