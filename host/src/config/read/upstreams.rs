//! `[upstreams.NAME]`

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use http::HeaderValue;
use http::uri::Authority;

use super::super::model::{
    Balance, Name, PoolLimits, Protocol, Target, Upstream, UpstreamTimeouts,
};
use super::super::pattern;
use super::super::reader::{Fault, Item, Table};
use super::TIMEOUT;
use super::names::named;
use super::tls::client_tls;

/// The most targets of an upstream.
const MOST_TARGETS: usize = 1024;

const TARGET: &str = "\"host:port\", \"1.2.3.4:80\" or \"[::1]:80\"";

/// Reads all upstreams.
pub(super) fn upstreams(item: Item<'_>) -> BTreeMap<Name, Arc<Upstream>> {
    let read = named(&item, |name, item| {
        item.table(|table| upstream(name, table)).flatten()
    });
    let shared = read
        .into_iter()
        .map(|(name, value)| (name, Arc::new(value)));
    shared.collect()
}

fn upstream(name: &Name, table: &Table<'_, '_>) -> Option<Upstream> {
    let targets = table.need("targets", "an array of \"host:port\"", targets);
    let balances = [
        ("round-robin", Balance::RoundRobin),
        ("least-request", Balance::LeastRequest),
    ];
    let balance = table.or("balance", Balance::RoundRobin, |i| i.choice(&balances));
    let protocols = [("http1", Protocol::Http1), ("http2", Protocol::Http2)];
    let protocol = table.or("protocol", Protocol::Http1, |i| i.choice(&protocols));
    let host = table.maybe("host", |item| item.parse(host));
    let tls = table.maybe("tls", |item| item.table(client_tls));
    let timeouts = table.or("timeouts", UpstreamTimeouts::default(), |i| {
        i.table(timeouts)
    });
    let pool = table.or("pool", PoolLimits::default(), |i| i.table(pool));
    Some(Upstream {
        name: name.clone(),
        targets: targets?,
        balance,
        protocol,
        host,
        tls,
        timeouts,
        pool,
    })
}

fn targets(item: &Item<'_>) -> Option<Vec<Target>> {
    let items = item.array(MOST_TARGETS)?;
    if items.is_empty() {
        return item.reject(Fault::new("no target").expected(TARGET));
    }
    let mut seen = HashSet::new();
    let mut targets = Vec::new();
    for item in items {
        let target = item.parse(|text| {
            let target = pattern::target(text);
            let target = target.map_err(|message| Fault::new(message).expected(TARGET))?;
            if seen.insert(target.clone()) {
                Ok(target)
            } else {
                Err(Fault::new("the same target twice"))
            }
        });
        targets.extend(target);
    }
    Some(targets)
}

fn host(text: &str) -> Result<HeaderValue, Fault> {
    let authority = text.parse::<Authority>().ok();
    let plain = authority.filter(|a| !a.as_str().contains('@') && !a.host().is_empty());
    let value = plain.and_then(|a| HeaderValue::from_str(a.as_str()).ok());
    value.ok_or_else(|| Fault::new("not a host").expected("a host, with or without a port"))
}

fn timeouts(table: &Table<'_, '_>) -> UpstreamTimeouts {
    let default = UpstreamTimeouts::default();
    UpstreamTimeouts {
        connect: table.or("connect", default.connect, |i| i.duration(TIMEOUT)),
        response: table.or("response", default.response, |i| i.duration(TIMEOUT)),
        idle: table.or("idle", default.idle, |i| i.duration(TIMEOUT)),
    }
}

fn pool(table: &Table<'_, '_>) -> PoolLimits {
    let default = PoolLimits::default();
    PoolLimits {
        connections: table.or("connections", default.connections, |i| {
            i.count(1..=1_000_000)
        }),
        idle_timeout: table.or("idle_timeout", default.idle_timeout, |i| {
            i.duration(TIMEOUT)
        }),
        pending: table.or("pending", default.pending, |i| i.count(0..=1_000_000)),
    }
}
