//! A plugin's `config` as JSON, with its placeholders resolved and as it is written.

use serde_json::{Map, Number, Value as Json};

use super::super::key::{join, push_index};
use super::super::reader::{Context, Fault, Item};
use super::super::tree::{Node, Value};

/// The resolved value and the one for people to see.
pub(super) struct Both {
    pub(super) resolved: Json,
    pub(super) shown: Json,
}

impl Both {
    /// `{}` twice.
    pub(super) fn empty() -> Self {
        Self::same(Json::Object(Map::new()))
    }

    fn same(value: Json) -> Self {
        Self {
            resolved: value.clone(),
            shown: value,
        }
    }
}

/// Turns a table into JSON: dates become strings (RFC 3339), keys keep their order.
pub(super) fn config(item: &Item<'_>) -> Option<Both> {
    item.entries()?;
    convert(item.cx, &item.key, item.node())
}

fn convert(cx: &Context, key: &str, node: &Node) -> Option<Both> {
    match &node.value {
        Value::Text(text) => Some(Both {
            resolved: Json::String(text.get()?.to_owned()),
            shown: Json::String(text.written.clone()),
        }),
        Value::Integer(_, Some(value)) => Some(Both::same(Json::Number((*value).into()))),
        Value::Integer(written, None) => {
            let fault = Fault::new("out of range").found(written);
            cx.report(key, fault.expected("an integer of 64 bits"));
            None
        }
        Value::Float(value) => match Number::from_f64(*value) {
            Some(number) => Some(Both::same(Json::Number(number))),
            None => {
                let fault = Fault::new("JSON has no such number").found(value.to_string());
                cx.report(key, fault.expected("a finite number"));
                None
            }
        },
        Value::Boolean(value) => Some(Both::same(Json::Bool(*value))),
        Value::Datetime(value) => Some(Both::same(Json::String(value.to_string()))),
        Value::Array(nodes) => {
            let elements: Vec<Option<Both>> = nodes
                .iter()
                .enumerate()
                .map(|(index, node)| {
                    let mut key = key.to_owned();
                    push_index(&mut key, index);
                    convert(cx, &key, node)
                })
                .collect();
            let elements: Option<Vec<Both>> = elements.into_iter().collect();
            let (resolved, shown) = elements?.into_iter().map(|b| (b.resolved, b.shown)).unzip();
            Some(Both {
                resolved: Json::Array(resolved),
                shown: Json::Array(shown),
            })
        }
        Value::Table(entries) => {
            let mut resolved = Map::new();
            let mut shown = Map::new();
            let mut whole = true;
            for entry in entries {
                match convert(cx, &join(key, &entry.key), &entry.node) {
                    Some(both) => {
                        resolved.insert(entry.key.clone(), both.resolved);
                        shown.insert(entry.key.clone(), both.shown);
                    }
                    None => whole = false,
                }
            }
            whole.then_some(Both {
                resolved: Json::Object(resolved),
                shown: Json::Object(shown),
            })
        }
    }
}
