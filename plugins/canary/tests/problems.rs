//! What makes no sense is a problem with its place.

use canary::Canary;
use sluice_plugin::testing::{Harness, json};

type Config = serde_json::Value;

fn two(key: &str, value: Config) -> Config {
    let mut config = weights(&[90.0, 10.0]);
    config[key] = value;
    config
}

fn weights(weights: &[f64]) -> Config {
    let variants = weights.iter().enumerate();
    let variants: Vec<_> = variants
        .map(|(n, weight)| json!({ "upstream": format!("v{n}"), "weight": weight }))
        .collect();
    json!({ "variants": variants })
}

fn with(mut config: Config, key: &str, value: Config) -> Config {
    config[key] = value;
    config
}

fn hold(weight: u32, hold: &str) -> Config {
    json!({ "weight": weight, "hold": hold })
}

#[track_caller]
fn has(config: Config, at: &str, message: &str) {
    let problems = Harness::<Canary>::configure(config.clone()).err();
    let problems = problems.unwrap_or_else(|| panic!("{config} has no problem"));
    let found = problems
        .iter()
        .any(|p| p.at == at && p.message.contains(message));
    assert!(found, "{config}: {problems}");
}

#[test]
fn variants_and_weights() {
    has(json!({}), "/variants", "required");
    has(json!({ "variants": [] }), "/variants", "2 to 16");
    has(weights(&[100.0]), "/variants", "2 to 16");
    let sum = "the weights add up to 99.5, expected 100";
    has(weights(&[90.0, 9.5]), "/variants", sum);
    has(weights(&[100.0, 100.0]), "/variants", "add up to 200");
    has(weights(&[99.995, 0.005]), "/variants/0/weight", "0.01");
    has(weights(&[101.0, -1.0]), "/variants/1/weight", "0 to 100");
    let one = json!({ "variants": [{ "upstream": "a", "weight": 100 }, { "upstream": "b" }] });
    has(one, "/variants/1/weight", "required");
    let same = json!({ "upstream": "a", "weight": 50 });
    let same = json!({ "variants": [same, same] });
    has(same, "/variants/1/upstream", "already");
    let empty = json!({ "variants": [{ "upstream": "", "weight": 100 }] });
    has(empty, "/variants/0/upstream", "a name");
    has(two("baseline", json!("v3")), "/baseline", "`v0`, `v1`");
    has(two("salt", json!("")), "/salt", "some text");
}

#[test]
fn sticky() {
    for wrong in ["cookie", "cookie:a b", "header:", "ip", ""] {
        has(two("sticky", json!(wrong)), "/sticky", "cookie:NAME");
    }
    has(two("sticky", json!(1)), "/sticky", "found a number");
}

#[test]
fn rules() {
    let rule = |rule: Config| two("rules", json!([rule]));
    has(rule(json!({ "upstream": "v1" })), "/rules/0", "exactly one");
    let both = json!({ "group": "a", "header": "b", "upstream": "v1" });
    has(rule(both), "/rules/0", "exactly one");
    let value = json!({ "group": "a", "value": "b", "upstream": "v1" });
    has(rule(value), "/rules/0/value", "no value");
    let other = json!({ "header": "a", "upstream": "v3" });
    has(rule(other), "/rules/0/upstream", "`v0`, `v1`");
    let header = json!({ "header": "a b", "upstream": "v1" });
    has(rule(header), "/rules/0/header", "header name");
    let cookie = json!({ "cookie": "", "upstream": "v1" });
    has(rule(cookie), "/rules/0/cookie", "cookie name");
}

#[test]
fn ramps() {
    let ramp = |ramp| two("ramp", ramp);
    has(ramp(json!([])), "/ramp", "1 to 64 steps");
    has(ramp(json!(5)), "/ramp", "a list of steps");
    let zero = json!([hold(5, "0s"), hold(6, "0ms")]);
    has(ramp(zero.clone()), "/ramp/0/hold", "more than 0");
    has(ramp(zero), "/ramp/1/hold", "more than 0");
    let none = json!([{ "weight": 5 }, { "weight": 6 }]);
    has(ramp(none), "/ramp/0/hold", "required");
    has(ramp(json!([hold(5, "366d")])), "/ramp/0/hold", "365d");
    let twice = json!([hold(5, "1s"), hold(5, "1s")]);
    has(ramp(twice), "/ramp/1/weight", "more than the step before");
    let even = json!({ "from": 50, "to": 50, "over": "0s" });
    has(ramp(even.clone()), "/ramp/to", "more than `from`");
    has(ramp(even), "/ramp/over", "more than 0");
    has(ramp(json!({ "from": 50 })), "/ramp/over", "required");
    let over = json!({ "over": "1s" });
    let three = with(weights(&[80.0, 10.0, 10.0]), "ramp", over.clone());
    has(three, "/ramp", "two variants");
    let alone = json!({ "variants": [{ "upstream": "v1" }], "ramp": over });
    has(alone, "/ramp", "needs a baseline and one canary");
}

#[test]
fn gates() {
    let gates = |gates| two("gates", gates);
    has(gates(json!({})), "/gates", "at least one of");
    let often = json!({ "p99": "1s", "interval": "500ms" });
    has(gates(often), "/gates/interval", "1s");
    let none = json!({ "p99": "1s", "min_requests": 0 });
    has(gates(none), "/gates/min_requests", "more than 0");
    has(gates(json!({ "p99": "50d" })), "/gates/p99", "49d");
    for wrong in [
        json!(2),
        json!("-1%"),
        json!("2"),
        json!("1e1%x"),
        json!("101%"),
    ] {
        has(
            gates(json!({ "error_rate": wrong })),
            "/gates/error_rate",
            "2%",
        );
    }
    let zero = json!({ "consecutive_failures": 0 });
    has(gates(zero), "/gates/consecutive_failures", "more than 0");
    let three = weights(&[80.0, 10.0, 10.0]);
    has(
        with(three, "gates", json!({ "p99": "1s" })),
        "/gates",
        "two variants",
    );
}

#[test]
fn steps_that_end_before_there_can_be_a_verdict() {
    let with = |ramp: Config, gates: Config| with(two("ramp", ramp), "gates", gates);
    let minute = json!({ "p99": "1s", "interval": "1m" });
    let short = json!([hold(0, "1s"), hold(5, "1m"), hold(6, "59s"), { "weight": 100 }]);
    has(
        with(short.clone(), minute.clone()),
        "/ramp/2/hold",
        "`interval`",
    );
    let problems = Harness::<Canary>::configure(with(short.clone(), minute.clone()));
    assert_eq!(problems.err().unwrap().len(), 1);
    let even = json!({ "over": "59s" });
    has(with(even, minute), "/ramp/over", "`interval`");
    // Failures in a row need no interval.
    let in_a_row = json!({ "consecutive_failures": 3, "interval": "1m" });
    assert!(Harness::<Canary>::configure(with(short, in_a_row)).is_ok());
}

#[test]
fn all_problems_are_named_at_once() {
    let config = json!({
        "variants": [{ "upstream": "v1", "weight": 1 }, { "upstream": "v2", "weight": 2 }],
        "baseline": "v3",
        "rules": [{ "upstream": "v4" }],
        "ramp": [],
        "gates": {},
    });
    let problems = Harness::<Canary>::configure(config).err().unwrap();
    let places: Vec<_> = problems.iter().map(|p| p.at.as_str()).collect();
    let expected = [
        "/baseline",
        "/variants",
        "/ramp",
        "/gates",
        "/rules/0/upstream",
        "/rules/0",
    ];
    assert_eq!(places, expected);
}
