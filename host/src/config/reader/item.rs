//! One value, read as the type that a key has.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::super::key::{join, push_index, quote};
use super::super::tree::{Node, Text, Value};
use super::super::units::{UnitError, parse_duration, parse_size, show_duration, show_size};
use super::context::Context;
use super::fault::Fault;
use super::table::{Table, read_table};

/// A value and its key.
pub(in super::super) struct Item<'a> {
    pub(in super::super) cx: &'a Context,
    pub(in super::super) key: String,
    pub(super) node: &'a Node,
}

impl<'a> Item<'a> {
    /// Reports a fault of this value, and is none.
    pub(in super::super) fn reject<T>(&self, mut fault: Fault) -> Option<T> {
        if fault.found.is_none() && !fault.hidden {
            fault.found = shown(&self.node.value);
        }
        self.cx.report(&self.key, fault);
        None
    }

    fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let found = match &self.node.value {
            Value::Text(_) => "a string",
            Value::Integer(..) => "an integer",
            Value::Float(_) => "a float",
            Value::Boolean(_) => "a boolean",
            Value::Datetime(_) => "a date or time",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        };
        let fault = Fault::new("wrong type").found(found);
        self.reject(fault.expected(expected))
    }

    /// The value as it stands in the tree.
    pub(in super::super) fn node(&self) -> &'a Node {
        self.node
    }

    /// The keys of a table; none of anything else.
    pub(in super::super) fn keys(&self) -> BTreeSet<&'a str> {
        match &self.node.value {
            Value::Table(entries) => entries.iter().map(|entry| entry.key.as_str()).collect(),
            _ => BTreeSet::new(),
        }
    }

    /// A string with its placeholders resolved.
    pub(in super::super) fn text(&self) -> Option<&'a str> {
        self.text_like("a string")
    }

    fn text_like(&self, expected: &str) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) => text.get(),
            _ => self.wrong_type(expected),
        }
    }

    /// A string that `parse` understands.
    pub(in super::super) fn parse<T>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        parse(self.text()?).map_or_else(|fault| self.reject(fault), Some)
    }

    /// A string that is one of these.
    pub(in super::super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let names = choices.iter().map(|(name, _)| *name);
        self.parse(|text| {
            let chosen = choices.iter().find(|(name, _)| *name == text);
            let chosen = chosen.map(|(_, choice)| *choice);
            chosen.ok_or_else(|| Fault::new("no such choice").one_of(text, names))
        })
    }

    pub(in super::super) fn boolean(&self) -> Option<bool> {
        match &self.node.value {
            Value::Boolean(value) => Some(*value),
            _ => self.wrong_type("true or false"),
        }
    }

    /// A whole number within bounds.
    pub(in super::super) fn integer(&self, bounds: RangeInclusive<u32>) -> Option<u32> {
        let expected = format!("{} to {}", bounds.start(), bounds.end());
        let Value::Integer(_, value) = &self.node.value else {
            return self.wrong_type(&format!("a whole number, {expected}"));
        };
        let value = value.and_then(|value| u32::try_from(value).ok());
        match value.filter(|value| bounds.contains(value)) {
            Some(value) => Some(value),
            None => self.reject(Fault::new("out of range").expected(expected)),
        }
    }

    /// [`Item::integer`] for what counts things in memory.
    pub(in super::super) fn count(&self, bounds: RangeInclusive<u32>) -> Option<usize> {
        self.integer(bounds).and_then(|n| usize::try_from(n).ok())
    }

    /// A duration within bounds.
    pub(in super::super) fn duration(&self, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let shape = "a duration such as \"250ms\", \"30s\", \"5m\", \"1h\" or \"7d\"";
        let value = self.quantity(shape, parse_duration)?;
        if bounds.contains(&value) {
            return Some(value);
        }
        let (least, most) = (show_duration(*bounds.start()), show_duration(*bounds.end()));
        self.reject(Fault::new("out of range").expected(format!("\"{least}\" to \"{most}\"")))
    }

    /// A size in bytes within bounds.
    pub(in super::super) fn size(&self, bounds: RangeInclusive<u64>) -> Option<usize> {
        let shape = "a size such as \"512B\", \"16KiB\", \"1MiB\" or \"64KB\"";
        let value = self.quantity(shape, parse_size)?;
        let bytes = usize::try_from(value).ok();
        if let Some(bytes) = bytes.filter(|_| bounds.contains(&value)) {
            return Some(bytes);
        }
        let (least, most) = (show_size(*bounds.start()), show_size(*bounds.end()));
        self.reject(Fault::new("out of range").expected(format!("\"{least}\" to \"{most}\"")))
    }

    fn quantity<T>(&self, shape: &str, parse: fn(&str) -> Result<T, UnitError>) -> Option<T> {
        if let Value::Integer(..) = self.node.value {
            let fault = Fault::new(UnitError::NoUnit.to_string());
            return self.reject(fault.expected(shape));
        }
        let parsed = parse(self.text_like(shape)?);
        parsed.map_or_else(
            |error| self.reject(Fault::new(error.to_string()).expected(shape)),
            Some,
        )
    }

    /// A path, relative to the file that says it.
    pub(in super::super) fn path(&self) -> Option<PathBuf> {
        self.parse(|text| {
            let fault = |message: &str| Err(Fault::new(message).expected("the name of a file"));
            if text.is_empty() || text.contains(char::is_control) {
                return fault("not a file name").map_err(Fault::hidden);
            }
            if text == "~" || text.starts_with("~/") {
                return fault("`~` is not expanded: write ${env:HOME}");
            }
            let files = self.cx.files.borrow();
            Ok(files.resolve(self.node.spot.file, text))
        })
    }

    /// The bytes of the file that is named.
    pub(in super::super) fn file(&self, most: u64) -> Option<Vec<u8>> {
        let path = self.path()?;
        let read = self.cx.files.borrow_mut().bytes(&path, most);
        read.map_or_else(
            |message| {
                let fault = Fault::new(format!("the file {message}"));
                self.reject(fault.expected("the name of a file"))
            },
            Some,
        )
    }

    /// The elements of an array, at most `most`.
    pub(in super::super) fn array(&self, most: usize) -> Option<Vec<Item<'a>>> {
        let Value::Array(nodes) = &self.node.value else {
            return self.wrong_type("an array");
        };
        if nodes.len() > most {
            let fault = Fault::new("too many").found(format!("{}", nodes.len()));
            return self.reject(fault.expected(format!("at most {most}")));
        }
        let items = nodes.iter().enumerate().map(|(index, node)| {
            let mut key = self.key.clone();
            push_index(&mut key, index);
            let cx = self.cx;
            Item { cx, key, node }
        });
        Some(items.collect())
    }

    /// Every element that `read` understands.
    pub(in super::super) fn each<T>(
        &self,
        most: usize,
        read: impl FnMut(&Item<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.array(most)?;
        Some(items.iter().filter_map(read).collect())
    }

    /// Reads a table with known keys; those that `read` did not ask for are reported.
    pub(in super::super) fn table<T>(&self, read: impl FnOnce(&Table<'_, 'a>) -> T) -> Option<T> {
        let Value::Table(entries) = &self.node.value else {
            return self.wrong_type("a table");
        };
        Some(read_table(self.cx, &self.key, entries, read))
    }

    /// The entries of a table whose keys are the operator's.
    pub(in super::super) fn entries(&self) -> Option<Vec<(&'a str, Item<'a>)>> {
        let Value::Table(entries) = &self.node.value else {
            return self.wrong_type("a table");
        };
        let cx = self.cx;
        let items = entries.iter().map(|entry| {
            let key = join(&self.key, &entry.key);
            let node = &entry.node;
            (entry.key.as_str(), Item { cx, key, node })
        });
        Some(items.collect())
    }
}

/// The value as it stands in the file, where that is short enough to help.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Text(Text { written, .. }) => Some(quote(written)),
        Value::Integer(written, _) => Some(written.clone()),
        Value::Float(value) => Some(value.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        Value::Datetime(value) => Some(value.to_string()),
        Value::Array(_) | Value::Table(_) => None,
    }
}
