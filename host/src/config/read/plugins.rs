//! `[plugins.NAME]`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::defaults::ON_ERROR_STATUS;
use super::super::model::{Grants, Name, OnError, Plugin, PluginLimits, PluginSource};
use super::super::reader::{Fault, Item, Table};
use super::names::{Names, check, named};
use super::{grants, json};

const SOURCE: &str = "\"builtin:NAME\" or the file of a component";

/// Reads all plugins.
pub(super) fn plugins<'a>(item: Item<'a>, names: &Names<'a>) -> BTreeMap<Name, Arc<Plugin>> {
    let read = named(&item, |name, item| {
        item.table(|table| plugin(name, table, names)).flatten()
    });
    let shared = read
        .into_iter()
        .map(|(name, value)| (name, Arc::new(value)));
    shared.collect()
}

fn plugin<'a>(name: &Name, table: &Table<'_, 'a>, names: &Names<'a>) -> Option<Plugin> {
    let source = table.need("source", SOURCE, source);
    let sha256 = table.maybe("sha256", |item| {
        item.parse(|text| digest(text).ok_or_else(|| Fault::new("not a digest").expected(DIGEST)))
    });
    let policies = [("deny", OnError::Deny), ("skip", OnError::Skip)];
    let on_error = table.or("on_error", OnError::Deny, |i| i.choice(&policies));
    let status = table.or("on_error_status", u32::from(ON_ERROR_STATUS), |item| {
        item.integer(500..=599)
    });
    let limits = table.or("limits", PluginLimits::default(), |i| i.table(limits));
    let grants = table.or("grants", Grants::default(), |item| {
        item.table(|table| grants::grants(table, names))
    });
    let config = table.or("config", json::Both::empty(), json::config);
    Some(Plugin {
        name: name.clone(),
        source: source?,
        sha256,
        on_error,
        on_error_status: u16::try_from(status).unwrap_or(ON_ERROR_STATUS),
        limits,
        grants,
        config: config.resolved,
        shown_config: config.shown,
    })
}

fn source(item: &Item<'_>) -> Option<PluginSource> {
    let text = item.text()?;
    if let Some(builtin) = text.strip_prefix("builtin:") {
        return match check(builtin) {
            Ok(name) => Some(PluginSource::Builtin(name.to_string())),
            Err(_) => item.reject(Fault::new("not the name of a builtin").expected(SOURCE)),
        };
    }
    if text.contains("://") {
        return item.reject(Fault::new("plugins are not fetched").expected(SOURCE));
    }
    item.path().map(PluginSource::File)
}

/// What [`digest`] reads.
pub(super) const DIGEST: &str = "a SHA-256 in 64 hex digits";

/// The 32 bytes of 64 hex digits.
pub(super) fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 2 * digest.len() {
        return None;
    }
    let nibble = |byte: &u8| char::from(*byte).to_digit(16);
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = u8::try_from(nibble(high)? << 4 | nibble(low)?).ok()?;
    }
    Some(digest)
}

fn limits(table: &Table<'_, '_>) -> PluginLimits {
    let default = PluginLimits::default();
    PluginLimits {
        deadline: table.or("deadline", default.deadline, |item| {
            item.duration(Duration::from_millis(1)..=Duration::from_secs(10))
        }),
        memory: table.or("memory", default.memory, |i| i.size(64 << 10..=4 << 30)),
        host_call_bytes: table.or("host_call_bytes", default.host_call_bytes, |item| {
            item.size(1 << 10..=1 << 30)
        }),
        instances: table.or("instances", default.instances, |i| i.count(1..=10_000)),
        wait: table.or("wait", default.wait, |item| {
            item.duration(Duration::from_millis(1)..=Duration::from_secs(600))
        }),
    }
}
