//! What changed of an upstream.

use std::sync::Arc;

use super::super::model::{Balance, PoolLimits, Protocol, Upstream, UpstreamTimeouts};
use super::super::units::show_duration;
use super::fields::Fields;

pub(super) fn fields(old: Option<&Arc<Upstream>>, new: &Arc<Upstream>) -> Vec<String> {
    let Some(old) = old else { return Vec::new() };
    let Upstream {
        name: _,
        targets,
        balance,
        protocol,
        host,
        tls,
        timeouts,
        pool,
    } = &**new;
    let UpstreamTimeouts {
        connect,
        response,
        idle,
    } = timeouts;
    let PoolLimits {
        connections,
        idle_timeout,
        pending,
    } = pool;
    let mut fields = Fields::default();
    fields.list("targets", &old.targets, targets);
    fields.with("balance", &old.balance, balance, |balance| {
        let name = match balance {
            Balance::RoundRobin => "round-robin",
            Balance::LeastRequest => "least-request",
        };
        name.to_owned()
    });
    fields.with("protocol", &old.protocol, protocol, |protocol| {
        let name = match protocol {
            Protocol::Http1 => "http1",
            Protocol::Http2 => "http2",
        };
        name.to_owned()
    });
    fields.hidden("host", &old.host, host);
    fields.hidden("tls", &old.tls, tls);
    let durations = [
        ("timeouts.connect", &old.timeouts.connect, connect),
        ("timeouts.response", &old.timeouts.response, response),
        ("timeouts.idle", &old.timeouts.idle, idle),
        ("pool.idle_timeout", &old.pool.idle_timeout, idle_timeout),
    ];
    for (key, old, new) in durations {
        fields.with(key, old, new, |duration| show_duration(*duration));
    }
    fields.shown("pool.connections", old.pool.connections, connections);
    fields.shown("pool.pending", old.pool.pending, pending);
    fields.into_details()
}
