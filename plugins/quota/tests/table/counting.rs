//! How limits count.

use super::*;

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
