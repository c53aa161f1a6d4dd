//! `[stores.NAME]` and `[secrets]`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::model::{MemoryStore, Name, RedisStore, Secret, StoreKind};
use super::super::pattern;
use super::super::reader::{Fault, Item, Table};
use super::names::named;
use super::tls::client_tls;

const ADDRESS: &str = "\"host:port\" such as \"127.0.0.1:6379\"";
/// Bytes of the longest prefix of keys.
const MOST_PREFIX: usize = 64;

#[derive(Clone, Copy)]
enum Kind {
    Memory,
    Redis,
}

/// Reads all stores.
pub(super) fn stores(item: Item<'_>) -> BTreeMap<Name, StoreKind> {
    let read = named(&item, |name, item| {
        let store = item.table(store).flatten()?;
        if &**name == "local" && matches!(store, StoreKind::Redis(_)) {
            let fault = Fault::new("`local` is the memory of this process").hidden();
            return item.reject(fault.expected("another name, or kind = \"memory\""));
        }
        Some(store)
    });
    read.into_iter().collect()
}

/// Reads all secrets.
pub(super) fn secrets(item: Item<'_>) -> BTreeMap<Name, Secret<Arc<str>>> {
    let read = named(&item, |_, item| Some(Secret(Arc::from(item.text()?))));
    read.into_iter().collect()
}

fn store(table: &Table<'_, '_>) -> Option<StoreKind> {
    let kinds = [("memory", Kind::Memory), ("redis", Kind::Redis)];
    let kind = table.need("kind", "\"memory\" or \"redis\"", |i| i.choice(&kinds))?;
    match kind {
        Kind::Memory => Some(StoreKind::Memory(memory(table))),
        Kind::Redis => redis(table).map(StoreKind::Redis),
    }
}

fn memory(table: &Table<'_, '_>) -> MemoryStore {
    let default = MemoryStore::default();
    MemoryStore {
        entries: table.or("entries", default.entries, |i| i.count(1_000..=100_000_000)),
        bytes: table.or("bytes", default.bytes, |i| i.size(1 << 20..=1 << 40)),
    }
}

fn redis(table: &Table<'_, '_>) -> Option<RedisStore> {
    let address = table.need("address", ADDRESS, |item| {
        item.parse(|text| pattern::target(text).map_err(|m| Fault::new(m).expected(ADDRESS)))
    });
    let password = table.maybe("password", |i| i.text().map(|t| Secret(t.to_owned())));
    let username = table.maybe("username", |item| match password {
        Some(_) => item.text().map(str::to_owned),
        None => item.reject(Fault::new("no password beside it").expected("`password` too")),
    });
    Some(RedisStore {
        username,
        password,
        database: table.or("database", 0, |i| i.integer(0..=65_535)),
        tls: table.maybe("tls", |i| i.table(client_tls)),
        timeout: table.or("timeout", Duration::from_millis(25), |item| {
            item.duration(Duration::from_millis(1)..=Duration::from_secs(10))
        }),
        prefix: table.or("prefix", "sluice".to_owned(), |i| i.parse(prefix)),
        pending: table.or("pending", 4096, |i| i.count(1..=65_536)),
        address: address?,
    })
}

fn prefix(text: &str) -> Result<String, Fault> {
    let fits = (1..=MOST_PREFIX).contains(&text.len());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b);
    if fits && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    let fault = Fault::new("not usable as the beginning of keys");
    Err(fault.expected("1 to 64 of the letters, digits, `-`, `_`, `.`, `:`, `/`"))
}
