//! Calls and secrets of the fake gateway, as the real one has them.

use std::cell::Cell;
use std::time::Duration;

use sluice_plugin::http_client::{Answer, Call, CallError, MAX_CALLS, send_all};
use sluice_plugin::prelude::*;
use sluice_plugin::testing::{Exchange, Gateway, Harness, json};

/// Calls what the header `x-call` lists, and tells what came of it.
#[derive(Config)]
struct Caller {}

#[plugin]
impl Plugin for Caller {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let targets = request.header_text("x-call").unwrap_or_default();
        let calls: Vec<_> = targets
            .split(' ')
            .map(|target| match target.strip_prefix("host@") {
                Some(target) => Call::get(target).with_header("Host", "x"),
                None => Call::post(target, "text/plain", "hello").with_timeout(Duration::ZERO),
            })
            .collect();
        let told: Vec<_> = send_all(&calls)
            .into_iter()
            .map(|answer| match answer {
                Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
                Err(error) => error.to_string(),
            })
            .collect();
        if request.has_header("x-fail") {
            return Err(Error::new("on purpose"));
        }
        Ok(Verdict::respond(Reply::text(200, told.join("\n"))))
    }
}

fn caller() -> Harness<Caller> {
    let count = Cell::new(0);
    Gateway::new()
        .with_upstream("echo", |call| {
            let body = [call.target.as_bytes(), b" ", &call.body].concat();
            Ok(Answer::json(200, body))
        })
        .with_upstream("count", move |_| {
            count.set(count.get() + 1);
            Ok(Answer::json(200, count.get().to_string()))
        })
        .with_upstream("slow", |_| Err(CallError::TimedOut))
        .configure(json!({}))
        .unwrap()
}

fn told(plugin: &Harness<Caller>, targets: &str) -> Vec<String> {
    let mut exchange = Exchange::get("/").with_header("x-call", targets);
    let reply = plugin.request(&mut exchange).unwrap().unwrap();
    let text = String::from_utf8(reply.body).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn answers_come_in_the_order_of_the_calls() {
    let plugin = caller();
    assert_eq!(
        told(&plugin, "count:/a slow:/b echo:/c?d=e count:/"),
        ["1", "no answer in time", "echo:/c?d=e hello", "2"]
    );
    let calls = plugin.calls();
    let targets: Vec<_> = calls.iter().map(|call| call.target.as_str()).collect();
    assert_eq!(targets, ["count:/a", "slow:/b", "echo:/c?d=e", "count:/"]);
    assert_eq!(calls[0].method, "POST");
    assert_eq!(calls[0].header("Content-Type"), Some(&b"text/plain"[..]));
    // A time-out of 0 would mean the default.
    assert_eq!(calls[0].timeout, Some(Duration::from_millis(1)));
}

#[test]
fn what_the_gateway_would_not_send_does_not_arrive() {
    let plugin = caller();
    assert_eq!(
        told(&plugin, "other:/ echo echo:x host@echo:/ echo:/"),
        [
            "no such upstream, or no grant for this call",
            "not a valid call: the target is not UPSTREAM:/path",
            "not a valid call: the path",
            "not a valid call: header Host",
            "echo:/ hello",
        ]
    );
    assert_eq!(plugin.calls().len(), 1);
}

#[test]
fn an_origin_is_called_by_its_name() {
    let echo = |call: &Call| {
        let mut answer = Answer::new(200);
        answer.body = call.target.clone().into_bytes();
        Ok(answer)
    };
    let gateway = Gateway::new().with_upstream("https://a.example:8443", echo);
    let plugin = gateway.configure::<Caller>(json!({})).unwrap();
    assert_eq!(
        told(
            &plugin,
            "https://a.example:8443/x?y https://a.example:8443 https://a.example/x"
        ),
        [
            "https://a.example:8443/x?y",
            "https://a.example:8443",
            "no such upstream, or no grant for this call",
        ]
    );
}

#[test]
fn too_many_calls_at_once_are_all_refused() {
    let plugin = caller();
    let targets = vec!["count:/"; MAX_CALLS + 1].join(" ");
    let told = told(&plugin, &targets);
    assert_eq!(told.len(), MAX_CALLS + 1);
    assert!(told.iter().all(|t| t.contains("at most 16")), "{told:?}");
    assert_eq!(plugin.calls().len(), 0);
}

/// Would know before it serves.
struct Eager(Result<Answer, CallError>);

#[plugin]
impl Plugin for Eager {
    type Config = Caller;

    fn configure(_: Caller) -> Result<Self, Problems> {
        Ok(Self(Call::get("echo:/").send()))
    }

    fn on_request(&self, _: &mut Request) -> Result<Verdict, Error> {
        Ok(Verdict::Next)
    }
}

#[test]
fn there_are_no_calls_in_configure() {
    let gateway = Gateway::new().with_upstream("echo", |_| Ok(Answer::new(200)));
    let plugin = gateway.configure::<Eager>(json!({})).unwrap();
    let error = plugin.plugin().0.clone().unwrap_err();
    assert!(error.to_string().contains("not in `configure`"), "{error}");
    assert!(plugin.calls().is_empty());
}

#[test]
fn a_call_was_made_even_if_the_hook_fails() {
    let plugin = caller();
    let mut exchange = Exchange::get("/")
        .with_header("x-call", "count:/")
        .with_header("x-fail", "1");
    plugin.on_request(&mut exchange).unwrap_err();
    assert_eq!(plugin.calls().len(), 1);
    assert_eq!(told(&plugin, "count:/"), ["2"]);
}
