//! What plugins reach besides the exchange, and what they do not.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::super::testing::{
    OK, binding, bound, configured, consumers, exchange, on_request, plugin, plugin_with, runtime,
    slot,
};
use super::super::{Failure, Hook, OnRequest, Slot};
use crate::capability::CustomMetrics;

/// What was logged while it was the subscriber's writer.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that one call of `on-request` logs.
fn logged(bytes: &[u8]) -> String {
    // Where nobody listens while another test meets a line first, it counts as unwanted for ever.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let (_, result) = slot(bytes).call(exchange(), &OnRequest);
        assert!(result.is_ok(), "{result:?}");
    });
    let text = written.0.lock().unwrap().clone();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_line_names_its_plugin() {
    // Level 3 is warn; one field, `k=v`, at 600.
    let imports = [("log", "write", "(param i32 i32 i32 i32 i32)")];
    let code = format!(
        r#"(data (i32.const 128) "a\nbkv")
        (func $on-request (result i32)
            (i32.store (i32.const 600) (i32.const 131))
            (i32.store (i32.const 604) (i32.const 1))
            (i32.store (i32.const 608) (i32.const 132))
            (i32.store (i32.const 612) (i32.const 1))
            (call $write (i32.const 3) (i32.const 128) (i32.const 3)
                (i32.const 600) (i32.const 1))
            (i32.const {OK}))"#
    );
    let text = logged(&plugin(&imports, &code));
    assert!(
        text.contains("WARN plugin: a\\nb plugin=\"test\" fields=\"k=v\""),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn metrics_are_registered_in_configure_and_counted_in_hooks() {
    let imports = [
        ("metrics", "counter", "(param i32 i32 i32 i32 i32)"),
        ("metrics", "add", "(param i32 i64 i32 i32)"),
    ];
    // Traps in the hook unless registering there is too late (2).
    let code = format!(
        r#"(data (i32.const 128) "hits")
        (func $register
            (call $counter (i32.const 128) (i32.const 4) (i32.const 0) (i32.const 0)
                (i32.const 256)))
        (func $configure (param i32 i32) (result i32) (call $register) (i32.const {OK}))
        (func $on-request (result i32)
            (call $add (i32.const 0) (i64.const 3) (i32.const 0) (i32.const 0))
            (call $add (i32.const 9) (i64.const 3) (i32.const 0) (i32.const 0))
            (call $register)
            (if (i32.ne (i32.load8_u (i32.const 260)) (i32.const 2)) (then unreachable))
            (i32.const {OK}))"#
    );
    let (runtime, metrics) = (runtime(), CustomMetrics::default());
    let artifact = runtime.load(&plugin(&imports, &code)).unwrap();
    let plugin = Arc::new(configured());
    let binding = bound(artifact, &plugin, &consumers(), &runtime, &metrics).unwrap();
    let binding = Arc::new(binding);
    let workers = [0, 1].map(|_| Slot::new(binding.clone(), None));
    for slot in &workers {
        let (_, result) = slot.call(exchange(), &OnRequest);
        assert!(result.is_ok(), "{result:?}");
    }
    binding.publish();
    let mut text = String::new();
    metrics.render(&mut text);
    assert!(
        text.contains("sluice_plugin_custom_hits{plugin=\"test\"} 6\n"),
        "{text}"
    );
}

#[test]
fn consumers_reach_whom_they_were_granted() {
    // Traps unless there is a consumer `alice`.
    let bytes = on_request(
        &[("consumers", "groups", "(param i32 i32 i32)")],
        r#"(i32.store (i32.const 600) (i32.const 0x63696c61))
           (i32.store8 (i32.const 604) (i32.const 0x65))
           (call $groups (i32.const 600) (i32.const 5) (i32.const 256))
           (if (i32.eqz (i32.load8_u (i32.const 256))) (then unreachable))"#,
    );
    let runtime = runtime();
    let artifact = runtime.load(&bytes).unwrap();
    let mut plugin = configured();
    plugin.grants.consumers = true;
    let metrics = CustomMetrics::default();
    let binding = bound(
        artifact,
        &Arc::new(plugin),
        &consumers(),
        &runtime,
        &metrics,
    );
    let slot = Slot::new(Arc::new(binding.unwrap()), None);
    assert!(slot.call(exchange(), &OnRequest).1.is_ok());
}

const WASI: &str = "
    package wasi:io@0.2.3 {
        interface error { resource error; }
        interface poll { resource pollable { block: func(); } }
        interface streams {
            use error.{error};
            variant stream-error { last-operation-failed(error), closed }
            resource output-stream {
                blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
            }
        }
    }
    package wasi:cli@0.2.3 {
        interface environment { get-environment: func() -> list<tuple<string, string>>; }
        interface stdout {
            use wasi:io/streams@0.2.3.{output-stream};
            get-stdout: func() -> output-stream;
        }
    }
    package wasi:clocks@0.2.3 {
        interface monotonic-clock {
            use wasi:io/poll@0.2.3.{pollable};
            subscribe-duration: func(when: u64) -> pollable;
        }
    }
    package wasi:filesystem@0.2.3 {
        interface types { resource descriptor { sync: func(); } }
        interface preopens {
            use types.{descriptor};
            get-directories: func() -> list<tuple<descriptor, string>>;
        }
    }
    package wasi:random@0.2.3 { interface random { get-random-u64: func() -> u64; } }";

fn wasi(imports: &[(&str, &str, &str)], code: &str) -> Vec<u8> {
    let hook = format!(
        r#"(data (i32.const 128) "one\ntwo\nthr")
        (func $on-request (result i32) {code} (i32.const {OK}))"#
    );
    plugin_with(WASI, imports, &hook)
}

#[test]
fn standard_output_becomes_lines_of_the_log() {
    let bytes = wasi(
        &[
            ("wasi:cli/stdout@0.2.3", "get-stdout", "(result i32)"),
            (
                "wasi:io/streams@0.2.3",
                "[method]output-stream.blocking-write-and-flush",
                "(param i32 i32 i32 i32)",
            ),
        ],
        "(call $blocking-write-and-flush (call $get-stdout) (i32.const 128) (i32.const 11)
            (i32.const 256))
         (if (i32.load8_u (i32.const 256)) (then unreachable))",
    );
    let text = logged(&bytes);
    let lines: Vec<_> = text
        .lines()
        .map(|l| l.split_once(" plugin: ").unwrap().1)
        .collect();
    assert_eq!(lines, ["one plugin=\"test\"", "two plugin=\"test\""]);
}

#[test]
fn more_than_is_permitted_cannot_be_written_at_a_time() {
    let writes = |bytes: u32| {
        wasi(
            &[
                ("wasi:cli/stdout@0.2.3", "get-stdout", "(result i32)"),
                (
                    "wasi:io/streams@0.2.3",
                    "[method]output-stream.blocking-write-and-flush",
                    "(param i32 i32 i32 i32)",
                ),
            ],
            &format!(
                "(call $blocking-write-and-flush (call $get-stdout) (i32.const 128)
                    (i32.const {bytes}) (i32.const 256))"
            ),
        )
    };
    assert!(slot(&writes(4096)).call(exchange(), &OnRequest).1.is_ok());
    let (_, result) = slot(&writes(4097)).call(exchange(), &OnRequest);
    let Err(Failure::Trap(why)) = result else {
        panic!("{result:?}")
    };
    assert!(why.contains("check-write"), "{why}");
}

#[test]
fn there_is_no_environment_and_there_are_no_files() {
    let bytes = wasi(
        &[
            (
                "wasi:cli/environment@0.2.3",
                "get-environment",
                "(param i32)",
            ),
            (
                "wasi:filesystem/preopens@0.2.3",
                "get-directories",
                "(param i32)",
            ),
            (
                "wasi:filesystem/types@0.2.3",
                "[method]descriptor.sync",
                "(param i32)",
            ),
            ("wasi:random/random@0.2.3", "get-random-u64", "(result i64)"),
        ],
        "(call $get-environment (i32.const 256))
         (if (i32.load (i32.const 260)) (then unreachable))
         (call $get-directories (i32.const 256))
         (if (i32.load (i32.const 260)) (then unreachable))
         (if (i64.eq (call $get-random-u64) (call $get-random-u64)) (then unreachable))",
    );
    let (_, result) = slot(&bytes).call(exchange(), &OnRequest);
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn a_plugin_cannot_wait() {
    let bytes = wasi(
        &[
            (
                "wasi:clocks/monotonic-clock@0.2.3",
                "subscribe-duration",
                "(param i64) (result i32)",
            ),
            (
                "wasi:io/poll@0.2.3",
                "[method]pollable.block",
                "(param i32)",
            ),
        ],
        "(call $block (call $subscribe-duration (i64.const 1000000000)))",
    );
    let (_, result) = slot(&bytes).call(exchange(), &OnRequest);
    let Err(Failure::Trap(why)) = result else {
        panic!("{result:?}")
    };
    assert!(why.contains("tried to wait"), "{why}");
}

#[test]
fn the_request_is_kept_for_those_who_read_it_later() {
    let code = format!(
        "(func $on-log (param i32 i32 i32 i32 i32 i64 i64 i64)) \
        (func $x (call $method (i32.const 256)))
        (func $on-request (result i32) (i32.const {OK}))"
    );
    let reads = plugin(&[("request", "method", "(param i32)")], &code);
    assert!(slot(&reads).binding().uses_request_after());
    let code = code.replace("(call $method (i32.const 256))", "");
    assert!(!slot(&plugin(&[], &code)).binding().uses_request_after());
}

#[test]
fn a_hook_that_is_not_needed_is_not_one_of_the_hooks() {
    let imports = [
        ("hook-choice", "skip", "(param i32)"),
        ("request", "method", "(param i32)"),
    ];
    // The third hook is `on-response`.
    let code = format!(
        "(func $configure (param i32 i32) (result i32) (call $skip (i32.const 2)) (i32.const {OK}))
        (func $on-response (result i32) unreachable)
        (func $x (call $method (i32.const 256)))
        (func $on-request (result i32) (call $skip (i32.const 0)) (i32.const {OK}))"
    );
    let slot = slot(&plugin(&imports, &code));
    assert!(slot.call(exchange(), &OnRequest).1.is_ok());
    let hooks: Vec<_> = slot.binding().hooks().iter().collect();
    assert_eq!(hooks, [Hook::OnRequest], "only `configure` may say so");
    assert!(!slot.binding().uses_request_after());
}

#[test]
fn bindings_that_are_gone_leave_nothing_behind() {
    let runtime = runtime();
    let artifact = runtime.load(&on_request(&[], "")).unwrap();
    let before = Arc::strong_count(&artifact);
    for _ in 0..100 {
        let slot = Slot::new(binding(&runtime, &artifact), None);
        assert!(slot.call(exchange(), &OnRequest).1.is_ok());
    }
    assert_eq!(Arc::strong_count(&artifact), before);
}
