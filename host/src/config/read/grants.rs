//! `[plugins.NAME.grants]`

use std::collections::BTreeSet;

use super::super::model::{Grants, HttpGrant, Name, Origin};
use super::super::reader::{Fault, Item, Table};
use super::names::{Names, references};

/// The most names in one grant.
const MOST: usize = 64;
/// The store that every gateway has.
const LOCAL: &str = "local";

const CALL: &str = "\"UPSTREAM:/path\", such as \"idp:/introspect\", or an origin, such as \"https://login.example.com\"";
const ORIGIN: &str = "scheme, host and perhaps a port, such as \"https://login.example.com\"";

/// Reads `grants`.
pub(super) fn grants<'a>(table: &Table<'_, 'a>, names: &Names<'a>) -> Grants {
    let mut stores: BTreeSet<&str> = names.stores.clone();
    stores.insert(LOCAL);
    let stores = |key| {
        table.or(key, Vec::new(), |item| {
            Some(references(item, "store", MOST, &stores))
        })
    };
    Grants {
        consumers: table.or("consumers", false, Item::boolean),
        kv: stores("kv"),
        quota: stores("quota"),
        http: table.or("http", Vec::new(), |item| {
            item.each(MOST, |item| item.parse(|text| call(text, names)))
        }),
        secrets: table.or("secrets", Vec::new(), |item| {
            Some(references(item, "secret", MOST, &names.secrets))
        }),
    }
}

fn call(text: &str, names: &Names<'_>) -> Result<HttpGrant, Fault> {
    if text.contains("://") {
        let origin = Origin::split(text).and_then(|(origin, rest)| match rest {
            "" => Ok(origin),
            _ => Err("an origin ends with its host or port".to_owned()),
        });
        let origin = origin.map_err(|why| Fault::new(why).expected(ORIGIN))?;
        return Ok(HttpGrant::Origin(origin));
    }
    let (upstream, path) = text.split_once(':').unwrap_or((text, "/"));
    if !path.starts_with('/') || upstream.contains('/') {
        return Err(Fault::new("not what a plugin can call").expected(CALL));
    }
    if path.contains(['?', '#']) || !path.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Fault::new("not a path").expected(CALL));
    }
    if !names.upstreams.contains(upstream) {
        let fault = Fault::new("no such upstream");
        return Err(fault.one_of(upstream, names.upstreams.iter().copied()));
    }
    let path = match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    Ok(HttpGrant::Upstream {
        upstream: Name::from(upstream),
        path: path.to_owned(),
    })
}
