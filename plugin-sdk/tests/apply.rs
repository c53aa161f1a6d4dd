//! Several edits in one call, and what the gateway knows of keys.

use sluice_plugin::consumers::Shown;
use sluice_plugin::prelude::*;
use sluice_plugin::testing::{Consumer, Exchange, Gateway, Harness, json};

/// Makes one good edit and another one.
#[derive(Config)]
struct Apply {
    what: String,
}

#[plugin]
impl Plugin for Apply {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let second = match self.what.as_str() {
            "set" => Edit::set("x-a", "2"),
            "add" => Edit::add("x-a", "2"),
            "add-other" => Edit::add("x-b", b"2"),
            "append" => Edit::append("x-a", "2"),
            "remove" => Edit::remove("x-a"),
            "hide" => Edit::hide("x-key"),
            "reserved" => Edit::set("te", "trailers"),
            _ => Edit::remove("host"),
        };
        match request.apply(&[Edit::set("x-a", "1"), second]) {
            Ok(()) => Ok(Verdict::Next),
            Err(why) => Ok(Verdict::respond(Reply::text(400, why.to_string()))),
        }
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<Verdict, Error> {
        response.apply(&[Edit::set("x-a", "1"), Edit::hide("x-key")])?;
        Ok(Verdict::Next)
    }
}

fn apply(what: &str, exchange: &mut Exchange) -> Option<String> {
    let plugin = Harness::<Apply>::configure(json!({ "what": what })).unwrap();
    let reply = plugin.request(exchange).unwrap()?;
    Some(String::from_utf8(reply.body).unwrap())
}

#[test]
fn edits_are_made_in_their_order() {
    for (what, a, b) in [
        ("set", &["2"][..], 0),
        ("add", &["1"], 0),
        ("add-other", &["1"], 1),
        ("append", &["1", "2"], 0),
        ("remove", &[], 0),
    ] {
        let mut exchange = Exchange::get("/").with_header("x-a", "0");
        assert_eq!(apply(what, &mut exchange), None);
        let headers = &exchange.request.headers;
        let lines: Vec<_> = headers.get_all("x-a").iter().collect();
        assert_eq!(lines, a, "{what}");
        assert_eq!(headers.get_all("x-b").iter().count(), b, "{what}");
    }
}

#[test]
fn what_is_hidden_is_in_no_header_and_not_in_the_query() {
    for (target, expected) in [
        ("/p?x-key=1&c=%7e&x%2dkey", "/p?c=%7e"),
        ("/p?x%2Dkey=1", "/p"),
        ("/p?X-Key=x-key", "/p?X-Key=x-key"),
        ("/p", "/p"),
    ] {
        let mut exchange = Exchange::get(target).with_header("x-key", "1");
        assert_eq!(apply("hide", &mut exchange), None);
        assert_eq!(exchange.target, expected);
        assert_eq!(exchange.request.header("x-key"), None);
    }
    let plugin = Harness::<Apply>::configure(json!({ "what": "hide" })).unwrap();
    let mut exchange = Exchange::get("/?x-key=1").answered(200, &[("x-key", "1")], "");
    plugin.on_response(&mut exchange).unwrap();
    assert_eq!(exchange.response.header("x-key"), None);
    assert_eq!(exchange.response.header("x-a"), Some("1"));
    assert_eq!(exchange.target, "/?x-key=1", "it has gone already");
}

#[test]
fn all_edits_are_made_or_none() {
    for (what, why) in [
        ("reserved", "request header te: belongs to the gateway"),
        ("host", "request header host: belongs to the gateway"),
    ] {
        let mut exchange = Exchange::get("/").with_header("x-a", "0");
        assert_eq!(apply(what, &mut exchange).as_deref(), Some(why));
        assert_eq!(exchange.request.header("x-a"), Some("0"));
    }
}

/// Says whose key the header and the query show.
#[derive(Config)]
struct Whose {}

#[plugin]
impl Plugin for Whose {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let all = consumers::credentials();
        let id = |place: usize| all.get(place).map_or("nobody", |known| &known.id);
        let shown = match consumers::find_in_header("x-key") {
            Shown::None => "none",
            Shown::Several => "several",
            Shown::Unknown => "nobody",
            Shown::Known(place) => id(place as usize),
        };
        let query = request.query().unwrap_or_default();
        let found = consumers::find(query.as_bytes()).map_or("nobody", id);
        request.set_header("x-whose", [shown, " ", found].concat())?;
        Ok(Verdict::Next)
    }
}

#[test]
fn a_key_leads_to_its_credential_while_it_is_valid() {
    let acme = Consumer::new("acme")
        .with_key("acme-1", "k_123456_one")
        .with_key("acme-2", "k_123456_two")
        .with_key_between("acme-3", "k_123456_old", None, Some(1_750_000_000));
    let bob = Consumer::new("bob").with_key("bob-1", "another_key");
    let gateway = Gateway::new().with_consumer(acme).with_consumer(bob);
    let plugin: Harness<Whose> = gateway.configure(json!({})).unwrap();
    let whose = |mut exchange: Exchange| {
        plugin.on_request(&mut exchange).unwrap();
        exchange.request.header("x-whose").unwrap().to_owned()
    };
    for (key, id) in [
        ("k_123456_two", "acme-2"),
        ("another_key", "bob-1"),
        ("k_123456_old", "nobody"),
        ("k_123456_", "nobody"),
    ] {
        let exchange = Exchange::get(&["/?", key].concat()).with_header("x-key", key);
        assert_eq!(whose(exchange), [id, " ", id].concat());
    }
    assert_eq!(whose(Exchange::get("/")), "none nobody");
    let empty = Exchange::get("/").with_header("x-key", "");
    assert_eq!(whose(empty), "none nobody");
    let two = Exchange::get("/").with_header("x-key", "another_key");
    assert_eq!(whose(two.with_header("x-key", "")), "several nobody");
}
