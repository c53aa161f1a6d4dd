//! Who counts as whom.

use super::*;

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
