//! One tree of several files: tables of named things are joined, anything else is said once.

use std::collections::HashMap;

use super::key::join;
use super::tree::{Entry, Node, Spot, Value};

/// The tables whose keys are names: files add to them.
const NAMED: [&str; 4] = ["listeners", "upstreams", "plugins", "consumers"];

/// The array of tables to which files add.
const LISTED: &str = "routes";

/// Something that two files say.
#[derive(Debug)]
pub(super) struct Twice {
    pub(super) key: String,
    pub(super) first: Spot,
    pub(super) second: Spot,
}

/// Joins the entries of all files in their order.
pub(super) fn merge(files: Vec<Vec<Entry>>) -> (Vec<Entry>, Vec<Twice>) {
    let mut joined = Joined::default();
    for entry in files.into_iter().flatten() {
        joined.add(entry);
    }
    (joined.root, joined.twice)
}

#[derive(Default)]
struct Joined {
    root: Vec<Entry>,
    at: HashMap<String, usize>,
    names: HashMap<String, Spot>,
    twice: Vec<Twice>,
}

impl Joined {
    fn add(&mut self, mut entry: Entry) {
        let named = NAMED.contains(&entry.key.as_str());
        if named && let Value::Table(table) = &mut entry.node.value {
            let key = &entry.key;
            let (names, twice) = (&mut self.names, &mut self.twice);
            table.retain(|inner| {
                let key = join(key, &inner.key);
                match names.get(&key) {
                    Some(first) => twice.push(Twice {
                        key,
                        first: *first,
                        second: inner.spot,
                    }),
                    None => {
                        names.insert(key, inner.spot);
                        return true;
                    }
                }
                false
            });
        }
        let known = self.at.get(&entry.key).copied();
        let Some(before) = known.and_then(|index| self.root.get_mut(index)) else {
            self.at.insert(entry.key.clone(), self.root.len());
            self.root.push(entry);
            return;
        };
        match (&mut before.node, entry.node) {
            (
                Node {
                    value: Value::Table(all),
                    ..
                },
                Node {
                    value: Value::Table(more),
                    ..
                },
            ) if named => all.extend(more),
            (
                Node {
                    value: Value::Array(all),
                    ..
                },
                Node {
                    value: Value::Array(more),
                    ..
                },
            ) if entry.key == LISTED => all.extend(more),
            _ => self.twice.push(Twice {
                key: join("", &entry.key),
                first: before.spot,
                second: entry.spot,
            }),
        }
    }
}
