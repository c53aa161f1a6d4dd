//! What the documentation promises, row by row.

use key_auth::KeyAuth;
use sluice_plugin::Caller;
use sluice_plugin::testing::{Consumer, Exchange, Gateway, Harness, json};

const KEY: &str = "k_9f2c7d1e8a4b6035";
const OTHER: &str = "k_9f2c7d_other_key";
const NOW: u64 = 1_800_000_000;

/// What tells the upstream who is calling.
const TOLD: [&str; 4] = [
    "x-consumer-id",
    "x-consumer-groups",
    "x-credential-id",
    "x-anonymous-consumer",
];

fn gateway() -> Gateway {
    let acme = Consumer::new("acme")
        .with_group("premium")
        .with_group("eu")
        .with_key("acme-1", KEY)
        .with_key("acme-2", OTHER)
        .with_key_between("acme-old", "expired_key", None, Some(NOW))
        .with_key_between("acme-soon", "not_yet_key", Some(NOW + 1), None)
        .with_key_between("acme-now", "current_key", Some(NOW), Some(NOW + 1));
    Gateway::new()
        .at_unix_ms(NOW * 1000)
        .with_consumer(acme)
        .with_consumer(Consumer::new("bob").with_key("bob-1", "bobs_own_key"))
        .with_consumer(Consumer::new("guest"))
}

fn plugin(config: serde_json::Value) -> Harness<KeyAuth> {
    gateway().configure(config).unwrap()
}

/// The `detail` of the refusal; none where the request passed.
fn refusal(plugin: &Harness<KeyAuth>, exchange: &mut Exchange) -> Option<String> {
    let reply = plugin.request(exchange).unwrap()?;
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.header("content-type"),
        Some(&b"application/problem+json"[..])
    );
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["title"], "Unauthorized");
    assert_eq!(body["message"], body["detail"]);
    body["detail"].as_str().map(str::to_owned)
}

fn passes(plugin: &Harness<KeyAuth>, exchange: &mut Exchange) {
    assert_eq!(refusal(plugin, exchange), None);
}

/// The values of [`TOLD`].
fn told(exchange: &Exchange) -> [Option<&str>; 4] {
    TOLD.map(|name| exchange.request.header(name))
}

/// A client that claims to be somebody.
fn forged(mut exchange: Exchange) -> Exchange {
    for name in TOLD {
        exchange = exchange
            .with_header(name, "forged")
            .with_header(name, "twice");
    }
    exchange
}

const MISSING: &str = "No API key found in request";
const DUPLICATE: &str = "Duplicate API key found";
const UNAUTHORIZED: &str = "Unauthorized";

#[test]
fn a_known_key_passes_and_the_upstream_learns_whose_it_is() {
    let plugin = plugin(json!({}));
    let mut exchange = forged(Exchange::get("/a?b=c").with_header("x-api-key", KEY));
    passes(&plugin, &mut exchange);
    assert_eq!(
        told(&exchange),
        [Some("acme"), Some("premium,eu"), Some("acme-1"), None]
    );
    assert_eq!(
        exchange.caller,
        Some(Caller {
            id: "acme".to_owned(),
            groups: vec!["premium".to_owned(), "eu".to_owned()],
            attributes: Vec::new(),
            credential: Some("acme-1".to_owned()),
        })
    );
    assert_eq!(exchange.target, "/a?b=c");
    for name in TOLD {
        assert!(exchange.request.headers.get_all(name).iter().count() <= 1);
    }
}

#[test]
fn a_consumer_without_groups_has_no_group_header() {
    let plugin = plugin(json!({}));
    let mut exchange = forged(Exchange::get("/").with_header("apikey", "bobs_own_key"));
    passes(&plugin, &mut exchange);
    assert_eq!(told(&exchange), [Some("bob"), None, Some("bob-1"), None]);
}

#[test]
fn keys_that_share_a_prefix_are_told_apart() {
    let plugin = plugin(json!({}));
    let mut exchange = Exchange::get("/").with_header("x-api-key", OTHER);
    passes(&plugin, &mut exchange);
    assert_eq!(told(&exchange)[2], Some("acme-2"));
}

#[test]
fn no_key_a_wrong_key_and_two_keys_are_refused() {
    let plugin = plugin(json!({}));
    let get = || Exchange::get("/");
    let empty = get().with_header("apikey", "");
    let twice = get().with_header("apikey", KEY).with_header("apikey", KEY);
    let longer = get().with_header("apikey", format!("{KEY}x"));
    let prefix = get().with_header("apikey", &KEY[..8]);
    let bytes = get().with_header("apikey", b"\xff\xfe");
    let query = Exchange::get(&format!("/?apikey={KEY}"));
    for (mut exchange, expected) in [
        (get(), MISSING),
        (empty, MISSING),
        (query, MISSING),
        (twice, DUPLICATE),
        (longer, UNAUTHORIZED),
        (prefix, UNAUTHORIZED),
        (bytes, UNAUTHORIZED),
        (get().with_header("apikey", "k"), UNAUTHORIZED),
        (get().with_header("apikey", "x".repeat(5000)), UNAUTHORIZED),
    ] {
        let before = exchange.request.headers.clone();
        assert_eq!(refusal(&plugin, &mut exchange).as_deref(), Some(expected));
        assert_eq!(exchange.request.headers, before);
        assert_eq!(exchange.caller, None);
    }
}

#[test]
fn a_key_is_valid_from_its_beginning_until_before_its_end() {
    let plugin = plugin(json!({}));
    let shown = |key: &str| Exchange::get("/").with_header("apikey", key);
    for key in ["expired_key", "not_yet_key"] {
        assert_eq!(
            refusal(&plugin, &mut shown(key)).as_deref(),
            Some(UNAUTHORIZED)
        );
    }
    passes(&plugin, &mut shown("current_key"));
    plugin.pass(std::time::Duration::from_secs(1));
    passes(&plugin, &mut shown("not_yet_key"));
    assert_eq!(
        refusal(&plugin, &mut shown("current_key")).as_deref(),
        Some(UNAUTHORIZED)
    );
}

#[test]
fn the_first_name_that_is_present_wins_header_before_query_before_body() {
    let plugin = plugin(json!({ "key_in_query": true, "key_in_body": true }));
    let form = "application/x-www-form-urlencoded";
    let credential = |mut exchange: Exchange| match refusal(&plugin, &mut exchange) {
        Some(refusal) => refusal,
        None => told(&exchange)[2].unwrap().to_owned(),
    };
    let body = format!("x-api-key={OTHER}");
    let in_body = || Exchange::post("/", form, body.as_str());
    let in_query = Exchange::post("/?x-api-key=bobs_own_key", form, body.as_str());
    assert_eq!(
        credential(in_body().with_header("x-api-key", KEY)),
        "acme-1"
    );
    assert_eq!(credential(in_query), "bob-1");
    // The second name in a header comes after the first name in a body.
    assert_eq!(credential(in_body().with_header("apikey", KEY)), "acme-2");
    assert_eq!(
        credential(in_body().with_header("x-api-key", "wrong")),
        UNAUTHORIZED
    );
}

#[test]
fn the_challenge_names_the_realm() {
    for (config, challenge) in [
        (json!({}), "Key"),
        (
            json!({ "realm": "a \"b\" \\" }),
            r#"Key realm="a \"b\" \\""#,
        ),
    ] {
        let reply = plugin(config).request(&mut Exchange::get("/")).unwrap();
        let reply = reply.unwrap();
        let found = reply.header("www-authenticate").unwrap();
        assert_eq!(std::str::from_utf8(found).unwrap(), challenge);
    }
}

#[test]
fn every_name_is_hidden_unless_the_operator_says_otherwise() {
    let target = format!("/a/b?x=1&apikey=z&y=%32&x-api-key={KEY}");
    let shown = || {
        Exchange::get(&target)
            .with_header("x-api-key", KEY)
            .with_header("apikey", "other")
    };
    let mut exchange = shown();
    passes(&plugin(json!({})), &mut exchange);
    assert_eq!(exchange.target, "/a/b?x=1&y=%32");
    assert_eq!(exchange.request.header("x-api-key"), None);
    assert_eq!(exchange.request.header("apikey"), None);

    let mut exchange = shown();
    passes(&plugin(json!({ "hide_credentials": false })), &mut exchange);
    assert_eq!(exchange.target, target);
    assert_eq!(exchange.request.header("x-api-key"), Some(KEY));

    let mut exchange = Exchange::get(&format!("/?apikey={KEY}"));
    passes(&plugin(json!({ "key_in_query": true })), &mut exchange);
    assert_eq!(exchange.target, "/");
}

#[test]
fn names_are_hidden_in_bodies_where_keys_are_looked_for_in_them() {
    let multipart = format!(
        "--b\r\ncontent-disposition: form-data; name=\"apikey\"\r\n\r\n{KEY}\r\n\
         --b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n"
    );
    let rest = "--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n";
    for (content_type, body, rest) in [
        (
            "application/json",
            format!(r#"{{ "apikey":"{KEY}", "n": 1.0 }}"#),
            r#"{ "n": 1.0 }"#,
        ),
        (
            "application/x-www-form-urlencoded",
            format!("apikey={KEY}&a=%31"),
            "a=%31",
        ),
        ("multipart/form-data; boundary=b", multipart, rest),
    ] {
        let mut exchange = Exchange::post("/", content_type, body.as_str());
        passes(&plugin(json!({ "key_in_body": true })), &mut exchange);
        assert_eq!(String::from_utf8_lossy(&exchange.request.body), rest);
        assert_eq!(told(&exchange)[2], Some("acme-1"));

        // Found in a header, hidden in the body all the same.
        let mut exchange =
            Exchange::post("/", content_type, body.as_str()).with_header("x-api-key", OTHER);
        passes(&plugin(json!({ "key_in_body": true })), &mut exchange);
        assert_eq!(String::from_utf8_lossy(&exchange.request.body), rest);

        let mut exchange = Exchange::post("/", content_type, body.as_str());
        let config = json!({ "key_in_body": true, "hide_credentials": false });
        passes(&plugin(config), &mut exchange);
        assert_eq!(exchange.request.body, body.as_bytes());

        let mut exchange = Exchange::post("/", content_type, body.as_str());
        assert_eq!(
            refusal(&plugin(json!({})), &mut exchange).as_deref(),
            Some(MISSING)
        );
    }
}

#[test]
fn a_body_is_asked_for_only_where_a_key_may_be_in_it() {
    use sluice_plugin::Verdict;
    let plugin = plugin(json!({ "key_in_body": true }));
    let asks = |mut exchange: Exchange| {
        matches!(plugin.on_request(&mut exchange).unwrap(), Verdict::ReadBody)
    };
    let json = || Exchange::post("/", "application/json", "{}");
    assert!(asks(json()));
    assert!(asks(json().with_header("x-api-key", KEY)));
    assert!(!asks(json().with_header("x-api-key", "wrong")));
    assert!(!asks(json().with_header("content-encoding", "gzip")));
    assert!(!asks(Exchange::post("/", "text/plain", "a")));
    assert!(!asks(Exchange::get("/")));
}

#[test]
fn anonymous_is_for_callers_without_a_key() {
    let plugin = plugin(json!({ "anonymous": "guest", "key_in_body": true }));
    let mut exchange = forged(Exchange::get("/?apikey=x").with_header("apikey", ""));
    passes(&plugin, &mut exchange);
    assert_eq!(told(&exchange), [Some("guest"), None, None, Some("true")]);
    assert_eq!(exchange.caller.as_ref().unwrap().id, "guest");
    assert_eq!(exchange.caller.as_ref().unwrap().credential, None);
    assert_eq!(exchange.target, "/");
    assert_eq!(exchange.request.header("apikey"), None);

    let mut exchange = forged(Exchange::get("/").with_header("apikey", KEY));
    passes(&plugin, &mut exchange);
    assert_eq!(told(&exchange)[3], None);

    let mut exchange = Exchange::get("/").with_header("apikey", "wrong");
    assert_eq!(
        refusal(&plugin, &mut exchange).as_deref(),
        Some(UNAUTHORIZED)
    );

    let body = r#"{"apikey":"","a":1}"#;
    let mut exchange = forged(Exchange::post("/", "application/json", body));
    passes(&plugin, &mut exchange);
    assert_eq!(exchange.request.body, br#"{"a":1}"#);
    assert_eq!(told(&exchange), [Some("guest"), None, None, Some("true")]);
}

#[test]
fn somebody_whom_an_earlier_plugin_identified_stays_who_they_are() {
    let known = Caller {
        id: "subject".to_owned(),
        groups: vec!["staff".to_owned()],
        attributes: Vec::new(),
        credential: Some("token".to_owned()),
    };
    let exchange = || forged(Exchange::get("/").with_caller(known.clone()));
    let mut anonymous = exchange();
    passes(&plugin(json!({ "anonymous": "guest" })), &mut anonymous);
    assert_eq!(anonymous.caller, Some(known.clone()));
    assert_eq!(
        told(&anonymous),
        [Some("subject"), Some("staff"), Some("token"), None]
    );
    // Without `anonymous` both have to agree.
    assert_eq!(
        refusal(&plugin(json!({})), &mut exchange()).as_deref(),
        Some(MISSING)
    );
}

#[test]
fn only_a_real_preflight_passes_without_a_key() {
    let plugin = plugin(json!({ "run_on_preflight": false }));
    let real = |method: &str| {
        forged(Exchange::new(method, "/"))
            .with_header("origin", "https://example.com")
            .with_header("access-control-request-method", "PUT")
    };
    let mut preflight = real("OPTIONS");
    passes(&plugin, &mut preflight);
    assert_eq!(told(&preflight), [None; 4]);
    assert_eq!(preflight.caller, None);

    for mut exchange in [
        real("GET"),
        Exchange::new("OPTIONS", "/"),
        Exchange::new("OPTIONS", "/").with_header("origin", "https://example.com"),
    ] {
        assert_eq!(refusal(&plugin, &mut exchange).as_deref(), Some(MISSING));
    }
    assert_eq!(
        refusal(&self::plugin(json!({})), &mut real("OPTIONS")).as_deref(),
        Some(MISSING)
    );
}

#[test]
fn a_preflight_hides_what_looks_like_a_key() {
    let mut preflight = Exchange::new("OPTIONS", "/?apikey=x")
        .with_header("origin", "https://example.com")
        .with_header("access-control-request-method", "PUT")
        .with_header("x-api-key", "x");
    passes(
        &plugin(json!({ "run_on_preflight": false })),
        &mut preflight,
    );
    assert_eq!(preflight.target, "/");
    assert_eq!(preflight.request.header("x-api-key"), None);
}

#[test]
fn every_problem_of_a_configuration_is_named() {
    let problems = gateway().configure::<KeyAuth>(json!({
        "key_names": ["", "a b", "Host", "x-api-key"],
        "realm": "a\nb",
        "anonymous": "nobody",
    }));
    let at: Vec<_> = problems.unwrap_err().into_iter().map(|p| p.at).collect();
    assert_eq!(
        at,
        [
            "/key_names/0",
            "/key_names/1",
            "/key_names/2",
            "/realm",
            "/anonymous"
        ]
    );
    for (config, message) in [
        (
            json!({ "key_names": [] }),
            "/key_names: expected at least one name",
        ),
        (
            json!({ "key_names": vec!["x"; 65] }),
            "/key_names: expected at most 64 names",
        ),
        (
            json!({ "key_name": ["a"] }),
            "/key_name: unknown key; did you mean `key_names`?",
        ),
        (
            json!({ "anonymous": "nobody" }),
            "/anonymous: no such consumer: `nobody`; add [consumers.nobody]",
        ),
    ] {
        let problems = gateway().configure::<KeyAuth>(config).unwrap_err();
        assert_eq!(problems.to_string(), message);
    }
}

#[test]
fn too_many_keys_with_one_prefix_are_refused() {
    let consumer = |keys: usize| {
        (0..keys).fold(Consumer::new("a"), |consumer, n| {
            consumer.with_key(&format!("a-{n}"), &format!("sk_live_{n}"))
        })
    };
    let with = |keys: usize| {
        let gateway = Gateway::new().with_consumer(consumer(keys));
        gateway.configure::<KeyAuth>(json!({}))
    };
    assert!(with(16).is_ok());
    let problems = with(17).unwrap_err().to_string();
    assert!(
        problems.starts_with("/: more than 16 credentials"),
        "{problems}"
    );
}
