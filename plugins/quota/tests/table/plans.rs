//! Plans of groups, and what a request costs.

use super::*;

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
fn what_a_response_cost_is_in_the_time_until_all_of_it_is_back() {
    let told = |algorithm: &str, cost: &str| {
        let limits =
            json!([{ "name": "l", "amount": 100, "window": "1h", "algorithm": algorithm }]);
        let plugin = plugin(json!({ "limits": limits, "cost": "header:x-cost" }));
        let answered = answered(&plugin, from("acme", &[]), &[("x-cost", cost)]);
        said(&answered, &["ratelimit"])[0].unwrap().to_owned()
    };
    // Of the fixed window, so much is still to come.
    for (algorithm, of_all, of_half) in [
        ("sliding-window", 3600, 3600),
        ("fixed-window", 3200, 3200),
        ("token-bucket", 3600, 1800),
    ] {
        let all = format!("\"l\";r=0;t={of_all}");
        assert_eq!(told(algorithm, "100"), all, "{algorithm}");
        let half = format!("\"l\";r=50;t={of_half}");
        assert_eq!(told(algorithm, "50"), half, "{algorithm}");
        assert_eq!(told(algorithm, "0"), "\"l\";r=100;t=0", "{algorithm}");
    }
}

#[test]
fn without_headers_the_cost_of_a_response_is_charged_all_the_same() {
    let plugin = plugin(json!({ "limits": limit(2), "cost": "header:x-cost", "headers": "none" }));
    answered(&plugin, from("acme", &[]), &[("x-cost", "2")]);
    assert!(!passes(&plugin, from("acme", &[])));
}
