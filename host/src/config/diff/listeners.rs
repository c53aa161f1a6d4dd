//! What changed of a listener.

use super::super::model::{Listener, ListenerLimits, ListenerTimeouts};
use super::super::units::{show_duration, show_size};
use super::fields::Fields;

pub(super) fn fields(old: Option<&Listener>, new: &Listener) -> Vec<String> {
    let Some(old) = old else { return Vec::new() };
    let Listener {
        address,
        tls,
        trusted_proxies,
        forwarded,
        limits,
        timeouts,
    } = new;
    let mut fields = Fields::default();
    fields.shown("address", old.address, address);
    fields.hidden("tls", &old.tls, tls);
    fields.list("trusted_proxies", &old.trusted_proxies, trusted_proxies);
    fields.shown("forwarded", old.forwarded, forwarded);
    self::limits(&mut fields, &old.limits, limits);
    self::timeouts(&mut fields, &old.timeouts, timeouts);
    fields.into_details()
}

fn limits(fields: &mut Fields, old: &ListenerLimits, new: &ListenerLimits) {
    let ListenerLimits {
        connections,
        header_bytes,
        headers,
        streams,
    } = new;
    let size = |bytes: &usize| show_size(*bytes as u64);
    fields.shown("limits.connections", old.connections, connections);
    fields.with("limits.header_bytes", &old.header_bytes, header_bytes, size);
    fields.shown("limits.headers", old.headers, headers);
    fields.shown("limits.streams", old.streams, streams);
}

fn timeouts(fields: &mut Fields, old: &ListenerTimeouts, new: &ListenerTimeouts) {
    let ListenerTimeouts {
        header,
        idle,
        body,
        write,
    } = new;
    let pairs = [
        ("timeouts.header", &old.header, header),
        ("timeouts.idle", &old.idle, idle),
        ("timeouts.body", &old.body, body),
        ("timeouts.write", &old.write, write),
    ];
    for (key, old, new) in pairs {
        fields.with(key, old, new, |duration| show_duration(*duration));
    }
}
