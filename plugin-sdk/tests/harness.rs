//! The fake gateway does what the real one would.

use sluice_plugin::log::Level;
use sluice_plugin::metrics::{Counter, Histogram};
use sluice_plugin::prelude::*;
use sluice_plugin::testing::{Consumer, Exchange, Gateway, Harness, json};
use sluice_plugin::{EditError, Rejected};

/// Does what the header `x-do` says.
#[derive(Config)]
struct Options {
    #[config(default = "requests")]
    counter: String,
}

struct Actor {
    requests: Counter,
    sizes: Histogram,
}

#[plugin]
impl Plugin for Actor {
    type Config = Options;

    fn configure(options: Options) -> Result<Self, Problems> {
        let bad = |_| Problems::one("/counter", "not a name of a metric");
        log::info("configured");
        Ok(Self {
            requests: Counter::register(&options.counter, &["what"]).map_err(bad)?,
            sizes: Histogram::register("sizes", &[], &[1.0, 2.0]).map_err(bad)?,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let what = request.header_text("x-do").unwrap_or_default();
        self.requests.add(1, &[&what]);
        log::write(Level::Debug, "doing", &[("what", &what)]);
        request.set_header("x-done", &what)?;
        context::set("what", &what)?;
        context::tag("what", &what)?;
        match what.as_str() {
            "fail" => Err(Error::new("on purpose")),
            "body" => Ok(Verdict::ReadBody),
            "move" => {
                request.set_method("PUT")?;
                request.set_target("/b?c")?;
                request.choose_upstream("v2")?;
                request.identify("acme", Some("acme-1"))?;
                request.append_header("x-done", "again")?;
                Ok(Verdict::Next)
            }
            "bad-reply" => Ok(Verdict::respond(Reply::new(204).with_header("te", "x"))),
            "late" => match Counter::register("late", &[]) {
                Err(metrics::MetricError::TooLate) => Ok(Verdict::Next),
                _ => Err(Error::new("it was not too late")),
            },
            _ => Ok(Verdict::Next),
        }
    }

    fn on_request_body(&self, _: &mut Request, body: Vec<u8>) -> Result<BodyVerdict, Error> {
        self.sizes.observe(body.len() as f64, &[]);
        Ok(BodyVerdict::Replace(body.to_ascii_uppercase()))
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<Verdict, Error> {
        response.set_status(203)?;
        response.set_header("x-kept", context::get("what").unwrap_or_default())?;
        response.set_header("x-path", request.path())?;
        response.remove_header("server")?;
        Ok(Verdict::Next)
    }

    fn on_log(&self, _: &Request, response: &Response, summary: &Summary) {
        log::info(format!("{} {}", response.status(), summary.duration_us));
    }
}

fn actor() -> Harness<Actor> {
    let acme = Consumer::new("acme")
        .with_group("eu")
        .with_attribute("plan", "a");
    let gateway = Gateway::new().with_consumer(acme);
    gateway.configure(json!({})).unwrap()
}

fn doing(what: &str) -> Exchange {
    Exchange::get("/a")
        .with_header("x-do", what)
        .with_upstreams(&["v1", "v2"])
}

#[test]
fn edits_of_a_hook_that_fails_are_dropped_and_its_log_is_kept() {
    let mut exchange = doing("fail");
    let error = actor().on_request(&mut exchange).unwrap_err();
    assert_eq!(error.message(), "on purpose");
    assert_eq!(exchange.request.header("x-done"), None);
    assert!(exchange.tags.is_empty() && exchange.kept.is_empty());
    assert_eq!(exchange.log[0].message, "doing");
    assert_eq!(
        exchange.log[0].fields,
        [("what".to_owned(), "fail".to_owned())]
    );
}

#[test]
fn edits_of_a_hook_that_ends_well_are_there() {
    let mut exchange = doing("move");
    assert_eq!(actor().on_request(&mut exchange).unwrap(), Verdict::Next);
    assert_eq!((&*exchange.method, &*exchange.target), ("PUT", "/b?c"));
    assert_eq!(exchange.upstream, "v2");
    assert_eq!(exchange.request.headers.get_all("x-done").iter().count(), 2);
    let caller = exchange.caller.unwrap();
    assert_eq!(
        (caller.id.as_str(), &*caller.groups),
        ("acme", &["eu".to_owned()][..])
    );
    assert_eq!(caller.attributes, [("plan".to_owned(), "a".to_owned())]);
    assert_eq!(exchange.tags, [("what".to_owned(), "move".to_owned())]);
}

#[test]
fn a_body_passes_its_own_hook() {
    let plugin = actor();
    let mut exchange = doing("body");
    exchange.request.body = b"abc".to_vec();
    assert_eq!(plugin.request(&mut exchange).unwrap(), None);
    assert_eq!(exchange.request.body, b"ABC");
    assert_eq!(plugin.observed("sizes", &[]), [3.0]);
}

#[test]
fn response_and_log_hooks_see_what_was_before_them() {
    let plugin = actor();
    let mut exchange = doing("x").answered(200, &[("server", "x")], "");
    plugin.on_request(&mut exchange).unwrap();
    assert_eq!(plugin.response(&mut exchange).unwrap(), None);
    assert_eq!(exchange.status, 203);
    assert_eq!(exchange.response.header("x-kept"), Some("x"));
    assert_eq!(exchange.response.header("x-path"), Some("/a"));
    assert_eq!(exchange.response.header("server"), None);
    let summary = Summary {
        outcome: Outcome::Proxied,
        status: 203,
        upstream: None,
        duration_us: 7,
        request_bytes: 0,
        response_bytes: 0,
    };
    plugin.on_log(&mut exchange, &summary);
    assert_eq!(exchange.log.last().unwrap().message, "203 7");
}

#[test]
fn metrics_are_registered_in_configure_and_counted_by_their_labels() {
    let plugin = actor();
    assert_eq!(plugin.log()[0].message, "configured");
    for _ in 0..2 {
        plugin.on_request(&mut doing("a")).unwrap();
    }
    plugin.on_request(&mut doing("late")).unwrap();
    assert_eq!(plugin.count("requests", &["a"]), 2);
    assert_eq!(plugin.count("requests", &["b"]), 0);
    let problems = Harness::<Actor>::configure(json!({ "counter": "not a name" }));
    let problems = problems.err().unwrap();
    assert_eq!(problems.to_string(), "/counter: not a name of a metric");
}

#[test]
fn a_reply_that_cannot_be_sent_fails_the_hook() {
    let error = actor().on_request(&mut doing("bad-reply")).unwrap_err();
    assert_eq!(
        error.message(),
        "a reply with a header that cannot be sent: te"
    );
}

/// One edit of a request, by name.
#[derive(Config)]
struct Edit {
    what: String,
}

#[plugin]
impl Plugin for Edit {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        match self.what.as_str() {
            "reserved" => request.set_header("Transfer-Encoding", "chunked")?,
            "invalid" => request.set_header("x-a", "a\nb")?,
            "name" => request.set_header("x a", "b")?,
            "host" => drop(request.remove_header("host")?),
            "upstream" => request.choose_upstream("v3")?,
            "consumer" => request.identify("nobody", None)?,
            "method" => request.set_method("CONNECT")?,
            "target" => request.set_target("no-slash")?,
            _ => request.set_caller(&Caller::default())?,
        }
        Ok(Verdict::Next)
    }
}

#[test]
fn edits_are_refused_for_the_gateways_reasons() {
    for (what, message) in [
        (
            "reserved",
            "request header Transfer-Encoding: belongs to the gateway",
        ),
        ("invalid", "request header x-a: not a valid name or value"),
        ("name", "request header x a: not a valid name or value"),
        ("host", "request header host: belongs to the gateway"),
        ("upstream", "upstream v3: not in the configuration"),
        ("consumer", "consumer nobody: not in the configuration"),
        ("method", "method CONNECT: not a valid name or value"),
        ("target", "request target: not a valid name or value"),
        ("caller", "caller: not a valid name or value"),
    ] {
        let plugin = Harness::<Edit>::configure(json!({ "what": what })).unwrap();
        let error = plugin.on_request(&mut Exchange::get("/")).unwrap_err();
        assert_eq!(error.message(), message);
    }
}

#[test]
#[should_panic(expected = "the plugin has no hook OnResponse")]
fn a_hook_that_was_not_written_is_not_called() {
    let plugin = Harness::<Edit>::configure(json!({ "what": "" })).unwrap();
    let _ = plugin.on_response(&mut Exchange::get("/"));
}

#[test]
fn a_refusal_says_what_and_why() {
    let error = EditError {
        subject: "header x-a".to_owned(),
        reason: Rejected::Refused,
    };
    assert_eq!(error.to_string(), "header x-a: too late, or too much");
}
