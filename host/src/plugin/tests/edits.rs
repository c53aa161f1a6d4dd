//! What hooks see and change.

use http::{HeaderName, HeaderValue, StatusCode};

use super::super::testing::{OK, exchange, on_request, plugin, slot};
use super::super::{Failure, HeadVerdict, Hook, OnLog, OnRequest, OnResponse, Outcome, Summary};
use crate::config::model::Name;
use crate::exchange::{Phase, Rejected};

#[test]
fn a_value_that_is_not_text_passes_unharmed() {
    // Copies `x-raw` to `x-copy`.
    let code = r#"
        (call $header (i32.const 128) (i32.const 5) (i32.const 256))
        (call $set-header (i32.const 133) (i32.const 6)
            (i32.load (i32.const 260)) (i32.load (i32.const 264)) (i32.const 272))"#;
    let code = format!(
        r#"(data (i32.const 128) "x-rawx-copy")
        (func $on-request (result i32) {code} (i32.const {OK}))"#
    );
    let imports = [
        ("request", "header", "(param i32 i32 i32)"),
        ("request-edit", "set-header", "(param i32 i32 i32 i32 i32)"),
    ];
    let (exchange, result) = slot(&plugin(&imports, &code)).call(exchange(), &OnRequest);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(exchange.request.headers["x-copy"].as_bytes(), b"\xff");
}

/// Calls an edit whose result is at 256, and answers with status 200 + case of
/// the error where there is one.
fn verdict_of(imports: &[(&str, &str, &str)], data: &str, call: &str) -> Result<(), u16> {
    let code = format!(
        r#"(data (i32.const 128) "{data}")
        (func $on-request (result i32)
            {call}
            (if (i32.load8_u (i32.const 256)) (then
                (i32.store8 (i32.const 604) (i32.const 2))
                (i32.store16 (i32.const 608)
                    (i32.add (i32.const 200) (i32.load8_u (i32.const 257))))
                (return (i32.const 600))))
            (i32.const {OK}))"#
    );
    match slot(&plugin(imports, &code)).call(exchange(), &OnRequest).1 {
        Ok(HeadVerdict::Next) => Ok(()),
        Ok(HeadVerdict::Respond(reply)) => Err(reply.status.as_u16() - 200),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bad_edit_is_refused_with_its_reason() {
    let set = [("request-edit", "set-header", "(param i32 i32 i32 i32 i32)")];
    let call = |name: usize| {
        let end = 128 + name;
        format!(
            "(call $set-header (i32.const 128) (i32.const {name}) (i32.const {end}) \
             (i32.const 1) (i32.const 256))"
        )
    };
    assert_eq!(verdict_of(&set, "x-ay", &call(3)), Ok(()));
    assert_eq!(verdict_of(&set, "x ay", &call(3)), Err(0));
    assert_eq!(verdict_of(&set, "x-a\\0a", &call(3)), Err(0));
    assert_eq!(verdict_of(&set, "te1", &call(2)), Err(1));
    let choose = [("routing", "choose", "(param i32 i32 i32)")];
    let call = "(call $choose (i32.const 128) (i32.const 3) (i32.const 256))";
    assert_eq!(verdict_of(&choose, "two", call), Ok(()));
    assert_eq!(verdict_of(&choose, "six", call), Err(2));
    let status = [("response-edit", "set-status", "(param i32 i32)")];
    let call = "(call $set-status (i32.const 404) (i32.const 256))";
    assert_eq!(verdict_of(&status, "", call), Err(3));
}

#[test]
fn a_caller_is_a_consumer_of_the_configuration() {
    let identify = [(
        "identity-edit",
        "identify",
        "(param i32 i32 i32 i32 i32 i32)",
    )];
    let call = "(call $identify (i32.const 128) (i32.const 5) \
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))";
    assert_eq!(verdict_of(&identify, "alice", call), Ok(()));
    assert_eq!(verdict_of(&identify, "mallo", call), Err(2));
}

#[test]
fn a_plugin_keeps_values_between_its_hooks() {
    // `on-request` keeps `v` under `k`; `on-log` traps unless it is there.
    let imports = [
        ("context", "set", "(param i32 i32 i32 i32 i32)"),
        ("context", "get", "(param i32 i32 i32)"),
    ];
    let code = format!(
        r#"(data (i32.const 128) "kv")
        (func $on-request (result i32)
            (call $set (i32.const 128) (i32.const 1) (i32.const 129) (i32.const 1)
                (i32.const 256))
            (i32.const {OK}))
        (func $on-log (param i32 i32 i32 i32 i32 i64 i64 i64)
            (call $get (i32.const 128) (i32.const 1) (i32.const 256))
            (if (i32.ne (i32.load8_u (i32.load (i32.const 260))) (i32.const 118))
                (then unreachable))
            (if (i32.ne (local.get 1) (i32.const 204)) (then unreachable)))"#
    );
    let slot = slot(&plugin(&imports, &code));
    assert!(slot.binding().hooks().contains(Hook::OnLog));
    let summary = Summary {
        outcome: Outcome::Proxied,
        status: 204,
        upstream: Some("one".into()),
        duration: std::time::Duration::from_micros(7),
        request_bytes: 1,
        response_bytes: 2,
    };
    let (mut exchange, result) = slot.call(exchange(), &OnRequest);
    assert!(result.is_ok(), "{result:?}");
    exchange.phase = Phase::Log;
    let (exchange, result) = slot.call(exchange, &OnLog(&summary));
    assert_eq!(result, Ok(()));
    assert_eq!(exchange.note("test", "k"), Some(&b"v"[..]));
    assert_eq!(exchange.note("other", "k"), None);
}

#[test]
fn a_response_can_be_edited_when_it_is_there() {
    let imports = [
        ("response", "status", "(result i32)"),
        ("response-edit", "set-status", "(param i32 i32)"),
    ];
    let code = format!(
        "(func $on-response (result i32)
            (call $set-status (i32.add (call $status) (i32.const 1)) (i32.const 256))
            (i32.const {OK}))"
    );
    let mut exchange = exchange();
    exchange.phase = Phase::Response;
    exchange.response.status = StatusCode::OK;
    exchange
        .response
        .headers
        .insert(HeaderName::from_static("a"), HeaderValue::from_static("b"));
    let (exchange, result) = slot(&plugin(&imports, &code)).call(exchange, &OnResponse);
    assert!(matches!(result, Ok(HeadVerdict::Next)), "{result:?}");
    assert_eq!(exchange.response.status, StatusCode::CREATED);
}

#[test]
fn there_is_no_exchange_in_configure() {
    let code = format!(
        "(func $configure (param i32 i32) (result i32) (call $method (i32.const 256)) \
            (i32.const {OK}))
         (func $on-request (result i32) (i32.const {OK}))"
    );
    let slot = slot(&plugin(&[("request", "method", "(param i32)")], &code));
    let (_, result) = slot.call(exchange(), &OnRequest);
    let Err(Failure::Unavailable(why)) = result else {
        panic!("{result:?}")
    };
    assert!(why.contains("no exchange"), "{why}");
}

#[test]
fn time_and_randomness_are_given() {
    let imports = [
        ("clock", "unix-ms", "(result i64)"),
        ("clock", "monotonic-ns", "(result i64)"),
        ("random", "next-u64", "(result i64)"),
        ("random", "bytes", "(param i32 i32)"),
    ];
    let code = "
        (if (i64.lt_u (call $unix-ms) (i64.const 1000000000000)) (then unreachable))
        (drop (call $monotonic-ns))
        (if (i64.eq (call $next-u64) (call $next-u64)) (then unreachable))
        (call $bytes (i32.const 16) (i32.const 256))
        (if (i32.ne (i32.load (i32.const 260)) (i32.const 16)) (then unreachable))";
    let (_, result) = slot(&on_request(&imports, code)).call(exchange(), &OnRequest);
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn what_edits_replace_is_bounded_and_comes_back() {
    let mut exchange = exchange();
    let (plugin, value) = ("test".into(), vec![7; 60 << 10]);
    exchange.begin_edits();
    let kept = (0..4096).take_while(|_| exchange.set_note(&plugin, "k", &value).is_ok());
    let kept = kept.count();
    assert!((16..20).contains(&kept), "{kept}: about a MiB");
    assert_eq!(exchange.set_method("PUT"), Err(Rejected::Refused));
    exchange.keep_edits();
    assert_eq!(
        exchange.set_method("PUT"),
        Ok(()),
        "the next hook has its own"
    );
    exchange.undo_edits();
    assert_eq!(exchange.request.method, "GET");
    assert!(
        exchange.note("test", "k").is_some(),
        "the first hook succeeded"
    );
}

#[test]
fn a_hook_that_succeeded_cannot_be_undone() {
    let (mut exchange, result) = slot(&on_request(
        &[("request-edit", "set-method", "(param i32 i32 i32)")],
        "(i32.store (i32.const 600) (i32.const 0x00545550))
         (call $set-method (i32.const 600) (i32.const 3) (i32.const 256))",
    ))
    .call(exchange(), &OnRequest);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(exchange.edits(), 0);
    exchange.undo_edits();
    assert_eq!(exchange.request.method, "PUT");
}

#[test]
fn a_caller_is_bounded() {
    let long = "x".repeat(257);
    let none = || (Vec::new(), Vec::new());
    let set = |id: &str, (groups, attributes), credential| {
        exchange().set_caller(id, groups, attributes, credential)
    };
    assert_eq!(set("a", none(), Some("b")), Ok(()));
    assert_eq!(set("", none(), None), Err(Rejected::Invalid));
    let refused = Err(Rejected::Refused);
    assert_eq!(set(&long, none(), None), refused);
    assert_eq!(set("a", none(), Some(&long)), refused);
    let group = "g".repeat(40 << 10);
    assert_eq!(set("a", (vec![group.clone()], Vec::new()), None), Ok(()));
    let both = (vec![group.clone()], vec![("k".to_owned(), group)]);
    assert_eq!(set("a", both, None), refused);
    let empty = (vec![String::new(); 1025], Vec::new());
    assert_eq!(set("a", empty, None), refused);
    assert_eq!(exchange().identify("alice", Some(&long)), refused);
}

#[test]
fn a_plugin_that_keeps_much_takes_no_place_from_another() {
    let mut exchange = exchange();
    let (greedy, modest) = (Name::from("greedy"), Name::from("modest"));
    exchange.begin_edits();
    let kept = (0..100).filter(|n| exchange.set_note(&greedy, &n.to_string(), b"v").is_ok());
    assert_eq!(kept.count(), 16);
    assert_eq!(
        exchange.set_note(&greedy, "0", b"w"),
        Ok(()),
        "one for another"
    );
    assert_eq!(exchange.set_note(&modest, "k", b"v"), Ok(()));
    let tagged = (0..100).filter(|_| exchange.tag(&greedy, "k", "v").is_ok());
    assert_eq!(tagged.count(), 16);
    assert_eq!(exchange.tag(&modest, "k", "v"), Ok(()));
    assert_eq!(exchange.tags.len(), 17);
    exchange.undo_edits();
    assert!(exchange.tags.is_empty());
    assert_eq!(exchange.note("greedy", "0"), None);
    assert_eq!(
        exchange.tag(&greedy, "k", "v"),
        Ok(()),
        "its places are free again"
    );
}
