//! `[admin]`, `[runtime]`, `[access_log]`

use std::path::PathBuf;
use std::time::Duration;

use super::super::model::{AccessLog, Admin, Runtime};
use super::super::reader::{Item, Table};
use super::listeners::address;

/// Reads `[admin]`.
pub(super) fn admin(table: &Table<'_, '_>) -> Option<Admin> {
    let expected = "an IP address and a port such as \"127.0.0.1:9901\"";
    let address = table.need("address", expected, address)?;
    Some(Admin { address })
}

/// Reads `[runtime]`.
pub(super) fn runtime(table: &Table<'_, '_>) -> Runtime {
    let default = Runtime::default();
    Runtime {
        workers: table.or("workers", default.workers, |i| i.count(1..=1024)),
        compile_cache: table.or("compile_cache", default.compile_cache, folder),
        state: table.or("state", default.state, folder),
        usage_days: table.or("usage_days", default.usage_days, |i| i.count(1..=10_000)),
        history: table.or("history", default.history, |i| i.count(0..=100)),
        watch: table.or("watch", default.watch, Item::boolean),
        drain: table.or("drain", default.drain, |item| {
            item.duration(Duration::ZERO..=Duration::from_secs(86_400))
        }),
    }
}

/// A folder, or `"off"`.
fn folder(item: &Item<'_>) -> Option<Option<PathBuf>> {
    match item.text()? {
        "off" => Some(None),
        _ => item.path().map(Some),
    }
}

/// Reads `[access_log]`.
pub(super) fn access_log(table: &Table<'_, '_>) -> AccessLog {
    table.or("output", AccessLog::Stdout, |item| match item.text()? {
        "off" => Some(AccessLog::Off),
        "stdout" => Some(AccessLog::Stdout),
        _ => item.path().map(AccessLog::File),
    })
}
