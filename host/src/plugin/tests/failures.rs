//! What a plugin's failure costs: one call, one instance, and nothing else.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, StatusCode};

use super::super::testing::{OK, binding, exchange, on_request, plugin, runtime, slot};
use super::super::{
    BodyVerdict, Failure, HeadVerdict, OnRequest, OnRequestBody, OnResponseBody, Slot,
};

const SET: (&str, &str, &str) = ("request-edit", "set-header", "(param i32 i32 i32 i32 i32)");
const HEADER: (&str, &str, &str) = ("request", "header", "(param i32 i32 i32)");

/// Sets `x-key: stamp`, and then does `rest`.
fn stamp_and(rest: &str) -> Vec<u8> {
    let code = format!(
        r#"(data (i32.const 128) "x-keystamp")
        (func $on-request (result i32)
            (call $set-header (i32.const 128) (i32.const 5) (i32.const 133) (i32.const 5)
                (i32.const 256))
            {rest}
            (i32.const {OK}))"#
    );
    plugin(&[SET, HEADER], &code)
}

/// The failure of one call, after which the exchange is as it was.
fn fails(slot: &Slot) -> Failure {
    let (exchange, result) = slot.call(exchange(), &OnRequest);
    assert_eq!(exchange.request.headers["x-key"], "secret");
    result.unwrap_err()
}

#[test]
fn edits_of_a_call_that_succeeds_are_kept() {
    let (exchange, result) = slot(&stamp_and("")).call(exchange(), &OnRequest);
    assert!(matches!(result, Ok(HeadVerdict::Next)));
    assert_eq!(exchange.request.headers["x-key"], "stamp");
}

#[test]
fn a_trap_drops_the_edits_and_the_instance() {
    // Traps where the request has the header `stamp`, which is at 133.
    let slot = slot(&stamp_and(
        "(call $header (i32.const 133) (i32.const 5) (i32.const 256))
         (if (i32.load8_u (i32.const 256)) (then unreachable))",
    ));
    let mut bad = exchange();
    let stamp = http::HeaderValue::from_static("1");
    bad.request
        .headers
        .insert(HeaderName::from_static("stamp"), stamp);
    let (bad, result) = slot.call(bad, &OnRequest);
    assert_eq!(bad.request.headers["x-key"], "secret");
    let Err(Failure::Trap(why)) = result else {
        panic!("{result:?}")
    };
    assert!(
        why.contains("unreachable") && why.contains("on-request"),
        "{why}"
    );
    assert_eq!(slot.memory_bytes(), 0);
    let (good, result) = slot.call(exchange(), &OnRequest);
    assert!(result.is_ok(), "a fresh instance serves the next call");
    assert_eq!(good.request.headers["x-key"], "stamp");
    let bytes = slot.memory_bytes();
    assert!((2 << 16..3 << 16).contains(&bytes), "{bytes}");
}

#[test]
fn a_loop_ends_at_about_its_deadline() {
    let slot = slot(&stamp_and("(loop $for-ever (br $for-ever))"));
    let began = Instant::now();
    assert_eq!(fails(&slot), Failure::Deadline);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_call_that_is_quick_enough_is_not_ended() {
    // Some milliseconds of counting, and none of the deadline's 20.
    let slot = slot(&on_request(
        &[],
        "(local $n i32)
         (loop $more
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $n) (i32.const 3000000))))",
    ));
    assert!(slot.call(exchange(), &OnRequest).1.is_ok());
}

#[test]
fn memory_has_a_cap() {
    let slot = slot(&stamp_and(
        "(loop $more
            (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
         unreachable",
    ));
    assert_eq!(fails(&slot), Failure::Memory);
}

#[test]
fn tables_are_memory() {
    // 80,000 elements of 8 bytes, of the 100,000 that one table may have.
    let grows = |tables: &str| {
        let code = format!(
            "(table $a 0 funcref) (table $b 0 funcref)
             (func $on-request (result i32) {tables} (i32.const {OK}))"
        );
        slot(&plugin(&[], &code))
    };
    let one = "(if (i32.eq (table.grow $a (ref.null func) (i32.const 80000)) (i32.const -1))
        (then unreachable))";
    assert!(grows(one).call(exchange(), &OnRequest).1.is_ok());
    let both = format!("{one} {}", one.replace("$a", "$b"));
    let (_, result) = grows(&both).call(exchange(), &OnRequest);
    assert_eq!(result.unwrap_err(), Failure::Memory);
}

#[test]
fn a_plugin_that_lives_with_less_memory_goes_on() {
    let slot = slot(&stamp_and("(drop (memory.grow (i32.const 10000)))"));
    assert!(slot.call(exchange(), &OnRequest).1.is_ok());
}

#[test]
fn an_error_of_the_plugin_keeps_the_instance() {
    // 1: the error; its message at 133 is "stamp".
    let slot = slot(&stamp_and(
        "(i32.store (i32.const 600) (i32.const 1))
         (i32.store (i32.const 604) (i32.const 133))
         (i32.store (i32.const 608) (i32.const 5))
         (return (i32.const 600))",
    ));
    assert_eq!(fails(&slot), Failure::Refused("stamp".into()));
    assert_ne!(slot.memory_bytes(), 0);
}

/// Responds with this status, one header (name and value at 128) and a body at 0.
fn responds(status: u16, name: &str, value: &str, body: u32) -> Vec<u8> {
    let (end, name_len) = (128 + name.len(), name.len());
    let value_len = value.replace('\\', "").len() - if value.contains('\\') { 1 } else { 0 };
    plugin(
        &[],
        &format!(
            r#"(data (i32.const 128) "{name}{value}")
            (func $on-request (result i32)
                (i32.store8 (i32.const 604) (i32.const 2))
                (i32.store16 (i32.const 608) (i32.const {status}))
                (i32.store (i32.const 612) (i32.const 700))
                (i32.store (i32.const 616) (i32.const 1))
                (i32.store (i32.const 620) (i32.const 0))
                (i32.store (i32.const 624) (i32.const {body}))
                (i32.store (i32.const 700) (i32.const 128))
                (i32.store (i32.const 704) (i32.const {name_len}))
                (i32.store (i32.const 708) (i32.const {end}))
                (i32.store (i32.const 712) (i32.const {value_len}))
                (if (i32.gt_u (i32.const {body}) (i32.const 65536))
                    (then (drop (memory.grow (i32.const 8)))))
                (i32.const 600))"#
        ),
    )
}

#[test]
fn a_reply_arrives_whole() {
    let (_, result) = slot(&responds(418, "x-who", "te\\ffa", 20)).call(exchange(), &OnRequest);
    let Ok(HeadVerdict::Respond(reply)) = result else {
        panic!("{result:?}")
    };
    assert_eq!(reply.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(reply.headers["x-who"].as_bytes(), b"te\xffa");
    assert_eq!(reply.body.len(), 20);
}

#[test]
fn a_reply_that_cannot_be_sent_is_a_failure() {
    for (status, name, value) in [
        (101, "a", "b"),
        (600, "a", "b"),
        (200, "a b", "c"),
        (200, "", "c"),
        (200, "a", "\\0a"),
        (200, "content-length", "1"),
        (200, "connection", "close"),
    ] {
        let slot = slot(&responds(status, name, value, 0));
        let failure = fails(&slot);
        assert!(matches!(failure, Failure::InvalidReply(_)), "{failure:?}");
        assert_ne!(slot.memory_bytes(), 0, "the instance is not to blame");
    }
}

#[test]
fn a_reply_has_a_largest_size() {
    let slot = slot(&responds(200, "a", "b", 70_000));
    assert_eq!(fails(&slot), Failure::TooLarge);
    assert_eq!(slot.memory_bytes(), 0, "the engine did not end its call");
    assert_eq!(fails(&slot), Failure::TooLarge, "another one is called");
}

#[test]
fn one_host_call_takes_a_bounded_amount() {
    let slot = slot(&stamp_and(
        "(drop (memory.grow (i32.const 8)))
         (call $set-header (i32.const 128) (i32.const 5) (i32.const 0) (i32.const 70000)
            (i32.const 256))",
    ));
    let Failure::Trap(why) = fails(&slot) else {
        panic!("not a trap")
    };
    assert!(why.contains("limits.host_call_bytes"), "{why}");
}

#[test]
fn an_address_outside_of_memory_is_a_trap() {
    let slot = slot(&stamp_and(
        "(call $set-header (i32.const 128) (i32.const 5) (i32.const -4) (i32.const 9)
            (i32.const 256))",
    ));
    assert!(matches!(fails(&slot), Failure::Trap(_)));
}

#[test]
fn a_body_that_the_route_lets_in_may_come_back() {
    // Replaces the body by the same bytes: 1 MiB is more than host_call_bytes.
    let echo = plugin(
        &[],
        "(func $on-request-body (param $at i32) (param $len i32) (result i32)
            (i32.store (i32.const 604) (i32.const 1))
            (i32.store (i32.const 608) (local.get $at))
            (i32.store (i32.const 612) (local.get $len))
            (i32.const 600))
         (func $on-response-body (param i32 i32) (result i32) (i32.const 512))
         (func $grow (memory.grow (i32.const 10)) drop)
         (start $grow)",
    );
    let slot = slot(&echo);
    let body = Bytes::from(vec![7; 500_000]);
    let (exchange, result) = slot.call(exchange(), &OnRequestBody(&body));
    let Ok(BodyVerdict::Replace(same)) = result else {
        panic!("{result:?}")
    };
    assert_eq!(same, body);
    let (_, result) = slot.call(exchange, &OnResponseBody(&Bytes::from_static(b"x")));
    assert!(matches!(result, Ok(BodyVerdict::Keep)));
}

#[test]
fn errors_of_the_plugin_do_not_trip_the_slot() {
    let slot = slot(&responds(101, "a", "b", 0));
    for _ in 0..20 {
        assert!(matches!(fails(&slot), Failure::InvalidReply(_)));
    }
    assert!(!slot.tripped());
}

#[test]
fn lines_about_failures_are_bounded() {
    let slot = slot(&stamp_and("unreachable"));
    let said = (0..10_000).filter(|_| slot.binding().may_report_failure());
    let said = said.count();
    assert!((10..10_000).contains(&said), "{said}");
}

#[test]
fn five_traps_trip_the_slot() {
    let slot = slot(&stamp_and("unreachable"));
    for _ in 0..5 {
        assert!(!slot.tripped());
        assert!(matches!(fails(&slot), Failure::Trap(_)));
    }
    assert!(slot.tripped());
    assert_eq!(fails(&slot), Failure::Tripped);
}

#[test]
fn endless_recursion_is_a_trap() {
    let code = format!(
        "(func $deeper (param i64) (result i64)
            (i64.add (call $deeper (local.get 0)) (call $deeper (local.get 0))))
         (func $on-request (result i32) (drop (call $deeper (i64.const 1))) (i32.const {OK}))"
    );
    let Failure::Trap(why) = fails(&slot(&plugin(&[], &code))) else {
        panic!("not a trap")
    };
    assert!(why.contains("stack"), "{why}");
}

#[test]
fn a_failure_of_one_instance_is_nothing_to_another() {
    // Its memory counts the calls; the third one traps.
    let bytes = plugin(
        &[],
        &format!(
            "(func $on-request (result i32)
                (i32.store (i32.const 600) (i32.add (i32.load (i32.const 600)) (i32.const 1)))
                (if (i32.eq (i32.load (i32.const 600)) (i32.const 3)) (then unreachable))
                (i32.const {OK}))"
        ),
    );
    let runtime = runtime();
    let binding = binding(&runtime, &runtime.load(&bytes).unwrap());
    let (one, two) = (Slot::new(binding.clone(), None), Slot::new(binding, None));
    let ok = |slot: &Slot| slot.call(exchange(), &OnRequest).1.is_ok();
    assert!(ok(&one) && ok(&two) && ok(&one));
    assert!(!ok(&one));
    assert!(ok(&two), "it has memory of its own");
    assert!(ok(&one) && ok(&one), "it begins anew");
}

#[test]
fn an_instance_that_gathers_memory_makes_way_for_a_new_one_before_a_request_fails() {
    // A page more with each call, of the 16 that it may have.
    let slot = slot(&on_request(&[], "(drop (memory.grow (i32.const 1)))"));
    let mut most = 0;
    for _ in 0..100 {
        assert!(slot.call(exchange(), &OnRequest).1.is_ok());
        most = most.max(slot.memory_bytes());
    }
    assert_eq!(most, 14 << 16);
}

#[test]
fn an_instance_that_is_dear_to_make_may_not_wear_out_at_once() {
    // A `configure` that counts for a while, and a hook that fills the memory
    // where the request has the header `stamp`, which is at 133.
    let code = |count: u32| {
        let code = format!(
            r#"(data (i32.const 133) "stamp")
            (func $configure (param i32 i32) (result i32)
                (local $n i32)
                (loop $more
                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (br_if $more (i32.lt_u (local.get $n) (i32.const {count}))))
                (i32.const {OK}))
            (func $on-request (result i32)
                (call $header (i32.const 133) (i32.const 5) (i32.const 256))
                (if (i32.load8_u (i32.const 256))
                    (then (drop (memory.grow (i32.const 13)))))
                (i32.const {OK}))"#
        );
        plugin(&[HEADER], &code)
    };
    let fills = |slot: &Slot| {
        let mut exchange = exchange();
        let stamp = http::HeaderValue::from_static("1");
        exchange
            .request
            .headers
            .insert(HeaderName::from_static("stamp"), stamp);
        slot.call(exchange, &OnRequest).1
    };
    // Longer than the 20 ms that one call may take.
    let dear = slot(&code(200_000_000));
    for _ in 0..5 {
        assert!(fills(&dear).is_ok());
        assert_eq!(dear.memory_bytes(), 0, "it was worn");
    }
    assert_eq!(fills(&dear).unwrap_err(), Failure::Tripped);
    let cheap = slot(&code(0));
    for _ in 0..20 {
        assert!(fills(&cheap).is_ok());
    }
    assert!(!cheap.tripped());
}
