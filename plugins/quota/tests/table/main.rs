//! What the documentation promises, row by row.

mod answers;
mod counting;
mod keys;
mod outages;
mod plans;

use std::time::Duration;

use quota::Quota;
use serde_json::Value;
use sluice_plugin::testing::{Exchange, Gateway, Harness, json};
use sluice_plugin::{Caller, Reply};

/// The fake gateway's clock begins 2025-06-15T15:06:40Z.
const TO_THE_MINUTE: u64 = 20;

fn plugin(config: Value) -> Harness<Quota> {
    Harness::configure(config).unwrap()
}

fn caller(id: &str, groups: &[&str]) -> Caller {
    Caller {
        id: id.to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        credential: Some(format!("{id}-1")),
        ..Caller::default()
    }
}

/// A request of a consumer.
fn from(id: &str, groups: &[&str]) -> Exchange {
    Exchange::get("/orders").with_caller(caller(id, groups))
}

fn at(address: &str) -> Exchange {
    let mut exchange = Exchange::get("/orders");
    exchange.client_address = address.to_owned();
    exchange
}

fn reply(plugin: &Harness<Quota>, exchange: &mut Exchange) -> Option<Reply> {
    plugin.request(exchange).unwrap()
}

fn passes(plugin: &Harness<Quota>, mut exchange: Exchange) -> bool {
    reply(plugin, &mut exchange).is_none()
}

/// The response's header lines, after the request has passed.
fn answered(plugin: &Harness<Quota>, exchange: Exchange, headers: &[(&str, &str)]) -> Exchange {
    let mut exchange = exchange;
    assert_eq!(reply(plugin, &mut exchange), None);
    let mut exchange = exchange.answered(200, headers, "");
    assert_eq!(plugin.response(&mut exchange).unwrap(), None);
    exchange
}

fn said<'e>(exchange: &'e Exchange, names: &[&str]) -> Vec<Option<&'e str>> {
    let names = names.iter();
    names.map(|name| exchange.response.header(name)).collect()
}

fn text<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    reply
        .header(name)
        .map(|value| std::str::from_utf8(value).unwrap())
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn limit(amount: u64) -> Value {
    json!([{ "name": "hourly", "amount": amount, "window": "1h" }])
}
