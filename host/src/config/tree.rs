//! A TOML document as an owned tree in which every value knows its place.

use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

/// Where something stands: the number of a file, a line and a column from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) file: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Default for Spot {
    fn default() -> Self {
        Self {
            file: 0,
            line: 1,
            column: 1,
        }
    }
}

/// One value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) spot: Spot,
    pub(super) value: Value,
}

/// The kinds of value in TOML.
#[derive(Debug)]
pub(super) enum Value {
    Text(Text),
    /// As it is written, and its value where 64 bits hold it.
    Integer(String, Option<i64>),
    Float(f64),
    Boolean(bool),
    Datetime(Datetime),
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

/// One key of a table, and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) spot: Spot,
    pub(super) node: Node,
}

/// A string, and what its placeholders stand for.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) written: String,
    pub(super) content: Content,
}

/// What a string means.
#[derive(Debug)]
pub(super) enum Content {
    /// What is written.
    Written,
    /// This, which came from a placeholder and may be a secret.
    Resolved(String),
    /// Nothing: a placeholder of it is wrong, which has been reported.
    Unknown,
}

impl Text {
    /// The string to use; none where a placeholder could not be resolved.
    pub(super) fn get(&self) -> Option<&str> {
        match &self.content {
            Content::Written => Some(&self.written),
            Content::Resolved(value) => Some(value),
            Content::Unknown => None,
        }
    }
}

/// The entries of a document, or each syntax error with its place.
pub(super) fn parse(file: usize, text: &str) -> Result<Vec<Entry>, Vec<(Spot, String)>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut lines = Lines::new(file, text);
    if errors.is_empty() {
        return Ok(entries(document.into_inner(), &mut lines));
    }
    let mut found: Vec<(Spot, String)> = errors
        .iter()
        .map(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            (lines.spot(offset), error.message().to_owned())
        })
        .collect();
    // The parser goes on behind an error, and what it then says of the same line is mostly an echo.
    found.sort_by_key(|(spot, _)| (spot.line, spot.column));
    found.dedup_by_key(|(spot, _)| spot.line);
    Err(found)
}

fn entries(table: DeTable<'_>, lines: &mut Lines<'_>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let spot = lines.spot(key.span().start);
        entries.push(Entry {
            key: key.into_inner().into_owned(),
            spot,
            node: node(value, lines),
        });
    }
    entries
}

fn node(value: toml::Spanned<DeValue<'_>>, lines: &mut Lines<'_>) -> Node {
    let spot = lines.spot(value.span().start);
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(Text {
            written: text.into_owned(),
            content: Content::Written,
        }),
        DeValue::Integer(number) => {
            let value = i64::from_str_radix(number.as_str(), number.radix());
            Value::Integer(number.to_string(), value.ok())
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Datetime(value) => Value::Datetime(value),
        DeValue::Array(values) => {
            Value::Array(values.into_iter().map(|value| node(value, lines)).collect())
        }
        DeValue::Table(table) => Value::Table(entries(table, lines)),
    };
    Node { spot, value }
}

/// Turns offsets into lines and columns; cheap where the offsets rise.
struct Lines<'a> {
    file: usize,
    text: &'a str,
    starts: Vec<usize>,
    /// The last offset asked for, and its column from 0.
    last: (usize, usize),
}

impl<'a> Lines<'a> {
    fn new(file: usize, text: &'a str) -> Self {
        // A byte order mark is no column of the first line.
        let first = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let starts = std::iter::once(first)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            file,
            text,
            starts,
            last: (0, 0),
        }
    }

    fn spot(&mut self, offset: usize) -> Spot {
        let line = self
            .starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let (known, column) = self.last;
        let (from, before) = if known >= start && known <= offset {
            (known, column)
        } else {
            (start, 0)
        };
        let between = self.text.get(from..offset).unwrap_or("");
        let column = before + between.chars().count();
        self.last = (offset, column);
        Spot {
            file: self.file,
            line: line + 1,
            column: column + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Lines, Spot, parse};

    #[test]
    fn columns_count_characters() {
        let entries = parse(0, "\u{feff}a = 1\r\n\"ä€\" = { b = 2, c = 3 }\n").unwrap();
        let spots: Vec<_> = entries
            .iter()
            .map(|e| (e.spot.line, e.spot.column))
            .collect();
        assert_eq!(spots, [(1, 1), (2, 1)]);
        assert_eq!(entries[1].node.spot.column, 8);
    }

    #[test]
    fn several_syntax_errors_are_found_in_one_go() {
        let errors = parse(0, "a = tru\nb = 1\nb = 2\n[c\n").unwrap_err();
        let lines: Vec<_> = errors.iter().map(|(spot, _)| spot.line).collect();
        assert_eq!(lines, [1, 3, 4]);
    }

    proptest! {
        #[test]
        fn places_do_not_depend_on_the_order_of_asking(text in "[a\nä]{0,40}", asked: Vec<prop::sample::Index>) {
            let mut lines = Lines::new(0, &text);
            for index in asked {
                let mut offset = index.index(text.len() + 1);
                while !text.is_char_boundary(offset) {
                    offset -= 1;
                }
                let before = &text[..offset];
                let start = before.rfind('\n').map_or(0, |at| at + 1);
                let expected = Spot {
                    file: 0,
                    line: before.matches('\n').count() + 1,
                    column: before[start..].chars().count() + 1,
                };
                prop_assert_eq!(lines.spot(offset), expected);
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(0, &text);
        }
    }
}
