//! Hooks that wait for a store: what becomes of the exchange, the time and the instances.

use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::super::testing::{bound_with, configured, consumers, exchange, on_request, runtime};
use super::super::{Failure, HeadVerdict, OnRequest, Outcalls, Slot};
use crate::capability::{CustomMetrics, OpenStore, Stores};
use crate::config::model::{Plugin, StoreKind};
use crate::exchange::Exchange;
use crate::store::{MemoryConfig, RedisConfig, Store};

const IMPORTS: [(&str, &str, &str); 2] = [
    ("kv", "get", "(param i32 i32 i32 i32 i32)"),
    ("request-edit", "set-header", "(param i32 i32 i32 i32 i32)"),
];

/// `x-a: x-a`, then the value of the key `slow` in the store `slow`.
const SET_AND_GET: &str = r#"
    (i32.store (i32.const 600) (i32.const 0x00612d78))
    (call $set-header (i32.const 600) (i32.const 3) (i32.const 600) (i32.const 3) (i32.const 640))
    (i32.store (i32.const 608) (i32.const 0x776f6c73))
    (call $get (i32.const 608) (i32.const 4) (i32.const 608) (i32.const 4) (i32.const 640))"#;

/// A server that takes connections and never answers.
struct Silent(TcpListener);

impl Silent {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// A slot whose plugin waits for this server.
    fn slot(&self, code: &str, change: impl FnOnce(&mut Plugin)) -> Slot {
        let config = RedisConfig {
            address: self.0.local_addr().unwrap().to_string(),
            timeout_ms: 50_000,
            ..RedisConfig::default()
        };
        let store = Store::redis(config).unwrap();
        let open = |store| {
            let kind = StoreKind::Memory(crate::config::model::MemoryStore::default());
            Arc::new(OpenStore { kind, store })
        };
        let memory = Store::memory(MemoryConfig::default());
        let stores: Stores = [("slow".into(), open(store)), ("near".into(), open(memory))].into();
        let mut plugin = configured();
        plugin.grants.kv = vec!["slow".into(), "near".into()];
        change(&mut plugin);
        let runtime = runtime();
        let artifact = runtime.load(&on_request(&IMPORTS, code)).unwrap();
        let (plugin, metrics) = (Arc::new(plugin), CustomMetrics::default());
        let binding = bound_with(&stores, artifact, &plugin, &consumers(), &runtime, &metrics);
        Slot::new(Arc::new(binding.unwrap()), None)
    }
}

async fn call(slot: &Slot, home: &mut Option<Box<Exchange>>) -> Result<HeadVerdict, Failure> {
    slot.wait(home, &OnRequest, Outcalls::new().0).await
}

/// Begins a call, and gives it up while it waits.
fn give_up(slot: &Slot, home: &mut Option<Box<Exchange>>) {
    let mut waiting = pin!(call(slot, home));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_the_exchange_as_it_was() {
    let server = Silent::new();
    let slot = server.slot(SET_AND_GET, |_| {});
    assert!(slot.waits());
    let mut home = Some(exchange());
    give_up(&slot, &mut home);
    let exchange = home.expect("the exchange is back");
    assert!(!exchange.request.headers.contains_key("x-a"));
    assert_eq!(slot.memory_bytes(), 0, "its instance is gone");
}

#[tokio::test]
async fn a_wait_has_an_end_of_its_own() {
    let server = Silent::new();
    let slot = server.slot(SET_AND_GET, |plugin| {
        plugin.limits.wait = Duration::from_millis(5);
    });
    let mut home = Some(exchange());
    assert_eq!(call(&slot, &mut home).await.unwrap_err(), Failure::Waited);
    assert!(!home.unwrap().request.headers.contains_key("x-a"));
}

#[tokio::test]
async fn more_calls_than_instances_wait_for_their_turn() {
    let server = Silent::new();
    let slot = server.slot(SET_AND_GET, |plugin| plugin.limits.instances = 1);
    let (mut one, mut two) = (Some(exchange()), Some(exchange()));
    let mut context = Context::from_waker(Waker::noop());
    let mut second = Box::pin(call(&slot, &mut two));
    {
        let mut first = pin!(call(&slot, &mut one));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
    }
    assert!(one.is_some(), "the first was given up");
    // The place is free: the second call begins, and waits for the server.
    assert!(matches!(second.as_mut().poll(&mut context), Poll::Pending));
    drop(second);
    assert!(two.is_some());
}

#[tokio::test]
async fn a_loop_of_waits_does_not_escape_the_deadline() {
    let server = Silent::new();
    // Computes for ever, with a refused call now and then: `?low` is no store.
    let code = r#"
        (i32.store (i32.const 608) (i32.const 0x776f6c3f))
        (loop $again
            (call $get (i32.const 608) (i32.const 4) (i32.const 608) (i32.const 4) (i32.const 640))
            (br $again))"#;
    let slot = server.slot(code, |_| {});
    let mut home = Some(exchange());
    assert_eq!(call(&slot, &mut home).await.unwrap_err(), Failure::Deadline);
    assert!(home.is_some());
}

#[tokio::test]
async fn what_is_there_at_once_is_no_wait() {
    let server = Silent::new();
    // Asks the store `near`, which is memory, for ever.
    let code = r#"
        (i32.store (i32.const 608) (i32.const 0x7261656e))
        (loop $again
            (call $get (i32.const 608) (i32.const 4) (i32.const 608) (i32.const 4) (i32.const 640))
            (br $again))"#;
    let slot = server.slot(code, |_| {});
    let mut home = Some(exchange());
    assert_eq!(call(&slot, &mut home).await.unwrap_err(), Failure::Deadline);
    assert!(home.is_some());
}

#[tokio::test]
async fn a_plugin_that_waits_is_asked_again_and_again_on_one_instance() {
    let server = Silent::new();
    let slot = server.slot("", |_| {});
    for _ in 0..100 {
        let mut home = Some(exchange());
        assert!(call(&slot, &mut home).await.is_ok());
        assert!(home.is_some());
    }
    // Two pages, and a small table.
    let bytes = slot.memory_bytes();
    assert!((2 << 16..3 << 16).contains(&bytes), "{bytes}: one instance");
}

#[tokio::test]
async fn whoever_leaves_the_queue_passes_the_place_on() {
    let server = Silent::new();
    let slot = server.slot(SET_AND_GET, |plugin| {
        plugin.limits.instances = 1;
        plugin.limits.wait = Duration::from_millis(50);
    });
    let mut homes = [0; 3].map(|_| Some(exchange()));
    let [one, two, three] = &mut homes;
    let mut context = Context::from_waker(Waker::noop());
    let mut first = Box::pin(call(&slot, one));
    let mut second = Box::pin(call(&slot, two));
    let mut third = Box::pin(call(&slot, three));
    for waiting in [&mut first, &mut second, &mut third] {
        assert!(waiting.as_mut().poll(&mut context).is_pending());
    }
    // The second is told that it has the place, and is gone before it looks.
    drop(first);
    drop(second);
    // `Busy` would mean that the third never had a turn.
    assert_eq!(third.await.unwrap_err(), Failure::Waited);
}
