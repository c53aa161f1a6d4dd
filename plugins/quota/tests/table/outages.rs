//! What happens while the store fails.

use super::*;

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
