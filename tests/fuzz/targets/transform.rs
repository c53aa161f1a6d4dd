//! Bodies through transform: no panic, JSON stays JSON, and what was done once stays done.
#![no_main]

use std::cell::LazyCell;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sluice_plugin::testing::{Exchange, Harness};
use transform::Transform;

thread_local! {
    static PLUGINS: LazyCell<Vec<Harness<Transform>>> = LazyCell::new(|| {
        [
            json!({ "remove": { "body": ["/a", "/b/a"] } }),
            json!({ "rename": { "body": { "/a": "/b", "/c/a": "/c/b" } } }),
            json!({ "replace": { "body": { "/a": { "b": 1.0 }, "/b/0": "x" } } }),
            json!({ "add": { "body": { "/a": [], "/b/a": null } } }),
            json!({ "append": { "body": { "/a": ["x", 1], "/b/-": true } } }),
        ]
        .into_iter()
        .map(|rules| json!({ "on_body_error": "reject", "request": rules }))
        .map(|config| Harness::configure(config).expect("rules without a problem"))
        .collect()
    });
}

/// How many of the rules above change nothing the second time.
const ONCE: usize = 4;

/// The body that goes upstream; none where it is refused.
fn run(plugin: &Harness<Transform>, content_type: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut exchange = Exchange::post("/", content_type, body);
    let reply = plugin
        .request(&mut exchange)
        .expect("a hook that does not fail");
    reply.is_none().then_some(exchange.request.body)
}

fuzz_target!(|body: &[u8]| {
    PLUGINS.with(|plugins| {
        for (n, plugin) in plugins.iter().enumerate() {
            for content_type in ["application/json", "application/x-www-form-urlencoded"] {
                let changed = run(plugin, content_type, body);
                if let Some(changed) = changed.as_ref().filter(|_| n < ONCE) {
                    assert_eq!(run(plugin, content_type, changed).as_ref(), Some(changed));
                }
                if content_type == "application/json"
                    && serde_json::from_slice::<Value>(body).is_ok()
                {
                    let changed = changed.expect("JSON is not refused");
                    assert!(serde_json::from_slice::<Value>(&changed).is_ok());
                }
            }
        }
    });
});
