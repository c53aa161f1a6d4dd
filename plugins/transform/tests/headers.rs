//! Headers, queries, paths, methods and statuses.

use serde_json::{Value, json};
use sluice_plugin::Caller;
use sluice_plugin::testing::{Exchange, Harness, Message};
use transform::Transform;

fn plugin(config: Value) -> Harness<Transform> {
    Harness::configure(config).unwrap()
}

fn lines<'m>(message: &'m Message, name: &str) -> Vec<&'m str> {
    let values = message.headers.get_all(name).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

/// The request after the plugin, which lets it through.
fn sent(config: Value, mut exchange: Exchange) -> Exchange {
    let reply = plugin(json!({ "request": config }))
        .request(&mut exchange)
        .unwrap();
    assert_eq!(reply, None);
    exchange
}

/// The response after the plugin.
fn answered(config: Value, mut exchange: Exchange) -> Exchange {
    let reply = plugin(json!({ "response": config }))
        .response(&mut exchange)
        .unwrap();
    assert_eq!(reply, None);
    exchange
}

#[test]
fn headers_are_changed_in_the_order_of_the_steps() {
    let config = json!({
        "remove": { "headers": ["x-Gone", "x-set"] },
        "rename": { "headers": { "x-old": "X-New" } },
        "replace": { "headers": { "x-there": "2", "x-absent": "2", "x-new": ["a", "b"] } },
        "add": { "headers": { "x-there": "3", "x-added": ["1", true], "x-set": "s" } },
        "append": { "headers": { "x-there": ["4", "5"], "x-made": 6 } },
    });
    let message = |exchange: Exchange| {
        exchange
            .with_header("x-gone", "1")
            .with_header("x-gone", "2")
            .with_header("x-set", "old")
            .with_header("x-old", "1")
            .with_header("x-there", "1")
            .with_header("x-there", "1b")
    };
    let expected: [(&str, &[&str]); 8] = [
        ("x-gone", &[]),
        ("x-old", &[]),
        ("x-new", &["a", "b"]),
        ("x-there", &["2", "4", "5"]),
        ("x-absent", &[]),
        ("x-added", &["1", "true"]),
        ("x-set", &["s"]),
        ("x-made", &["6"]),
    ];
    let mut exchange = message(Exchange::get("/"));
    exchange.response = exchange.request.clone();
    let request = sent(config.clone(), exchange.clone()).request;
    let response = answered(config, exchange).response;
    for (name, values) in expected {
        assert_eq!(lines(&request, name), values, "{name} of the request");
        assert_eq!(lines(&response, name), values, "{name} of the response");
    }
}

#[test]
fn repeated_headers_stay_repeated() {
    let config = json!({
        "rename": { "headers": { "set-cookie": "x-cookie" } },
        "append": { "headers": { "vary": "b" } },
    });
    let headers = [
        ("set-cookie", "a=1, x"),
        ("set-cookie", "b=2"),
        ("x-cookie", "0"),
        ("vary", "a"),
    ];
    let response = answered(config, Exchange::get("/").answered(200, &headers, "")).response;
    assert_eq!(lines(&response, "x-cookie"), ["a=1, x", "b=2"]);
    assert_eq!(lines(&response, "set-cookie"), [""; 0]);
    assert_eq!(lines(&response, "vary"), ["a", "b"]);
}

#[test]
fn a_header_that_is_not_text_keeps_its_bytes() {
    let config = json!({
        "rename": { "headers": { "x-a": "x-b" } },
        "add": { "headers": { "x-c": "<${header.x-a}>" } },
    });
    let exchange = sent(config, Exchange::get("/").with_header("x-a", b"caf\xe9"));
    assert_eq!(exchange.request.headers["x-b"].as_bytes(), b"caf\xe9");
    assert_eq!(exchange.request.headers["x-c"].as_bytes(), b"<caf\xe9>");
}

#[test]
fn queries_are_changed_and_the_rest_stays_byte_for_byte() {
    let config = json!({
        "remove": { "query": ["gone"] },
        "rename": { "query": { "old name": "new&name" } },
        "replace": { "query": { "there": ["a b", "ü"] } },
        "add": { "query": { "there": "x", "added": "1" } },
        "append": { "query": { "tag": ["y", "z"] } },
    });
    for (target, expected) in [
        (
            "/a%2Cb?x=%7e&&gone=1&old+name=v%20&there=0&g%6fne&y&there=1&tag=x",
            "/a%2Cb?x=%7e&&new%26name=v%20&there=a%20b&there=%C3%BC&y&tag=x&added=1&tag=y&tag=z",
        ),
        ("/", "/?added=1&there=x&tag=y&tag=z"),
        ("/?", "/?added=1&there=x&tag=y&tag=z"),
    ] {
        let sent = sent(config.clone(), Exchange::get(target));
        assert_eq!(sent.target, expected);
    }
    let only = json!({ "remove": { "query": ["a"] } });
    for (target, expected) in [
        ("/x?a=1", "/x"),
        ("/x?b", "/x?b"),
        ("/x?", "/x?"),
        ("/x", "/x"),
    ] {
        assert_eq!(sent(only.clone(), Exchange::get(target)).target, expected);
    }
}

#[test]
fn method_path_and_status_are_set() {
    let config =
        json!({ "method": "PUT", "path": "/v2/users/${path.id}/${query.part ?? \"all\"}" });
    let exchange = || Exchange::get("/users/7?x=1").with_capture("id", "a b;c");
    let first = sent(config.clone(), exchange());
    assert_eq!(first.method, "PUT");
    assert_eq!(first.target, "/v2/users/a%20b%3Bc/all?x=1");
    let mut other = exchange();
    other.target = "/users/7?part=x".to_owned();
    assert_eq!(sent(config, other).target, "/v2/users/a%20b%3Bc/x?part=x");

    let both = json!({ "path": "/p", "remove": { "query": ["x"] } });
    assert_eq!(sent(both, exchange()).target, "/p");

    let created = answered(
        json!({ "status": 201 }),
        Exchange::get("/").answered(200, &[], ""),
    );
    assert_eq!(created.status, 201);
}

#[test]
fn templates_name_what_is_known() {
    let config = json!({ "add": { "headers": {
        "x-1": "${header.x-a}-${query.q}-${path.id}",
        "x-2": "${consumer.id}@${context.route}",
        "x-3": "${context.request-id}",
        "x-4": "${ context.client-address ?? \"nowhere\" }",
        "x-5": "[${header.none}|${header.none ?? \"\"}|${query.none ?? \"a \\\"b\\\"\"}]",
        "x-6": "$${header.x-a} costs $5",
    }}});
    let caller = Caller {
        id: "acme".to_owned(),
        ..Caller::default()
    };
    let exchange = Exchange::get("/?q=a%20b+c")
        .with_header("x-a", "A")
        .with_capture("id", "7")
        .with_caller(caller);
    let headers = sent(config, exchange).request.headers;
    assert_eq!(headers["x-1"], "A-a b c-7");
    assert_eq!(headers["x-2"], "acme@route");
    assert_eq!(headers["x-3"], "00000000-0000-4000-8000-000000000000");
    assert_eq!(headers["x-4"], "192.0.2.1");
    assert_eq!(headers["x-5"], "[||a \"b\"]");
    assert_eq!(headers["x-6"], "${header.x-a} costs $5");

    let config = json!({ "add": { "headers": {
        "x-both": "${response.header.x-version ?? \"?\"} for ${header.x-a}",
    }}});
    let exchange = Exchange::get("/").with_header("x-a", "A");
    let headers = answered(config, exchange.answered(200, &[("x-version", "2")], ""))
        .response
        .headers;
    assert_eq!(headers["x-both"], "2 for A");
}

#[test]
fn templates_see_the_message_as_it_came() {
    let config = json!({
        "method": "POST",
        "path": "/${header.x-a}",
        "remove": { "headers": ["x-a"], "query": ["q"] },
        "replace": { "headers": { "x-b": "new" } },
        "add": { "headers": { "x-c": "${header.x-a} ${header.x-b} ${query.q}", "x-a": "again" } },
        "append": { "query": { "r": "${query.q}" } },
    });
    let exchange = Exchange::get("/?q=1")
        .with_header("x-a", "a")
        .with_header("x-b", "b");
    let exchange = sent(config, exchange);
    assert_eq!(exchange.request.headers["x-c"], "a b 1");
    assert_eq!(exchange.request.headers["x-a"], "again");
    assert_eq!(exchange.request.headers["x-b"], "new");
    assert_eq!(exchange.target, "/a?r=1");
}

#[test]
fn a_line_break_never_comes_out_of_a_template() {
    for (config, target) in [
        (
            json!({ "add": { "headers": { "x-a": "${query.q}" } } }),
            "/?q=a%0d%0ax-evil:%201",
        ),
        (
            json!({ "add": { "headers": { "x-a": "${query.q}" } } }),
            "/?q=%00",
        ),
        (
            json!({ "add": { "headers": { "x-a": "${query.q}" } } }),
            "/?q=%7f",
        ),
        (
            json!({ "add": { "query": { "x": "${query.q}" } } }),
            "/?q=%0a",
        ),
        (json!({ "path": "/${query.q}" }), "/?q=%0d"),
        // What the gateway takes for another place, or not at all.
        (json!({ "path": "/a/${query.q}" }), "/?q=%0a.."),
    ] {
        let plugin = plugin(json!({ "request": config }));
        let mut exchange = Exchange::get(target);
        let before = exchange.request.clone();
        let reply = plugin.request(&mut exchange).unwrap().unwrap();
        assert_eq!(reply.status, 400, "{target}");
        assert_eq!(exchange.request, before);
        assert_eq!(exchange.target, target);
    }
    let config = json!({ "response": { "add": { "headers": { "x-a": "${query.q}" } } } });
    let mut exchange = Exchange::get("/?q=%0a").answered(200, &[], "");
    let reply = plugin(config).response(&mut exchange).unwrap().unwrap();
    assert_eq!(reply.status, 502);
}

#[test]
fn a_value_is_never_another_path() {
    let target = |path: &str, query: &str| {
        let plugin = plugin(json!({ "request": { "path": path } }));
        let mut exchange = Exchange::get(&["/?", query].concat());
        match plugin.request(&mut exchange).unwrap() {
            None => exchange.target.split('?').next().unwrap().to_owned(),
            Some(reply) => reply.status.to_string(),
        }
    };
    for query in ["", "a=", "a=.", "a=.."] {
        for path in [
            "/u/${query.a}",
            "/u/${query.a}/orders",
            "/${query.a}${query.b}/x",
        ] {
            assert_eq!(target(path, query), "400", "{path} {query}");
        }
    }
    assert_eq!(target("/u/${query.a}${query.b}/x", "a=.&b=."), "400");
    assert_eq!(target("/u/.${query.a}", "a=."), "400");
    for (path, query, expected) in [
        ("/u/${query.a}/orders", "a=7", "/u/7/orders"),
        ("/u/v${query.a}/", "", "/u/v/"),
        ("/u/${query.a}${query.b}", "b=7", "/u/7"),
        ("/u/${query.a}", "a=...", "/u/..."),
        // What the operator wrote is what the operator wants.
        ("/u/${query.a ?? \"\"}", "", "/u/"),
        ("/u//x", "", "/u//x"),
    ] {
        assert_eq!(target(path, query), expected, "{path} {query}");
    }
}

#[test]
fn what_the_gateway_does_not_take_is_the_messages_fault() {
    let config = json!({ "request": { "replace": { "headers": { "host": "${query.q}" } } } });
    let plugin = plugin(config);
    let mut exchange = Exchange::get("/?q=b.example");
    assert_eq!(plugin.request(&mut exchange).unwrap(), None);
    assert_eq!(exchange.request.headers["host"], "b.example");
}

#[test]
fn without_rules_nothing_is_asked_for() {
    let plugin = plugin(json!({}));
    let mut exchange = Exchange::post("/?a", "application/json", "{}").answered(200, &[], "{}");
    let before = exchange.clone();
    assert_eq!(
        plugin.on_request(&mut exchange).unwrap(),
        sluice_plugin::Verdict::Next
    );
    assert_eq!(
        plugin.on_response(&mut exchange).unwrap(),
        sluice_plugin::Verdict::Next
    );
    assert_eq!(exchange.request, before.request);
    assert_eq!(exchange.response, before.response);
    assert_eq!(exchange.target, before.target);
}
