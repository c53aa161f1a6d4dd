//! What is wrong with a configuration is said with its place.

use quota::Quota;
use serde_json::{Value, json};
use sluice_plugin::testing::{Gateway, Harness};

fn problems(config: Value) -> Vec<(String, String)> {
    let problems = Harness::<Quota>::configure(config.clone()).err();
    let problems = problems.unwrap_or_else(|| panic!("nothing is wrong with {config}"));
    problems.into_iter().map(|p| (p.at, p.message)).collect()
}

/// The one problem of a configuration: these keys, and a limit that is good.
fn problem(mut config: Value) -> (String, String) {
    if config.get("limits").is_none() {
        config["limits"] = json!([{ "name": "a", "amount": 10, "window": "1h" }]);
    }
    let problems = problems(config.clone());
    assert_eq!(problems.len(), 1, "{config}: {problems:?}");
    problems.into_iter().next().unwrap()
}

fn of_limit(limit: Value) -> (String, String) {
    let mut limits = json!([{ "name": "a", "amount": 10, "window": "1h" }]);
    for (key, value) in limit.as_object().unwrap() {
        limits[0][key] = value.clone();
    }
    problem(json!({ "limits": limits }))
}

#[test]
fn a_wrong_limit_is_named() {
    for (limit, at, message) in [
        (
            json!({ "amount": 0 }),
            "/amount",
            "expected 1 to 999999999999999",
        ),
        (
            json!({ "amount": 1_000_000_000_000_000_u64 }),
            "/amount",
            "expected 1 to 999999999999999",
        ),
        (
            json!({ "name": "" }),
            "/name",
            "expected 1 to 64 letters, digits, `-`, `_` or `.`",
        ),
        (
            json!({ "name": "a\"b" }),
            "/name",
            "expected 1 to 64 letters, digits, `-`, `_` or `.`",
        ),
        (
            json!({ "name": "a".repeat(65) }),
            "/name",
            "expected 1 to 64 letters, digits, `-`, `_` or `.`",
        ),
        (
            json!({ "window": "0s" }),
            "/window",
            "expected whole seconds, from \"1s\" to \"365d\"",
        ),
        (
            json!({ "window": "1500ms" }),
            "/window",
            "expected whole seconds, from \"1s\" to \"365d\"",
        ),
        (
            json!({ "window": "366d" }),
            "/window",
            "expected whole seconds, from \"1s\" to \"365d\"",
        ),
        (
            json!({ "window": "moth" }),
            "/window",
            "expected one of `day`, `week`, `month`, `1s`, `1m`, `1h`, `1d`; did you mean `month`?",
        ),
        (
            json!({ "burst": 5 }),
            "/burst",
            "only a `token-bucket` has a burst",
        ),
        (
            json!({ "burst": 0, "algorithm": "token-bucket" }),
            "/burst",
            "expected 1 to 999999999999999",
        ),
        (
            json!({ "window": "day", "algorithm": "sliding-window" }),
            "/algorithm",
            "calendar windows are a `fixed-window`",
        ),
        (
            json!({ "algorithm": "sliding" }),
            "/algorithm",
            "expected one of `sliding-window`, `fixed-window`, `token-bucket`",
        ),
        (
            json!({ "amuont": 1 }),
            "/amuont",
            "unknown key; did you mean `amount`?",
        ),
    ] {
        let found = of_limit(limit);
        assert_eq!(found, (format!("/limits/0{at}"), message.to_owned()));
    }
}

#[test]
fn a_wrong_option_is_named() {
    let hourly = json!({ "name": "a", "amount": 10, "window": "1h" });
    let other = json!({ "name": "b", "amount": 10, "window": "60m" });
    for (config, at, message) in [
        (
            json!({ "limits": [] }),
            "/limits",
            "expected at least one limit",
        ),
        (
            json!({ "limits": [hourly, hourly] }),
            "/limits/1/name",
            "a limit before this one has the same name",
        ),
        (
            json!({ "plans": { "a/b": [hourly, hourly] } }),
            "/plans/a~1b/1/name",
            "a limit before this one has the same name",
        ),
        (
            json!({ "limits": [hourly, other], "headers": "kong" }),
            "/limits/1/window",
            "the kong headers cannot tell two limits of one window apart",
        ),
        (
            json!({ "by": "consumers" }),
            "/by",
            "expected one of `consumer`, `credential`, `client-address`, `path`, `route`, \
             `upstream`, `header:NAME`; did you mean `consumer`?",
        ),
        (
            json!({ "by": ["path", "header:x y"] }),
            "/by/1",
            "expected the name of a header after `header:`",
        ),
        (
            json!({ "by": ["path", "path"] }),
            "/by/1",
            "it is in the list already",
        ),
        (
            json!({ "by": [] }),
            "/by",
            "expected at least one of them; `route` counts all callers",
        ),
        (
            json!({ "fallback": "refuse" }),
            "/fallback",
            "expected one of `client-address`, `reject`, `skip`",
        ),
        (
            json!({ "cost": 0 }),
            "/cost",
            "expected 1 or more, or \"header:NAME\" of a response header",
        ),
        (
            json!({ "cost": "x-cost" }),
            "/cost",
            "expected 1 or more, or \"header:NAME\" of a response header",
        ),
        (
            json!({ "cost": 11 }),
            "/limits/0",
            "no request could ever pass: `cost` is more than this limit holds",
        ),
        (
            json!({ "status": 200 }),
            "/status",
            "expected a status from 400 to 599",
        ),
        (
            json!({ "headers": "itef" }),
            "/headers",
            "expected one of `ietf`, `kong`, `x`, `none`; did you mean `ietf`?",
        ),
        (
            json!({ "store": "shraed", "plans": { "a": [hourly] } }),
            "/store",
            "no such store: `shraed`, or no grant for it",
        ),
        (
            json!({ "limit": 1 }),
            "/limit",
            "unknown key; did you mean `limits`?",
        ),
    ] {
        assert_eq!(problem(config), (at.to_owned(), message.to_owned()));
    }
    assert_eq!(
        problems(json!({})),
        [("/limits".to_owned(), "required, and missing".to_owned())]
    );
}

#[test]
fn all_problems_are_named_at_once() {
    let bad = json!({ "name": "", "amount": 0, "window": "1h" });
    let found = problems(json!({
        "limits": [bad], "plans": { "premium": [bad, bad] }, "status": 1,
    }));
    let places: Vec<_> = found.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(
        places,
        [
            "/limits/0/name",
            "/limits/0/amount",
            "/plans/premium/0/name",
            "/plans/premium/0/amount",
            "/plans/premium/1/name",
            "/plans/premium/1/amount",
            "/status",
        ]
    );
    let many: Vec<_> = (0..17)
        .map(|n| json!({ "name": format!("a{n}"), "amount": 1, "window": format!("{}s", n + 1) }))
        .collect();
    let found = problem(json!({ "limits": many }));
    assert_eq!(
        found,
        (
            "/limits".to_owned(),
            "expected at most 16 limits".to_owned()
        )
    );
}

#[test]
fn every_store_that_is_granted_will_do() {
    let config = json!({
        "limits": [{ "name": "a", "amount": 1, "window": "365d" }],
        "store": "shared", "consistency": "lease",
    });
    let gateway = Gateway::new().with_store("shared");
    assert!(gateway.configure::<Quota>(config).is_ok());
}
