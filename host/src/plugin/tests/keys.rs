//! Whose key a caller shows.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::super::testing::{bound, configured, exchange, plugin, runtime};
use super::super::{Digest, HeadVerdict, OnRequest, Slot};
use crate::capability::CustomMetrics;
use crate::config::model::{Consumer, Consumers, Credential};

fn credential(id: &str, key: &str) -> Credential {
    Credential {
        id: id.into(),
        prefix: key[..4].into(),
        sha256: Digest::of(key.as_bytes()).0,
        not_before: None,
        expires: None,
    }
}

/// A plugin that answers with 200 + the case of `shown`, or with 210 + the place
/// of the credential.
fn slot(name: &str) -> Slot {
    let code = format!(
        r#"(data (i32.const 128) "{name}")
        (func $on-request (result i32)
            (call $find-in-header (i32.const 128) (i32.const {}) (i32.const 256))
            (i32.store8 (i32.const 604) (i32.const 2))
            (i32.store16 (i32.const 608) (if (result i32)
                (i32.eq (i32.load8_u (i32.const 256)) (i32.const 3))
                (then (i32.add (i32.const 210) (i32.load (i32.const 260))))
                (else (i32.add (i32.const 200) (i32.load8_u (i32.const 256))))))
            (i32.const 600))"#,
        name.len(),
    );
    let imports = [("consumers", "find-in-header", "(param i32 i32 i32)")];
    let runtime = runtime();
    let artifact = runtime.load(&plugin(&imports, &code)).unwrap();
    let mut consumers = Consumers::default();
    for (name, credentials) in [
        ("bob", vec![credential("bob-1", "bobs_own_key")]),
        (
            "acme",
            vec![
                credential("acme-2", "k_12_two"),
                credential("acme-1", "k_12_one"),
            ],
        ),
    ] {
        let consumer = Consumer {
            credentials,
            ..Consumer::default()
        };
        consumers.0.insert(name.into(), Arc::new(consumer));
    }
    let mut plugin = configured();
    plugin.grants.consumers = true;
    let metrics = CustomMetrics::default();
    let binding = bound(
        artifact,
        &Arc::new(plugin),
        &Arc::new(consumers),
        &runtime,
        &metrics,
    );
    Slot::new(Arc::new(binding.unwrap()), None)
}

fn shown(slot: &Slot, keys: &[&'static str]) -> u16 {
    let mut exchange = exchange();
    let name = HeaderName::from_static("x-api-key");
    for key in keys {
        let value = HeaderValue::from_static(key);
        exchange.request.headers.append(name.clone(), value);
    }
    match slot.call(exchange, &OnRequest).1 {
        Ok(HeadVerdict::Respond(reply)) => reply.status.as_u16(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_header_shows_whose_key_it_holds() {
    let slot = slot("X-Api-Key");
    for (keys, expected) in [
        (&[][..], 200),
        (&[""], 200),
        (&["k_12_one", "k_12_one"], 201),
        (&["", ""], 201),
        (&["k_12_onf"], 202),
        (&["k_12"], 202),
        (&["k_12_one"], 210),
        (&["k_12_two"], 211),
        (&["bobs_own_key"], 212),
    ] {
        assert_eq!(shown(&slot, keys), expected, "{keys:?}");
    }
}

#[test]
fn a_header_of_the_gateway_shows_no_key() {
    for name in ["te", "a b", ""] {
        assert_eq!(shown(&slot(name), &["k_12_one"]), 200, "{name}");
    }
}
