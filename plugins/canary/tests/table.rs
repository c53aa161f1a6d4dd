//! What the documentation promises, row by row.

use std::collections::BTreeSet;

use canary::Canary;
use proptest::prelude::*;
use sluice_plugin::Caller;
use sluice_plugin::rollout::{OnFail, Step};
use sluice_plugin::testing::{Exchange, Harness, json};

/// `v1` with 90 %, `v2` with 10 %, and other options.
fn two(rest: serde_json::Value) -> serde_json::Value {
    let mut config = json!({ "variants": [
        { "upstream": "v1", "weight": 90 }, { "upstream": "v2", "weight": 10 },
    ] });
    for (key, value) in rest.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

fn plugin(config: serde_json::Value) -> Harness<Canary> {
    Harness::configure(config).unwrap()
}

fn get() -> Exchange {
    Exchange::get("/").with_upstreams(&["v1", "v2", "v3"])
}

/// Where the request goes.
fn chosen(plugin: &Harness<Canary>, mut exchange: Exchange) -> String {
    assert_eq!(plugin.request(&mut exchange).unwrap(), None);
    exchange.upstream
}

fn user(number: u32) -> Exchange {
    get().with_header("x-user", number.to_string())
}

/// How many of 10,000 users `v2` gets.
fn share(plugin: &Harness<Canary>, exchange: impl Fn(u32) -> Exchange) -> usize {
    let users = (0..10_000).filter(|n| chosen(plugin, exchange(*n)) == "v2");
    users.count()
}

/// `name=value` of the cookie that the answer sets, and its attributes.
fn minted(plugin: &Harness<Canary>, exchange: &mut Exchange) -> Option<(String, String)> {
    *exchange = exchange.clone().answered(200, &[], "");
    assert_eq!(plugin.response(exchange).unwrap(), None);
    let line = exchange.response.header("set-cookie")?;
    let (pair, attributes) = line.split_once("; ").unwrap();
    Some((pair.to_owned(), attributes.to_owned()))
}

#[test]
fn without_sticky_requests_are_spread_by_the_weights() {
    let share = share(&plugin(two(json!({}))), |_| get());
    assert!((900..1_100).contains(&share), "{share}");
}

#[test]
fn weights_go_down_to_a_hundredth_of_a_percent() {
    let config = json!({ "variants": [
        { "upstream": "v1", "weight": 99.99 }, { "upstream": "v2", "weight": 0.01 },
    ] });
    let expected = [("v1".to_owned(), 9_999), ("v2".to_owned(), 1)];
    assert_eq!(plugin(config).plan().unwrap().variants, expected);
}

#[test]
fn the_same_header_gets_the_same_variant() {
    let plugin = plugin(two(json!({ "sticky": "header:x-user" })));
    let share = share(&plugin, user);
    assert!((900..1_100).contains(&share), "{share}");
    for number in 0..100 {
        let first = chosen(&plugin, user(number));
        assert!((0..5).all(|_| chosen(&plugin, user(number)) == first));
    }
}

#[test]
fn the_same_address_and_the_same_consumer_get_the_same_variant() {
    let from = |n: u32| {
        let mut exchange = get();
        exchange.client_address = format!("192.0.{}.{}", n / 256, n % 256);
        exchange
    };
    let of = |n: u32| {
        get().with_caller(Caller {
            id: format!("consumer-{n}"),
            ..Caller::default()
        })
    };
    let by_address = plugin(two(json!({ "sticky": "client-address" })));
    let by_consumer = plugin(two(json!({ "sticky": "consumer" })));
    for n in 0..500 {
        assert_eq!(chosen(&by_address, from(n)), chosen(&by_address, from(n)));
        assert_eq!(chosen(&by_consumer, of(n)), chosen(&by_consumer, of(n)));
    }
    for share in [share(&by_address, from), share(&by_consumer, of)] {
        assert!((900..1_100).contains(&share), "{share}");
    }
}

#[test]
fn who_is_not_known_gets_any_variant() {
    for sticky in ["consumer", "header:x-user"] {
        let plugin = plugin(two(json!({ "sticky": sticky })));
        let share = share(&plugin, |_| get());
        assert!((900..1_100).contains(&share), "{sticky}: {share}");
    }
}

#[test]
fn a_cookie_is_made_once_and_known_again() {
    let plugin = plugin(two(json!({ "sticky": "cookie:canary" })));
    let mut canaries = 0;
    for _ in 0..500 {
        let mut first = get();
        plugin.request(&mut first).unwrap();
        let (pair, attributes) = minted(&plugin, &mut first).unwrap();
        assert!(pair.starts_with("canary="));
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
        let mut again = get().with_header("cookie", format!("a=b; {pair}"));
        plugin.request(&mut again).unwrap();
        assert_eq!(again.upstream, first.upstream);
        assert_eq!(minted(&plugin, &mut again), None);
        canaries += u32::from(again.upstream == "v2");
    }
    assert!((25..80).contains(&canaries), "{canaries}");
}

#[test]
fn over_https_the_cookie_is_secure() {
    let plugin = plugin(two(json!({ "sticky": "cookie:canary" })));
    let mut exchange = get();
    exchange.scheme = "https".to_owned();
    plugin.request(&mut exchange).unwrap();
    let (_, attributes) = minted(&plugin, &mut exchange).unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Secure");
}

#[test]
fn a_cookie_that_was_forged_or_is_of_another_salt_has_no_effect() {
    let half = |salt: &str| {
        plugin(json!({
            "variants": [{ "upstream": "v1", "weight": 50 }, { "upstream": "v2", "weight": 50 }],
            "sticky": "cookie:canary", "salt": salt,
        }))
    };
    let (ours, theirs) = (half("ours"), half("theirs"));
    let mut exchange = get();
    theirs.request(&mut exchange).unwrap();
    let (foreign, _) = minted(&theirs, &mut exchange).unwrap();
    let token = "0123456789abcdef0123456789abcdef";
    for cookie in [
        foreign,
        format!("canary={token}"),
        format!("canary={token}.0123456789abcdef"),
        format!("canary={token}."),
        "canary=".to_owned(),
        "canary=v2".to_owned(),
    ] {
        // If it counted, it would choose the same variant each time.
        let mut seen = BTreeSet::new();
        for _ in 0..64 {
            let mut exchange = get().with_header("cookie", &cookie);
            ours.request(&mut exchange).unwrap();
            seen.insert(exchange.upstream.clone());
            assert!(minted(&ours, &mut exchange).is_some(), "{cookie}");
        }
        assert_eq!(seen.len(), 2, "{cookie}");
    }
}

#[test]
fn rules_come_before_the_weights_and_the_first_wins() {
    let plugin = plugin(json!({
        "variants": [
            { "upstream": "v1", "weight": 100 }, { "upstream": "v2", "weight": 0 },
            { "upstream": "v3", "weight": 0 },
        ],
        "rules": [
            { "header": "x-canary", "value": "never", "upstream": "v1" },
            { "header": "x-canary", "value": "true", "upstream": "v2" },
            { "group": "beta", "upstream": "v3" },
            { "query": "can ary", "value": "a&b", "upstream": "v2" },
            { "cookie": "side", "value": "2", "upstream": "v2" },
            { "cookie": "any", "upstream": "v3" },
            { "header": "x-any", "upstream": "v3" },
            { "query": "any", "upstream": "v3" },
        ],
    }));
    let beta = Caller {
        id: "acme".to_owned(),
        groups: vec!["eu".to_owned(), "beta".to_owned()],
        ..Caller::default()
    };
    let query = |query: &str| {
        let target = format!("/?{query}");
        Exchange::get(&target).with_upstreams(&["v1", "v2", "v3"])
    };
    let header = |name, value: &str| get().with_header(name, value);
    let twice = header("x-canary", "1").with_header("x-canary", "true");
    for (exchange, expected) in [
        (get(), "v1"),
        (header("x-canary", "true"), "v2"),
        (header("x-canary", "TRUE"), "v1"),
        (twice, "v2"),
        (header("x-canary", "never").with_caller(beta.clone()), "v1"),
        (get().with_caller(beta), "v3"),
        (query("can+ary=a%26b"), "v2"),
        (query("a=b&can%20ary=a%26b"), "v2"),
        (query("can+ary=a&b"), "v1"),
        (query("any"), "v3"),
        (query("anyone=1"), "v1"),
        (header("cookie", "side=2"), "v2"),
        (header("cookie", "side=22"), "v1"),
        (header("cookie", "a=b").with_header("cookie", "any="), "v3"),
        (header("x-any", ""), "v3"),
    ] {
        let shown = format!("{exchange:?}");
        assert_eq!(chosen(&plugin, exchange), expected, "{shown}");
    }
}

#[test]
fn what_a_rule_decides_needs_no_cookie() {
    let plugin = plugin(two(json!({
        "sticky": "cookie:canary", "rules": [{ "header": "x-canary", "upstream": "v2" }],
    })));
    let mut exchange = get().with_header("x-canary", "true");
    plugin.request(&mut exchange).unwrap();
    assert_eq!(minted(&plugin, &mut exchange), None);
}

#[test]
fn with_fallback_the_baseline_stands_in_for_what_is_not_there() {
    let without = json!({
        "variants": [{ "upstream": "v1", "weight": 0 }, { "upstream": "v2", "weight": 100 }],
        "rules": [{ "header": "x-canary", "upstream": "v2" }],
    });
    let mut with = without.clone();
    with["fallback"] = json!(true);
    for (config, expected) in [(without, "v2"), (with, "v1")] {
        let plugin = plugin(config);
        assert_eq!(chosen(&plugin, get()), "v2");
        plugin.set_available("v2", false);
        assert_eq!(chosen(&plugin, get()), expected);
        assert_eq!(chosen(&plugin, get().with_header("x-canary", "")), expected);
        plugin.set_available("v2", true);
        assert_eq!(chosen(&plugin, get()), "v2");
        // The baseline has nothing to fall back to.
        plugin.set_available("v1", false);
        plugin.set_weights(&[10_000, 0]);
        assert_eq!(chosen(&plugin, get()), "v1");
    }
}

#[test]
fn the_weights_of_the_moment_count() {
    let plugin = plugin(two(json!({ "sticky": "header:x-user" })));
    plugin.set_weights(&[10_000, 0]);
    assert_eq!(share(&plugin, user), 0);
    plugin.set_weights(&[0, 10_000]);
    assert_eq!(share(&plugin, user), 10_000);
}

#[test]
fn an_upstream_that_the_route_does_not_have_is_a_failure() {
    let plugin = plugin(two(json!({})));
    let mut exchange = Exchange::get("/").with_upstreams(&["other"]);
    let why = plugin.request(&mut exchange).unwrap_err();
    assert!(why.message().starts_with("upstream v"), "{why:?}");
}

#[test]
fn a_ramp_becomes_steps() {
    let steps = |config| plugin(config).plan().unwrap().steps;
    let variants = json!([{ "upstream": "v1" }, { "upstream": "v2" }]);
    let step = |from, to, duration_ms| Step {
        from,
        to,
        duration_ms,
    };
    let list = json!([
        { "weight": 0.5, "hold": "10m" }, { "weight": 50, "hold": "1h" }, { "weight": 100 },
    ]);
    assert_eq!(
        steps(json!({ "variants": variants, "ramp": list })),
        [
            step(50, 50, 600_000),
            step(5_000, 5_000, 3_600_000),
            step(10_000, 10_000, 0)
        ]
    );
    assert_eq!(
        steps(json!({ "variants": variants, "ramp": { "over": "1d" } })),
        [step(0, 10_000, 86_400_000)]
    );
    assert_eq!(
        steps(two(
            json!({ "ramp": { "from": 1, "to": 20, "over": "1s" } })
        )),
        [step(100, 2_000, 1_000)]
    );
    let turned = json!({ "variants": variants, "baseline": "v2", "ramp": { "over": "1d" } });
    let plan = plugin(turned).plan().unwrap();
    assert_eq!(plan.baseline, 1);
    assert_eq!(plan.variants[1], ("v2".to_owned(), 10_000));
}

#[test]
fn gates_are_handed_on() {
    let gates = |gates| {
        let plan = plugin(two(json!({ "gates": gates }))).plan().unwrap();
        plan.gates.unwrap()
    };
    let all = gates(json!({
        "interval": "5s", "min_requests": 20, "error_rate": "2.5%", "p99": "50ms",
        "consecutive_failures": 7, "on_fail": "hold",
    }));
    assert_eq!((all.interval_ms, all.min_requests), (5_000, 20));
    assert_eq!((all.error_ratio, all.p99_ms), (Some(250), Some(50)));
    assert_eq!(all.consecutive_failures, Some(7));
    assert_eq!(all.on_fail, OnFail::Hold);

    let one = gates(json!({ "error_rate": "0%" }));
    assert_eq!((one.interval_ms, one.min_requests), (10_000, 100));
    assert_eq!((one.error_ratio, one.p99_ms), (Some(0), None));
    assert_eq!(one.on_fail, OnFail::Rollback);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn raising_a_weight_never_moves_a_user_back(
        weights in proptest::collection::vec(0..=10_000_u32, 2..5),
        sticky in prop::sample::select(vec!["header:x-user", "client-address"]),
        salt in "[a-z]{1,8}",
    ) {
        let plugin = plugin(two(json!({ "sticky": sticky, "salt": salt })));
        let exchange = |n: u32| {
            let mut exchange = user(n);
            exchange.client_address = format!("192.0.2.{n}");
            exchange
        };
        let mut weights = weights;
        weights.sort_unstable();
        let mut canaries = Vec::new();
        for weight in weights {
            plugin.set_weights(&[10_000 - weight, weight]);
            for user in &canaries {
                prop_assert_eq!(chosen(&plugin, exchange(*user)), "v2");
            }
            canaries = (0..300).filter(|n| chosen(&plugin, exchange(*n)) == "v2").collect();
        }
    }
}
