//! What the documentation promises, row by row.

use std::time::Duration;

use quota::Quota;
use serde_json::Value;
use sluice_plugin::testing::{Exchange, Gateway, Harness, json};
use sluice_plugin::{Caller, Reply};

/// The fake gateway's clock begins 2025-06-15T15:06:40Z.
const TO_THE_MINUTE: u64 = 20;

fn plugin(config: Value) -> Harness<Quota> {
    Harness::configure(config).unwrap()
}

fn caller(id: &str, groups: &[&str]) -> Caller {
    Caller {
        id: id.to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        credential: Some(format!("{id}-1")),
        ..Caller::default()
    }
}

/// A request of a consumer.
fn from(id: &str, groups: &[&str]) -> Exchange {
    Exchange::get("/orders").with_caller(caller(id, groups))
}

fn at(address: &str) -> Exchange {
    let mut exchange = Exchange::get("/orders");
    exchange.client_address = address.to_owned();
    exchange
}

fn reply(plugin: &Harness<Quota>, exchange: &mut Exchange) -> Option<Reply> {
    plugin.request(exchange).unwrap()
}

fn passes(plugin: &Harness<Quota>, mut exchange: Exchange) -> bool {
    reply(plugin, &mut exchange).is_none()
}

/// The response's header lines, after the request has passed.
fn answered(plugin: &Harness<Quota>, exchange: Exchange, headers: &[(&str, &str)]) -> Exchange {
    let mut exchange = exchange;
    assert_eq!(reply(plugin, &mut exchange), None);
    let mut exchange = exchange.answered(200, headers, "");
    assert_eq!(plugin.response(&mut exchange).unwrap(), None);
    exchange
}

fn said<'e>(exchange: &'e Exchange, names: &[&str]) -> Vec<Option<&'e str>> {
    let names = names.iter();
    names.map(|name| exchange.response.header(name)).collect()
}

fn text<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    reply
        .header(name)
        .map(|value| std::str::from_utf8(value).unwrap())
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn limit(amount: u64) -> Value {
    json!([{ "name": "hourly", "amount": amount, "window": "1h" }])
}

#[test]
fn a_caller_gets_the_amount_and_is_then_told_when_to_come_back() {
    let plugin = plugin(json!({ "limits": limit(2) }));
    let first = answered(&plugin, from("acme", &[]), &[]);
    let names = ["ratelimit-policy", "ratelimit"];
    let policy = Some("\"hourly\";q=2;w=3600");
    assert_eq!(
        said(&first, &names),
        [policy, Some("\"hourly\";r=1;t=3600")]
    );
    plugin.pass(Duration::from_millis(600_500));
    let second = answered(&plugin, from("acme", &[]), &[]);
    assert_eq!(
        said(&second, &names),
        [policy, Some("\"hourly\";r=0;t=3600")]
    );

    let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
    assert_eq!(refused.status, 429);
    // 2,999.5 seconds, rounded up.
    assert_eq!(text(&refused, "retry-after"), Some("3000"));
    assert_eq!(text(&refused, "ratelimit-policy"), policy);
    assert_eq!(text(&refused, "ratelimit"), Some("\"hourly\";r=0;t=3000"));
    assert_eq!(
        text(&refused, "content-type"),
        Some("application/problem+json")
    );
    assert_eq!(
        body(&refused),
        json!({
            "type": "about:blank", "title": "Too Many Requests", "status": 429,
            "detail": "The limit `hourly` of 2 in 1h is reached.",
            "violated-policies": ["hourly"], "message": "Too Many Requests",
        })
    );
    plugin.pass(Duration::from_secs(2_999));
    assert!(
        !passes(&plugin, from("acme", &[])),
        "half a second too early"
    );
    plugin.pass(Duration::from_secs(1));
    assert!(passes(&plugin, from("acme", &[])));
}

#[test]
fn consumers_have_limits_of_their_own() {
    let plugin = plugin(json!({ "limits": limit(1) }));
    for id in ["acme", "bob"] {
        assert!(passes(&plugin, from(id, &[])));
        assert!(!passes(&plugin, from(id, &[])));
    }
}

#[test]
fn several_limits_are_taken_together_and_a_refusal_takes_nothing() {
    let plugin = plugin(json!({ "limits": [
        { "name": "burst", "amount": 2, "window": "1m", "algorithm": "fixed-window" },
        { "name": "daily", "amount": 3, "window": "day" },
    ] }));
    for _ in 0..2 {
        assert!(passes(&plugin, from("acme", &[])));
    }
    for _ in 0..5 {
        let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
        assert_eq!(text(&refused, "retry-after"), Some("20"));
        assert_eq!(body(&refused)["violated-policies"], json!(["burst"]));
        assert_eq!(
            text(&refused, "ratelimit"),
            Some("\"burst\";r=0;t=20, \"daily\";r=1;t=32000")
        );
    }
    plugin.pass(Duration::from_secs(TO_THE_MINUTE));
    assert!(passes(&plugin, from("acme", &[])), "refusals were counted");
    assert!(passes(&plugin, from("bob", &[])));
    let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
    assert_eq!(body(&refused)["violated-policies"], json!(["daily"]));
    assert_eq!(
        body(&refused)["detail"],
        "The limit `daily` of 3 a day is reached."
    );
    assert_eq!(text(&refused, "retry-after"), Some("31980"));
    assert_eq!(
        text(&refused, "ratelimit-policy"),
        Some("\"burst\";q=2;w=60, \"daily\";q=3;w=86400")
    );
}

#[test]
fn a_token_bucket_lets_a_burst_through_and_then_a_steady_flow() {
    let config = |burst: Value| {
        let mut limit = json!({ "name": "flow", "amount": 10, "window": "10s" });
        limit["algorithm"] = json!("token-bucket");
        limit["burst"] = burst;
        json!({ "limits": [limit] })
    };
    let three = plugin(config(json!(3)));
    for _ in 0..3 {
        assert!(passes(&three, from("acme", &[])));
    }
    let refused = reply(&three, &mut from("acme", &[])).unwrap();
    assert_eq!(text(&refused, "retry-after"), Some("1"));
    // What it holds, and the time in which it fills.
    assert_eq!(text(&refused, "ratelimit-policy"), Some("\"flow\";q=3;w=3"));
    three.pass(Duration::from_secs(1));
    assert!(passes(&three, from("acme", &[])));
    assert!(!passes(&three, from("acme", &[])));

    let mut without = config(json!(3));
    without["limits"][0]
        .as_object_mut()
        .unwrap()
        .remove("burst");
    let ten = plugin(without);
    assert_eq!(
        (0..20).filter(|_| passes(&ten, from("acme", &[]))).count(),
        10
    );
}

#[test]
fn calendar_windows_end_with_the_calendar() {
    for (window, seconds, policy) in [
        ("day", "32000", "\"a\";q=1;w=86400"),
        // Sunday.
        ("week", "32000", "\"a\";q=1;w=604800"),
        ("month", "1328000", "\"a\";q=1"),
    ] {
        let limits = json!([{ "name": "a", "amount": 1, "window": window }]);
        let plugin = plugin(json!({ "limits": limits }));
        assert!(passes(&plugin, from("acme", &[])));
        let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
        assert_eq!(text(&refused, "retry-after"), Some(seconds), "{window}");
        assert_eq!(text(&refused, "ratelimit-policy"), Some(policy));
        plugin.pass(Duration::from_secs(seconds.parse().unwrap()));
        assert!(passes(&plugin, from("acme", &[])));
    }
}

#[test]
fn requests_are_counted_by_what_the_operator_says() {
    let other = |by: &str| {
        // All but what is counted by is as in the first request.
        match by {
            "consumer" => from("bob", &[]),
            "credential" => {
                let mut exchange = from("acme", &[]);
                exchange.caller.as_mut().unwrap().credential = Some("acme-2".to_owned());
                exchange
            }
            "client-address" => {
                let mut exchange = from("acme", &[]);
                exchange.client_address = "192.0.2.2".to_owned();
                exchange
            }
            "header:X-Tenant" => from("acme", &[]).with_header("x-tenant", "b"),
            "path" => Exchange::get("/other").with_caller(caller("acme", &[])),
            "route" => {
                let mut exchange = from("acme", &[]);
                exchange.route = "other".to_owned();
                exchange
            }
            _ => {
                let mut exchange = from("acme", &[]).with_upstreams(&["upstream", "v2"]);
                // An earlier plugin chose it.
                exchange.upstream = "v2".to_owned();
                exchange
            }
        }
    };
    for by in [
        "consumer",
        "credential",
        "client-address",
        "header:X-Tenant",
        "path",
        "route",
        "upstream",
    ] {
        let first = || match by {
            "header:X-Tenant" => from("acme", &[]).with_header("x-tenant", "a"),
            _ => from("acme", &[]),
        };
        let plugin = plugin(json!({ "limits": limit(1), "by": by, "fallback": "reject" }));
        assert!(passes(&plugin, first()), "{by}");
        assert!(!passes(&plugin, first()), "{by}");
        assert!(passes(&plugin, other(by)), "{by}");
        assert!(!passes(&plugin, other(by)), "{by}");
    }
}

#[test]
fn a_query_is_no_other_path() {
    let plugin = plugin(json!({ "limits": limit(1), "by": "path" }));
    assert!(passes(&plugin, Exchange::get("/orders?a=1")));
    assert!(!passes(&plugin, Exchange::get("/orders?a=2")));
}

#[test]
fn a_list_counts_every_combination() {
    let plugin = plugin(json!({
        "limits": limit(1), "by": ["header:x-a", "header:x-b"],
    }));
    let two = |a: &str, b: &str| {
        Exchange::get("/")
            .with_header("x-a", a)
            .with_header("x-b", b)
    };
    for (a, b) in [
        ("a", "bc"),
        ("ab", "c"),
        ("a", "b"),
        ("1:ah1:b", "c"),
        ("a", "h1:b"),
        ("xh:y", "z"),
        ("x", "yh:z"),
    ] {
        assert!(passes(&plugin, two(a, b)), "{a} {b}");
        assert!(!passes(&plugin, two(a, b)), "{a} {b}");
    }
}

#[test]
fn a_client_cannot_imitate_a_consumer_or_an_address() {
    let by_header = plugin(json!({ "limits": limit(1), "by": "header:x-name" }));
    assert!(passes(&by_header, at("192.0.2.1")));
    let forged = [
        "a9:192.0.2.1",
        "192.0.2.1",
        "acme",
        "c4:acme",
        "#",
        "\u{e9}",
    ];
    for name in forged {
        let forged = at("192.0.2.1").with_header("x-name", name);
        assert!(passes(&by_header, forged), "{name} was somebody else");
    }
    assert!(!passes(&by_header, at("192.0.2.1")));

    let by_consumer = plugin(json!({ "limits": limit(1) }));
    assert!(passes(&by_consumer, from("192.0.2.9", &[])));
    assert!(passes(&by_consumer, at("192.0.2.9")));
    // Headers that other plugins set upstream say nothing here.
    let forged = at("192.0.2.9").with_header("x-consumer-id", "root");
    assert!(!passes(&by_consumer, forged));
}

#[test]
fn long_and_odd_header_values_are_counted_like_any_other() {
    let plugin = plugin(json!({ "limits": limit(1), "by": "header:x-name" }));
    let named = |value: &[u8]| Exchange::get("/").with_header("x-name", value);
    let (long, longer) = ("a".repeat(8_000), "a".repeat(8_001));
    for value in [
        long.as_bytes(),
        longer.as_bytes(),
        b"\xff",
        b"\xfe",
        "é".as_bytes(),
    ] {
        assert!(passes(&plugin, named(value)));
        assert!(!passes(&plugin, named(value)));
    }
}

#[test]
fn the_fallback_is_what_the_operator_chose() {
    let config = |fallback: &str, by: Value| {
        plugin(json!({ "limits": limit(1), "by": by, "fallback": fallback }))
    };
    // An empty header says as much as none.
    let nobody = || at("192.0.2.1").with_header("x-tenant", "");
    for (by, why) in [
        (
            json!("consumer"),
            "This request cannot be counted: nobody is identified.",
        ),
        (
            json!("credential"),
            "This request cannot be counted: no credential was shown.",
        ),
        (
            json!(["path", "header:x-tenant"]),
            "This request cannot be counted: the header x-tenant is missing.",
        ),
    ] {
        let address = config("client-address", by.clone());
        assert!(passes(&address, nobody()));
        assert!(!passes(&address, nobody()));
        assert!(passes(&address, at("192.0.2.2")));

        let skip = config("skip", by.clone());
        for _ in 0..3 {
            let answered = answered(&skip, nobody(), &[]);
            assert_eq!(said(&answered, &["ratelimit"]), [None]);
        }

        let refused = reply(&config("reject", by), &mut nobody()).unwrap();
        assert_eq!(
            (refused.status, &body(&refused)["detail"]),
            (403, &json!(why))
        );
    }
}

#[test]
fn a_group_has_the_limits_of_its_plan() {
    let plugin = plugin(json!({
        "limits": limit(1),
        "plans": { "premium": limit(3), "gold/eu": limit(2), "staff": [] },
    }));
    for (id, groups, amount) in [
        ("none", &[][..], 1),
        ("other", &["eu"], 1),
        ("premium", &["premium"], 3),
        ("gold", &["gold/eu"], 2),
        // The caller's first group that has a plan decides.
        ("both", &["eu", "gold/eu", "premium"], 2),
        ("staff", &["staff", "premium"], 20),
    ] {
        let passed = (0..20)
            .filter(|_| passes(&plugin, from(id, groups)))
            .count();
        assert_eq!(passed, amount, "{id}");
    }
    let refused = reply(&plugin, &mut from("premium", &["premium"])).unwrap();
    assert_eq!(
        body(&refused)["detail"],
        "The limit `hourly` of 3 in 1h is reached."
    );
}

#[test]
fn a_better_plan_keeps_what_was_counted() {
    let plugin = plugin(json!({ "limits": limit(2), "plans": { "premium": limit(5) } }));
    for _ in 0..2 {
        assert!(passes(&plugin, from("acme", &[])));
    }
    let answered = answered(&plugin, from("acme", &["premium"]), &[]);
    assert_eq!(
        said(&answered, &["ratelimit"]),
        [Some("\"hourly\";r=2;t=3600")]
    );
}

#[test]
fn a_request_can_cost_more_than_one() {
    let plugin = plugin(json!({ "limits": limit(10), "cost": 4 }));
    for left in ["6", "2"] {
        let answered = answered(&plugin, from("acme", &[]), &[]);
        let expected = format!("\"hourly\";r={left};t=3600");
        assert_eq!(said(&answered, &["ratelimit"]), [Some(&*expected)]);
    }
    let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
    assert_eq!(text(&refused, "ratelimit"), Some("\"hourly\";r=2;t=3600"));
}

#[test]
fn the_response_says_what_it_cost() {
    let plugin = plugin(json!({ "limits": limit(10), "cost": "header:X-Cost" }));
    for (headers, left) in [
        (&[("x-cost", " 4 ")][..], "6"),
        (&[("x-cost", "0")], "6"),
        // What does not say a cost costs 1.
        (&[], "5"),
        (&[("x-cost", "-1")], "4"),
        (&[("x-cost", "1e9")], "3"),
        (&[("x-cost", "99999999999999999999")], "2"),
        // A cost is charged even beyond the limit.
        (&[("x-cost", "18446744073709551615")], "0"),
    ] {
        let answered = answered(&plugin, from("acme", &[]), headers);
        let said = said(&answered, &["ratelimit"])[0].unwrap();
        assert!(said.starts_with(&format!("\"hourly\";r={left};")), "{said}");
    }
    assert!(!passes(&plugin, from("acme", &[])));
    assert!(passes(&plugin, from("bob", &[])));
}

#[test]
fn without_headers_the_cost_of_a_response_is_charged_all_the_same() {
    let plugin = plugin(json!({ "limits": limit(2), "cost": "header:x-cost", "headers": "none" }));
    answered(&plugin, from("acme", &[]), &[("x-cost", "2")]);
    assert!(!passes(&plugin, from("acme", &[])));
}

const KONG: [&str; 7] = [
    "x-ratelimit-limit-minute",
    "x-ratelimit-remaining-minute",
    "x-ratelimit-limit-90",
    "x-ratelimit-remaining-90",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
];
const X: [&str; 3] = [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];

fn styled(style: &str) -> Harness<Quota> {
    plugin(json!({
        "limits": [
            { "name": "a", "amount": 5, "window": "1m" },
            { "name": "b", "amount": 2, "window": "90s" },
        ],
        "headers": style,
    }))
}

#[test]
fn headers_come_in_the_style_that_callers_know() {
    let kong = styled("kong");
    let first = answered(&kong, from("acme", &[]), &[]);
    assert_eq!(said(&first, &KONG).concat_all(), "5 4 2 1 2 1 90");
    let x = styled("x");
    let first = answered(&x, from("acme", &[]), &[]);
    assert_eq!(said(&first, &X).concat_all(), "2 1 90");
    assert_eq!(first.response.headers.len(), 3);

    for (style, expected) in [("kong", "5 3 2 0 2 0 90"), ("x", "2 0 90")] {
        let plugin = styled(style);
        for _ in 0..2 {
            assert!(passes(&plugin, from("acme", &[])));
        }
        let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
        let names = if style == "kong" { &KONG[..] } else { &X };
        let values: Vec<_> = names.iter().map(|name| text(&refused, name)).collect();
        assert_eq!(values.concat_all(), expected);
        assert_eq!(text(&refused, "retry-after"), Some("90"));
    }
}

trait Concat {
    fn concat_all(&self) -> String;
}

impl Concat for Vec<Option<&str>> {
    fn concat_all(&self) -> String {
        let values: Vec<_> = self.iter().map(|value| value.unwrap_or("-")).collect();
        values.join(" ")
    }
}

#[test]
fn of_limits_with_as_much_left_the_one_that_lasts_longer_is_shown() {
    for (first, second) in [("1m", "1h"), ("1h", "1m")] {
        let plugin = plugin(json!({
            "limits": [
                { "name": "a", "amount": 2, "window": first },
                { "name": "b", "amount": 2, "window": second },
            ],
            "headers": "x",
        }));
        let answered = answered(&plugin, from("acme", &[]), &[]);
        assert_eq!(said(&answered, &X).concat_all(), "2 1 3600");
        assert!(passes(&plugin, from("acme", &[])));
        // Both refuse; both must have room again.
        let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
        assert_eq!(text(&refused, "retry-after"), Some("3600"));
        assert_eq!(body(&refused)["violated-policies"], json!(["a", "b"]));
        let detail = body(&refused)["detail"].as_str().unwrap().to_owned();
        assert!(detail.ends_with("of 2 in 1h is reached."), "{detail}");
    }
}

#[test]
fn no_headers_means_none_at_all() {
    let plugin = styled("none");
    for _ in 0..2 {
        let answered = answered(&plugin, from("acme", &[]), &[]);
        assert!(answered.response.headers.is_empty());
        assert!(answered.kept.is_empty(), "nothing is kept for nobody");
    }
    let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
    let names: Vec<_> = refused.headers.iter().map(|field| &*field.name).collect();
    assert_eq!((refused.status, &names[..]), (429, &["content-type"][..]));
}

#[test]
fn whoever_says_that_less_is_left_is_believed() {
    let theirs = |left| {
        [
            ("x-ratelimit-limit", "9"),
            ("x-ratelimit-remaining", left),
            ("x-ratelimit-reset", "7"),
        ]
    };
    let plugin = styled("x");
    let less = answered(&plugin, from("acme", &[]), &theirs("0"));
    assert_eq!(said(&less, &X).concat_all(), "9 0 7");
    let more = answered(&plugin, from("acme", &[]), &theirs("8"));
    assert_eq!(said(&more, &X).concat_all(), "2 0 90");
    // The lists of the draft simply go on.
    let ietf = self::plugin(json!({ "limits": limit(1) }));
    let both = answered(
        &ietf,
        from("acme", &[]),
        &[("ratelimit", "\"other\";r=1;t=1")],
    );
    let lines = both.response.headers.get_all("ratelimit").iter();
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
    assert_eq!(lines, ["\"other\";r=1;t=1", "\"hourly\";r=0;t=3600"]);
}

#[test]
fn a_refusal_has_the_status_and_the_words_of_the_operator() {
    let plugin = plugin(json!({
        "limits": limit(1), "status": 404, "message": "Say \"please\"",
    }));
    assert!(passes(&plugin, from("acme", &[])));
    let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
    assert_eq!(refused.status, 404);
    let body = body(&refused);
    assert_eq!(body["title"], "Say \"please\"");
    assert_eq!(body["message"], body["title"]);
}

fn shared(on_store_error: &str) -> Harness<Quota> {
    let config = json!({
        "limits": limit(2), "store": "shared", "consistency": "lease",
        "on_store_error": on_store_error,
    });
    let gateway = Gateway::new().with_failing_store("shared");
    gateway.configure(config).unwrap()
}

#[test]
fn while_the_store_fails_it_is_counted_here_or_not_or_refused() {
    let local = shared("local");
    let first = answered(&local, from("acme", &[]), &[]);
    assert_eq!(
        said(&first, &["ratelimit"]),
        [Some("\"hourly\";r=1;t=3600")]
    );
    assert!(passes(&local, from("acme", &[])));
    assert_eq!(reply(&local, &mut from("acme", &[])).unwrap().status, 429);

    let allow = shared("allow");
    for _ in 0..5 {
        let answered = answered(&allow, from("acme", &[]), &[]);
        assert_eq!(said(&answered, &["ratelimit"]), [None]);
    }

    let deny = shared("deny");
    let refused = reply(&deny, &mut from("acme", &[])).unwrap();
    assert_eq!(refused.status, 503);
    assert_eq!(text(&refused, "retry-after"), Some("1"));
    assert_eq!(body(&refused)["title"], "Service Unavailable");
}

#[test]
fn a_store_that_answers_again_is_asked_again_and_the_log_says_so_once() {
    let plugin = shared("local");
    let mut log = Vec::new();
    for fails in [true, true, false, false, true] {
        plugin.fail_store("shared", fails);
        let mut exchange = from("acme", &[]);
        reply(&plugin, &mut exchange);
        log.extend(exchange.log.into_iter().map(|line| line.message));
    }
    let fails = "store `shared` fails: the store is not available: connection refused";
    assert_eq!(log, [fails, "store `shared` answers again", fails]);
    // Two were taken in each place; the fifth request was refused here.
    plugin.fail_store("shared", false);
    assert!(!passes(&plugin, from("acme", &[])));
}

#[test]
fn a_cost_is_charged_here_while_the_store_fails() {
    let gateway = Gateway::new().with_failing_store("shared");
    let plugin = gateway.configure::<Quota>(json!({
        "limits": limit(5), "store": "shared", "cost": "header:x-cost",
    }));
    let plugin = plugin.unwrap();
    answered(&plugin, from("acme", &[]), &[("x-cost", "5")]);
    assert!(!passes(&plugin, from("acme", &[])));
}
