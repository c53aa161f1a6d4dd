//! What changed of a store or a secret: never the secret itself.

use std::sync::Arc;

use super::super::model::{MemoryStore, RedisStore, Secret, StoreKind};
use super::super::units::{show_duration, show_size};
use super::fields::Fields;

pub(super) fn fields(old: Option<&StoreKind>, new: &StoreKind) -> Vec<String> {
    let mut fields = Fields::default();
    match (old, new) {
        (None, _) => {}
        (Some(StoreKind::Memory(old)), StoreKind::Memory(new)) => memory(&mut fields, old, new),
        (Some(StoreKind::Redis(old)), StoreKind::Redis(new)) => redis(&mut fields, old, new),
        (Some(_), _) => fields.say("kind".to_owned()),
    }
    fields.into_details()
}

pub(super) fn secret(old: Option<&Secret<Arc<str>>>, new: &Secret<Arc<str>>) -> Vec<String> {
    let mut fields = Fields::default();
    if let Some(old) = old {
        fields.hidden("value", old, new);
    }
    fields.into_details()
}

fn memory(fields: &mut Fields, old: &MemoryStore, new: &MemoryStore) {
    let MemoryStore { entries, bytes } = new;
    fields.shown("entries", old.entries, entries);
    let size = |bytes: &usize| show_size(*bytes as u64);
    fields.with("bytes", &old.bytes, bytes, size);
}

fn redis(fields: &mut Fields, old: &RedisStore, new: &RedisStore) {
    let RedisStore {
        address,
        username,
        password,
        database,
        tls,
        timeout,
        prefix,
        pending,
    } = new;
    fields.shown("address", &old.address, address);
    fields.hidden("username", &old.username, username);
    fields.hidden("password", &old.password, password);
    fields.shown("database", old.database, database);
    fields.hidden("tls", &old.tls, tls);
    fields.with("timeout", &old.timeout, timeout, |d| show_duration(*d));
    fields.shown("prefix", &old.prefix, prefix);
    fields.shown("pending", old.pending, pending);
}
