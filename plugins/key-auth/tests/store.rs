//! Keys that stand in a store.

use std::time::Duration;

use key_auth::KeyAuth;
use sha2::{Digest, Sha256};
use sluice_plugin::testing::{Consumer, Exchange, Gateway, Harness, json};

const CONFIGURED: &str = "k_9f2c7d1e8a4b6035";
const STORED: &str = "k_stored_8a4b6035f";
const NOW: u64 = 1_800_000_000;

fn gateway() -> Gateway {
    let acme = Consumer::new("acme").with_group("premium");
    Gateway::new()
        .at_unix_ms(NOW * 1000)
        .with_consumer(acme.with_key("acme-1", CONFIGURED))
        .with_consumer(Consumer::new("guest"))
        .with_store("shared")
}

fn plugin(mut config: serde_json::Value) -> Harness<KeyAuth> {
    config["store"] = "shared".into();
    gateway().configure(config).unwrap()
}

/// Under which name an entry stands.
fn name(key: &str) -> String {
    let digest = Sha256::digest(key);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(plugin: &Harness<KeyAuth>, key: &str, entry: &str) {
    plugin.write_store("shared", &name(key), Some(entry.as_bytes()));
}

fn take_out(plugin: &Harness<KeyAuth>, key: &str) {
    plugin.write_store("shared", &name(key), None);
}

fn shows(key: &str) -> Exchange {
    Exchange::get("/").with_header("x-api-key", key)
}

/// The status of the refusal; 200 where the request passed.
fn status(plugin: &Harness<KeyAuth>, key: &str) -> u16 {
    let reply = plugin.request(&mut shows(key)).unwrap();
    reply.map_or(200, |reply| reply.status)
}

fn lines(plugin: &Harness<KeyAuth>, key: &str) -> Vec<String> {
    let mut exchange = shows(key);
    plugin.request(&mut exchange).unwrap();
    exchange.log.into_iter().map(|line| line.message).collect()
}

const ENTRY: &str = r#"{"consumer":"acme","id":"acme-9"}"#;

#[test]
fn a_key_of_the_store_opens_the_route_as_its_consumer() {
    let plugin = plugin(json!({}));
    write(&plugin, STORED, ENTRY);
    let mut exchange = shows(STORED).with_header("x-consumer-groups", "forged");
    assert!(plugin.request(&mut exchange).unwrap().is_none());
    let told = ["x-consumer-id", "x-consumer-groups", "x-credential-id"];
    let told = told.map(|name| exchange.request.header(name));
    assert_eq!(told, [Some("acme"), Some("premium"), Some("acme-9")]);
    assert_eq!(exchange.request.header("x-api-key"), None);
    let caller = exchange.caller.unwrap();
    assert_eq!(caller.id, "acme");
    assert_eq!(caller.credential.as_deref(), Some("acme-9"));
}

#[test]
fn a_key_changes_without_a_reload_within_the_time_of_the_cache() {
    let plugin = plugin(json!({ "cache": "10s" }));
    assert_eq!(status(&plugin, STORED), 401);
    write(&plugin, STORED, ENTRY);
    plugin.pass(Duration::from_millis(9_999));
    assert_eq!(
        status(&plugin, STORED),
        401,
        "what was unknown is remembered"
    );
    plugin.pass(Duration::from_millis(1));
    assert_eq!(status(&plugin, STORED), 200);
    take_out(&plugin, STORED);
    plugin.pass(Duration::from_millis(9_999));
    assert_eq!(status(&plugin, STORED), 200, "what was known is remembered");
    plugin.pass(Duration::from_millis(1));
    assert_eq!(status(&plugin, STORED), 401);
}

#[test]
fn without_a_cache_each_request_asks() {
    let plugin = plugin(json!({ "cache": "0s" }));
    for _ in 0..2 {
        assert_eq!(status(&plugin, STORED), 401);
        write(&plugin, STORED, ENTRY);
        assert_eq!(status(&plugin, STORED), 200);
        take_out(&plugin, STORED);
    }
}

#[test]
fn a_key_is_valid_between_its_two_moments_though_it_is_remembered() {
    let plugin = plugin(json!({ "cache": "1h" }));
    let dated = format!(
        r#"{{"consumer":"acme","id":"a","not_before":{},"expires":{}}}"#,
        NOW + 10,
        NOW + 20
    );
    write(&plugin, STORED, &dated);
    for (passed, expected) in [(0, 401), (9, 401), (1, 200), (9, 200), (1, 401)] {
        plugin.pass(Duration::from_secs(passed));
        assert_eq!(status(&plugin, STORED), expected);
    }
}

#[test]
fn many_guesses_do_not_drive_out_a_key_that_is_known() {
    let plugin = plugin(json!({ "cache": "1h" }));
    write(&plugin, STORED, ENTRY);
    assert_eq!(status(&plugin, STORED), 200);
    for guess in 0..3000 {
        assert_eq!(status(&plugin, &format!("guess-{guess}")), 401);
    }
    plugin.fail_store("shared", true);
    assert_eq!(status(&plugin, STORED), 200);
}

#[test]
fn an_entry_that_is_no_good_opens_nothing_and_is_named_once_in_a_while() {
    let acme = |rest: &str| format!(r#"{{"consumer":"acme","id":"a"{rest}}}"#);
    let long = acme(&format!(",\"expires\":1{}", " ".repeat(4096)));
    for (entry, says) in [
        ("", "not a JSON object"),
        ("acme", "not a JSON object"),
        ("\u{feff}{}", "not a JSON object"),
        (r#"["acme","a",null,null]"#, "not a JSON object"),
        ("{", "cannot be read"),
        ("{}", "missing field `consumer`"),
        (r#"{"consumer":"acme"}"#, "missing field `id`"),
        (r#"{"consumer":"acme","id":7}"#, "cannot be read"),
        (r#"{"consumer":"acme","id":""}"#, "`id`: expected"),
        (r#"{"consumer":"acme","id":"a\r\nx: y"}"#, "`id`: expected"),
        (
            r#"{"consumer":"root","id":"a"}"#,
            "no such consumer: `root`",
        ),
        (
            r#"{"consumer":"a\nb","id":"a"}"#,
            "no such consumer: `a\\nb`",
        ),
        (&acme(",\"expire\":1"), "unknown field `expire`"),
        (&acme(",\"expires\":-1"), "cannot be read"),
        (&acme(",\"expires\":\"2030-01-01\""), "cannot be read"),
        (
            &acme(",\"expires\":99999999999,\"expires\":1"),
            "duplicate field",
        ),
        (&(acme("") + "x"), "cannot be read"),
        (&long, "longer than 4096 bytes"),
    ] {
        let plugin = plugin(json!({ "cache": "0s" }));
        write(&plugin, STORED, entry);
        let said = lines(&plugin, STORED);
        assert!(
            said.len() == 1 && said[0].contains(says),
            "{entry}: {said:?}"
        );
        assert!(said[0].contains(&name(STORED)) && !said[0].contains(STORED));
        assert_eq!(status(&plugin, STORED), 401, "{entry}");
        assert_eq!(lines(&plugin, STORED), [""; 0], "{entry}: said again");
        plugin.pass(Duration::from_secs(60));
        assert_eq!(lines(&plugin, STORED).len(), 1, "{entry}: never said again");
    }
}

#[test]
fn bytes_that_are_no_text_open_nothing() {
    let plugin = plugin(json!({}));
    let entry = b"{\"consumer\":\"acme\",\"id\":\"\xff\"}";
    plugin.write_store("shared", &name(STORED), Some(entry));
    assert_eq!(status(&plugin, STORED), 401);
}

#[test]
fn keys_of_the_configuration_need_no_store() {
    let plugin = plugin(json!({}));
    write(&plugin, CONFIGURED, r#"{"consumer":"guest","id":"forged"}"#);
    plugin.fail_store("shared", true);
    let mut exchange = shows(CONFIGURED);
    assert!(plugin.request(&mut exchange).unwrap().is_none());
    assert_eq!(exchange.request.header("x-credential-id"), Some("acme-1"));
}

#[test]
fn a_store_that_fails_is_answered_as_configured() {
    for (mode, expected) in [("deny", 503), ("local", 401)] {
        let plugin = plugin(json!({ "on_store_error": mode, "anonymous": "guest" }));
        plugin.fail_store("shared", true);
        let said = lines(&plugin, STORED);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("store `shared` fails: "), "{said:?}");
        assert_eq!(status(&plugin, STORED), expected);
        assert_eq!(lines(&plugin, STORED), [""; 0], "said again");
        plugin.fail_store("shared", false);
        write(&plugin, STORED, ENTRY);
        assert_eq!(lines(&plugin, STORED), ["store `shared` answers again"]);
        assert_eq!(status(&plugin, STORED), 200, "a failure is not remembered");
    }
}

#[test]
fn the_refusal_of_an_outage_says_when_to_come_back() {
    let plugin = plugin(json!({}));
    plugin.fail_store("shared", true);
    let reply = plugin.request(&mut shows(STORED)).unwrap().unwrap();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("retry-after"), Some(&b"1"[..]));
    assert_eq!(reply.header("www-authenticate"), None);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        body["message"],
        "API keys cannot be looked up at the moment"
    );
}

#[test]
fn a_key_in_a_body_is_looked_up_too() {
    let plugin = plugin(json!({ "key_in_body": true }));
    write(&plugin, STORED, ENTRY);
    let body = format!(r#"{{"x-api-key":"{STORED}","a":1}}"#);
    let mut exchange = Exchange::post("/", "application/json", body);
    assert!(plugin.request(&mut exchange).unwrap().is_none());
    assert_eq!(exchange.request.header("x-consumer-id"), Some("acme"));
    assert_eq!(exchange.request.body, br#"{"a":1}"#);
}

#[test]
fn a_store_that_cannot_hold_keys_is_a_problem() {
    for (config, problem) in [
        (
            json!({ "store": "shraed" }),
            "/store: no such store: `shraed`, or no grant for it",
        ),
        (
            json!({ "store": "local" }),
            "/store: `local` is the memory of this process, into which nobody can write keys; \
             expected a store with kind = \"redis\"",
        ),
        (
            json!({ "store": "shared", "cache": "61m" }),
            "/cache: expected at most `1h`",
        ),
    ] {
        let problems = gateway().configure::<KeyAuth>(config).err().unwrap();
        assert_eq!(problems.to_string(), problem);
    }
}
