//! Several edits in one call.

use super::super::testing::{OK, exchange, plugin, slot};
use super::super::{HeadVerdict, OnRequest, OnResponse};
use crate::exchange::Phase;

/// `apply` with a list of edits: the case, the name, and the value of those that have one.
/// Answers with 200 + 10 × the place of a refused edit + its case.
fn applying(side: &str, edits: &[(u8, &str, Option<&str>)]) -> Vec<u8> {
    let (mut text, mut list) = (String::new(), String::new());
    let mut put = |part: &str| {
        let at = 1024 + text.len();
        text.push_str(part);
        [at, part.len()].map(|n| u32::try_from(n).unwrap().to_le_bytes())
    };
    for (case, name, value) in edits {
        let words = [put(name), value.map(&mut put).unwrap_or_default()];
        let bytes = [*case, 0, 0, 0].into_iter();
        let bytes = bytes.chain(words.into_iter().flatten().flatten());
        list.extend(bytes.map(|byte| format!("\\{byte:02x}")));
    }
    let hook = if side == "response" {
        "on-response"
    } else {
        "on-request"
    };
    let code = format!(
        r#"(data (i32.const 1024) "{text}") (data (i32.const 16384) "{list}")
        (func ${hook} (result i32)
            (call $apply (i32.const 16384) (i32.const {}) (i32.const 256))
            (if (i32.load8_u (i32.const 256)) (then
                (i32.store8 (i32.const 604) (i32.const 2))
                (i32.store16 (i32.const 608) (i32.add
                    (i32.add (i32.const 200) (i32.load8_u (i32.const 264)))
                    (i32.mul (i32.const 10) (i32.load (i32.const 260)))))
                (return (i32.const 600))))
            (i32.const {OK}))"#,
        edits.len(),
    );
    let interface = format!("{side}-edit");
    plugin(&[(&interface, "apply", "(param i32 i32 i32)")], &code)
}

const SET: u8 = 0;
const ADD: u8 = 1;
const APPEND: u8 = 2;
const REMOVE: u8 = 3;
const HIDE: u8 = 4;

#[test]
fn several_edits_are_made_in_their_order() {
    let edits = [
        (SET, "x-new", Some("1")),
        (ADD, "x-new", Some("2")),
        (ADD, "x-other", Some("3")),
        (APPEND, "x-key", Some("4")),
        (REMOVE, "x-raw", None),
        (REMOVE, "x-none", None),
        (HIDE, "y", None),
        (HIDE, "X", None),
        (HIDE, "x", None),
    ];
    let (exchange, result) = slot(&applying("request", &edits)).call(exchange(), &OnRequest);
    assert!(matches!(result, Ok(HeadVerdict::Next)), "{result:?}");
    let request = &exchange.request;
    let values = |name: &str| -> Vec<&str> {
        let lines = request.headers.get_all(name);
        lines.map(|v| v.to_str().unwrap()).collect()
    };
    assert_eq!(values("x-new"), ["1"]);
    assert_eq!(values("x-other"), ["3"]);
    assert_eq!(values("x-key"), ["secret", "4"]);
    assert!(!request.headers.contains_key("x-raw"));
    assert_eq!(request.target, "/orders");
}

#[test]
fn there_is_a_largest_number_of_edits() {
    let mut edits = vec![(SET, "x-new", Some("1"))];
    edits.resize(256, (REMOVE, "y", None));
    let apply = |edits: &[_]| slot(&applying("request", edits)).call(exchange(), &OnRequest);
    let (exchange, result) = apply(&edits);
    assert!(matches!(result, Ok(HeadVerdict::Next)), "{result:?}");
    assert_eq!(exchange.request.headers["x-new"], "1");
    edits.push((REMOVE, "y", None));
    let (exchange, result) = apply(&edits);
    assert!(!matches!(result, Ok(HeadVerdict::Next)), "{result:?}");
    assert!(!exchange.request.headers.contains_key("x-new"));
}

#[test]
fn of_several_edits_all_are_made_or_none() {
    let refused = |side: &str, edits: &[_]| {
        let (slot, mut before) = (slot(&applying(side, edits)), exchange());
        let (after, result) = match side {
            "response" => {
                before.phase = Phase::Response;
                slot.call(before, &OnResponse)
            }
            _ => slot.call(before, &OnRequest),
        };
        assert_eq!(after.request.headers, exchange().request.headers);
        assert_eq!(after.request.target, exchange().request.target);
        assert!(after.response.headers.is_empty());
        match result {
            Ok(HeadVerdict::Respond(reply)) => reply.status.as_u16() - 200,
            other => panic!("{other:?}"),
        }
    };
    let first = [(REMOVE, "x-key", None), (HIDE, "x", None)];
    let with = |last| [&first[..], &[last]].concat();
    assert_eq!(refused("request", &with((SET, "te", Some("1")))), 21);
    assert_eq!(refused("request", &with((APPEND, "a b", Some("1")))), 20);
    assert_eq!(refused("request", &with((ADD, "x-a", Some("\\0a")))), 20);
    assert_eq!(refused("request", &with((REMOVE, "host", None))), 21);
    let response = [(SET, "x-a", Some("1")), (HIDE, "te", None)];
    assert_eq!(refused("response", &response), 11);
    assert_eq!(refused("request", &[(SET, "host", Some("a b"))]), 0);
}
