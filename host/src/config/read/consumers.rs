//! `[consumers.NAME]`

use std::collections::HashMap;
use std::sync::Arc;

use super::super::model::{Consumer, Consumers, Credential};
use super::super::reader::{Fault, Item, Table};
use super::super::tree::Value;
use super::datetime::unix;
use super::names::{named, token};
use super::plugins::{DIGEST, digest};

/// The most groups of a consumer, and the most attributes.
const MOST_GROUPS: usize = 64;

/// The most credentials of a consumer.
const MOST_CREDENTIALS: usize = 10_000;

/// The longest group, attribute name and credential id, in characters.
const LONGEST_NAME: usize = 64;

/// The longest attribute, in bytes.
const LONGEST_ATTRIBUTE: usize = 4096;

/// What must be unique among all consumers, and the key where it was first said.
#[derive(Default)]
struct Seen {
    ids: HashMap<String, String>,
    digests: HashMap<[u8; 32], String>,
}

/// Reads all consumers.
pub(super) fn consumers(item: Item<'_>) -> Arc<Consumers> {
    let mut seen = Seen::default();
    let read = named(&item, |_, item| item.table(|t| consumer(t, &mut seen)));
    let shared = read
        .into_iter()
        .map(|(name, value)| (name, Arc::new(value)));
    Arc::new(Consumers(shared.collect()))
}

/// Attributes and credentials have no order: they are sorted, so that a file that says the same is equal.
fn consumer(table: &Table<'_, '_>, seen: &mut Seen) -> Consumer {
    let mut consumer = Consumer {
        groups: table.or("groups", Vec::new(), groups),
        attributes: table.or("attributes", Vec::new(), attributes),
        credentials: table.or("credentials", Vec::new(), |item| {
            item.each(MOST_CREDENTIALS, |item| {
                item.table(|table| credential(table, seen)).flatten()
            })
        }),
    };
    consumer.attributes.sort();
    consumer.credentials.sort_by(|a, b| a.id.cmp(&b.id));
    consumer
}

fn groups(item: &Item<'_>) -> Option<Vec<String>> {
    let mut groups: Vec<String> = Vec::new();
    for item in item.array(MOST_GROUPS)? {
        let group = item.parse(|text| {
            let group = token(text, LONGEST_NAME, &[','])?;
            if groups.contains(&group) {
                return Err(Fault::new("the same group twice"));
            }
            Ok(group)
        });
        groups.extend(group);
    }
    Some(groups)
}

fn attributes(item: &Item<'_>) -> Option<Vec<(String, String)>> {
    let entries = item.entries()?;
    if entries.len() > MOST_GROUPS {
        return item.reject(Fault::new("too many").expected(format!("at most {MOST_GROUPS}")));
    }
    let mut attributes = Vec::new();
    for (key, item) in entries {
        if let Err(fault) = token(key, LONGEST_NAME, &[]) {
            item.cx.report(&item.key, fault);
        }
        let value = item.parse(|text| {
            if text.len() > LONGEST_ATTRIBUTE || text.contains(char::is_control) {
                let expected = format!("at most {LONGEST_ATTRIBUTE} bytes on one line");
                return Err(Fault::new("not usable as an attribute")
                    .expected(expected)
                    .hidden());
            }
            Ok(text.to_owned())
        });
        attributes.extend(value.map(|value| (key.to_owned(), value)));
    }
    Some(attributes)
}

fn credential(table: &Table<'_, '_>, seen: &mut Seen) -> Option<Credential> {
    let id = table.need("id", "a public name of the credential", |item| {
        let id = item.parse(|text| token(text, LONGEST_NAME, &[]))?;
        unique(item, &mut seen.ids, id.clone(), "the id is taken")?;
        Some(id)
    });
    let prefix = table.need("prefix", PREFIX, prefix);
    let sha256 = table.need("sha256", DIGEST, |item| {
        let digest = secret(item, DIGEST, digest)?;
        unique(
            item,
            &mut seen.digests,
            digest,
            "the same key is another credential",
        )?;
        Some(digest)
    });
    let not_before = table.maybe("not_before", moment);
    let expires = table.maybe("expires", |item| {
        let expires = moment(item)?;
        if not_before.is_some_and(|not_before| not_before >= expires) {
            return item.reject(Fault::new("not after `not_before`").expected("a later time"));
        }
        Some(expires)
    });
    Some(Credential {
        id: id?,
        prefix: prefix?,
        sha256: sha256?,
        not_before,
        expires,
    })
}

const PREFIX: &str = "the first 4 to 16 characters of the key, visible ASCII";

fn prefix(item: &Item<'_>) -> Option<String> {
    secret(item, PREFIX, |text| {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        let valid = visible && (4..=16).contains(&text.len());
        valid.then(|| text.to_owned())
    })
}

/// Somebody may have pasted the key itself: what is wrong is counted, not shown.
fn secret<T>(item: &Item<'_>, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    item.parse(|text| {
        read(text).ok_or_else(|| {
            let fault = Fault::new("not usable").expected(expected);
            fault.found(format!("{} characters", text.chars().count()))
        })
    })
}

fn unique<K: std::hash::Hash + Eq>(
    item: &Item<'_>,
    seen: &mut HashMap<K, String>,
    value: K,
    message: &str,
) -> Option<()> {
    match seen.get(&value) {
        Some(first) => {
            let first = item.cx.first_at(first);
            item.reject(Fault::new(format!("{message}: {first}")).hidden())
        }
        None => {
            seen.insert(value, item.key.clone());
            Some(())
        }
    }
}

/// An offset date-time as Unix seconds.
fn moment(item: &Item<'_>) -> Option<u64> {
    let seconds = match &item.node().value {
        Value::Datetime(datetime) => unix(datetime),
        _ => None,
    };
    if seconds.is_none() {
        let fault = Fault::new("not a point in time since 1970");
        return item.reject(fault.expected("an offset date-time such as 2027-01-01T00:00:00Z"));
    }
    seconds
}
