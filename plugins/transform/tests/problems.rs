//! What is wrong with a configuration is said at its place.

use serde_json::{Value, json};
use sluice_plugin::testing::Harness;
use transform::Transform;

/// Place and message of every problem.
fn problems(config: Value) -> Vec<(String, String)> {
    match Harness::<Transform>::configure(config.clone()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_iter().map(|p| (p.at, p.message)).collect(),
    }
}

/// The one problem of a configuration.
fn one(config: Value, at: &str, message: &str) {
    let found = problems(config.clone());
    match found.as_slice() {
        [(place, text)] if place == at && text.contains(message) => {}
        _ => panic!("expected {at}: {message}\nfound {found:?}\nin {config}"),
    }
}

#[test]
fn words_that_nobody_knows_are_named() {
    one(
        json!({ "on_body_error": "drop" }),
        "/on_body_error",
        "`pass`, `reject`",
    );
    one(
        json!({ "request": { "replaces": {} } }),
        "/request/replaces",
        "did you mean `replace`?",
    );
    one(
        json!({ "response": { "add": { "query": { "a": "b" } } } }),
        "/response/add/query",
        "unknown key",
    );
    one(
        json!({ "response": { "path": "/" } }),
        "/response/path",
        "unknown key",
    );
    one(
        json!({ "request": { "add": { "headers": { "x-a": { "a": 1 } } } } }),
        "/request/add/headers/x-a",
        "expected a text, or a list of texts, found a table",
    );
    one(
        json!({ "request": { "add": { "query": { "a": [] } } } }),
        "/request/add/query/a",
        "at least one",
    );
}

#[test]
fn names_and_values_that_the_gateway_would_refuse_are_named() {
    for (step, name, message) in [
        ("add", "a b", "RFC 9110"),
        ("add", "", "RFC 9110"),
        ("add", "Content-Length", "belongs to the gateway"),
        ("append", "transfer-encoding", "belongs to the gateway"),
        ("replace", "connection", "belongs to the gateway"),
        ("add", "host", "use `replace`"),
        ("append", "Host", "use `replace`"),
    ] {
        let config = json!({ "request": { step: { "headers": { name: "1" } } } });
        one(config, &format!("/request/{step}/headers/{name}"), message);
    }
    for config in [
        json!({ "request": { "remove": { "headers": ["upgrade"] } } }),
        json!({ "response": { "remove": { "headers": ["te"] } } }),
    ] {
        assert_eq!(problems(config).len(), 1);
    }
    one(
        json!({ "request": { "rename": { "headers": { "x-a": "host" } } } }),
        "/request/rename/headers/x-a",
        "use `replace`",
    );
    assert_eq!(
        problems(json!({ "request": { "replace": { "headers": { "host": "a:80" } } } })),
        []
    );
    one(
        json!({ "request": { "replace": { "headers": { "host": "a@b" } } } }),
        "/request/replace/headers/host",
        "expected a host",
    );
    one(
        json!({ "response": { "add": { "headers": { "x-a": "a\r\nb" } } } }),
        "/response/add/headers/x-a",
        "without control characters",
    );
    one(
        json!({ "request": { "method": "CONNECT" } }),
        "/request/method",
        "CONNECT",
    );
    one(
        json!({ "request": { "method": "A B" } }),
        "/request/method",
        "such as `POST`",
    );
    one(
        json!({ "response": { "status": 101 } }),
        "/response/status",
        "from 200 to 599",
    );
    one(
        json!({ "request": { "remove": { "query": [""] } } }),
        "/request/remove/query/0",
        "name of a field",
    );
    for (path, message) in [
        ("users", "begins with `/`"),
        ("${path.a}", "begins with `/`"),
        ("/a?b", "no query"),
        ("/a#b", "percent-encoded"),
        ("/ä", "percent-encoded"),
        ("/a b", "percent-encoded"),
        ("/a/../b", "no `..`"),
        ("/a%2fb", "two hex digits"),
        ("/a%", "two hex digits"),
        ("/${path.a ?? \"x\"", "lacks its `}`"),
    ] {
        one(
            json!({ "request": { "path": path } }),
            "/request/path",
            message,
        );
    }
    assert_eq!(
        problems(json!({ "request": { "path": "/a%20b/${path.a ?? \"?\"}" } })),
        []
    );
}

#[test]
fn templates_with_unknown_names_are_named() {
    for (text, message) in [
        (
            "${headers.x}",
            "unknown name `headers.x`; known are `header.*`",
        ),
        (
            "a ${context.request_id} b",
            "did you mean `context.request-id`?",
        ),
        ("${response.header.x}", "no response yet"),
        ("${header.x", "lacks its `}`"),
        ("${}", "unknown name"),
    ] {
        for (part, name, place) in [
            ("headers", "x-a", "x-a"),
            ("query", "a", "a"),
            ("body", "/a/b", "~1a~1b"),
        ] {
            let config = json!({ "request": { "append": { part: { name: text } } } });
            one(config, &format!("/request/append/{part}/{place}"), message);
        }
    }
    let nested = json!({ "response": { "add": { "body": { "/a": { "b": ["${who}"] } } } } });
    one(nested, "/response/add/body/~1a", "unknown name `who`");
}

#[test]
fn pointers_that_are_none_are_named() {
    for (pointer, place, message) in [
        ("name", "name", "did you mean `/name`?"),
        ("", "", "below the body's root"),
        ("/a~b", "~1a~0b", "`~0`"),
    ] {
        let config = json!({ "request": { "replace": { "body": { pointer: 1 } } } });
        one(config, &format!("/request/replace/body/{place}"), message);
    }
    one(
        json!({ "request": { "remove": { "body": ["/a", "b"] } } }),
        "/request/remove/body/1",
        "`/b`",
    );
    for to in ["/b", "/a/c/d", "b"] {
        let config = json!({ "request": { "rename": { "body": { "/a/b": to } } } });
        assert_eq!(problems(config).len(), 1, "{to}");
    }
}

#[test]
fn rules_that_collide_are_named() {
    one(
        json!({ "request": { "remove": { "headers": ["x-a", "X-A"] } } }),
        "/request/remove/headers/1",
        "collides with the `remove` of `x-a`",
    );
    one(
        json!({ "response": { "add": { "headers": { "X-A": "1", "x-a": "2" } } } }),
        "/response/add/headers/x-a",
        "collides with the `add` of `x-a`",
    );
    for (rename, at) in [
        (json!({ "a": "b", "b": "c" }), "b"),
        (json!({ "a": "c", "b": "c" }), "b"),
        (json!({ "a": "b", "b": "a" }), "b"),
    ] {
        let config = json!({ "request": { "rename": { "query": rename } } });
        one(
            config,
            &format!("/request/rename/query/{at}"),
            "collides with",
        );
    }
    one(
        json!({ "request": { "rename": { "headers": { "x-a": "X-A" } } } }),
        "/request/rename/headers/x-a",
        "it has this name already",
    );
    for (step, rules, place) in [
        ("replace", json!({ "/a": {}, "/a/b": 1 }), "~1a~1b"),
        ("append", json!({ "/a": 1, "/a/-": 1 }), "~1a~1-"),
        ("rename", json!({ "/a": "/b", "/a/x": "/a/y" }), "~1a~1x"),
    ] {
        let config = json!({ "request": { step: { "body": rules } } });
        one(
            config,
            &format!("/request/{step}/body/{place}"),
            "collides with",
        );
    }
}

#[test]
fn rules_that_can_never_match_are_named() {
    for (config, at, by) in [
        (
            json!({ "remove": { "headers": ["x-a"] }, "replace": { "headers": { "X-A": "1" } } }),
            "/request/replace/headers/X-A",
            "the `remove` of `x-a`",
        ),
        (
            json!({ "remove": { "query": ["a"] }, "rename": { "query": { "a": "b" } } }),
            "/request/rename/query/a",
            "the `remove` of `a`",
        ),
        (
            json!({ "rename": { "headers": { "x-a": "x-b" } }, "replace": { "headers": { "x-a": "1" } } }),
            "/request/replace/headers/x-a",
            "the `rename` of `x-a`",
        ),
        (
            json!({ "remove": { "body": ["/a"] }, "replace": { "body": { "/a/b": 1 } } }),
            "/request/replace/body/~1a~1b",
            "the `remove` of `/a`",
        ),
        (
            json!({ "remove": { "body": ["/a"] }, "add": { "body": { "/a/b": 1 } } }),
            "/request/add/body/~1a~1b",
            "the `remove` of `/a`",
        ),
        (
            json!({ "replace": { "body": { "/a": 1 } }, "append": { "body": { "/a/b": 1 } } }),
            "/request/append/body/~1a~1b",
            "the `replace` of `/a`",
        ),
    ] {
        one(
            json!({ "request": config }),
            at,
            &format!("never matches: {by}"),
        );
    }
}

#[test]
fn rules_that_work_together_are_no_problem() {
    for config in [
        json!({ "remove": { "headers": ["x-a"] }, "add": { "headers": { "x-a": "1" } }, "append": { "headers": { "x-a": "2" } } }),
        json!({ "remove": { "headers": ["x-a"] }, "rename": { "headers": { "x-b": "x-a" } }, "replace": { "headers": { "x-a": "2" } } }),
        json!({ "replace": { "query": { "a": "1" } }, "add": { "query": { "a": "1" } } }),
        json!({ "remove": { "body": ["/a"] }, "add": { "body": { "/a": {}, "/a/b": 1 } }, "append": { "body": { "/a/c": 1 } } }),
        json!({ "remove": { "body": ["/a/0"] }, "replace": { "body": { "/a/0": 1 } } }),
        json!({ "rename": { "body": { "/a/x": "/a/y", "/b/x": "/b/y" } } }),
        json!({ "replace": { "body": { "/a": { "b": {} } } }, "add": { "body": { "/a/b/c": 1 } } }),
    ] {
        assert_eq!(problems(json!({ "request": config })), [], "{config}");
    }
}

#[test]
fn the_number_of_walks_over_a_body_has_a_bound() {
    let rules = |n: usize| {
        (0..n)
            .map(|n| (format!("/{n:03}"), json!(n)))
            .collect::<serde_json::Map<_, _>>()
    };
    assert_eq!(
        problems(json!({ "request": { "add": { "body": rules(64) } } })),
        []
    );
    one(
        json!({ "request": { "add": { "body": rules(65) } } }),
        "/request",
        "more than 64 rules",
    );
}
