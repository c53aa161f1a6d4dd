//! `GET /usage`: who used how much.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::HeaderValue;

use crate::config::nearest;
use crate::usage::{Day, ExportError, Filter, Ledger};

const PARAMETERS: [&str; 5] = ["from", "to", "consumer", "route", "format"];

/// What is asked for, and how it is to look.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    filter: Filter,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
}

impl Asked {
    /// Reads a query. By default it asks for the month so far, as JSON.
    ///
    /// # Errors
    /// What is wrong and what is expected, in a sentence.
    pub(super) fn read(query: Option<&str>, today: Day) -> Result<Self, String> {
        let mut values: [Option<String>; 5] = Default::default();
        let pairs = query
            .unwrap_or("")
            .split('&')
            .filter(|pair| !pair.is_empty());
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name)?;
            let known = PARAMETERS.iter().zip(&mut values);
            let Some((_, place)) = known.into_iter().find(|(known, _)| **known == name) else {
                return Err(unknown(&name));
            };
            if place.replace(decoded(value)?).is_some() {
                return Err(format!("{name}: found twice, expected once"));
            }
        }
        let [from, to, consumer, route, format] = values;
        let to = day("to", to)?.unwrap_or(today);
        let from = day("from", from)?.unwrap_or(to.first_of_month());
        if from > to {
            return Err(format!(
                "from: found {from}, expected {to} or a day before it"
            ));
        }
        let format = match format.as_deref() {
            None | Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            Some(found) => return Err(format!("format: found {found:?}, expected csv or json")),
        };
        let filter = Filter {
            from,
            to,
            consumer,
            route,
        };
        Ok(Self { filter, format })
    }

    /// The type and the body of the answer. Takes as long as reading the days takes.
    pub(super) fn answer(
        self,
        ledger: &Ledger,
        now: SystemTime,
    ) -> Result<(HeaderValue, Bytes), ExportError> {
        let export = ledger.export(self.filter, now)?;
        let (kind, text) = match self.format {
            Format::Csv => (
                "text/csv; charset=utf-8; header=present",
                export.csv().into(),
            ),
            Format::Json => {
                let mut text = serde_json::to_vec_pretty(&export).unwrap_or_default();
                text.push(b'\n');
                ("application/json", text)
            }
        };
        Ok((HeaderValue::from_static(kind), Bytes::from(text)))
    }
}

fn day(name: &str, value: Option<String>) -> Result<Option<Day>, String> {
    let Some(value) = value else { return Ok(None) };
    let day = value.parse();
    day.map(Some)
        .map_err(|_| format!("{name}: found {value:?}, expected a day such as \"2026-11-01\""))
}

fn unknown(name: &str) -> String {
    let mut why = format!(
        "no such parameter: found {name:?}, expected one of {}",
        PARAMETERS.join(", ")
    );
    if let Some(nearest) = nearest(name, PARAMETERS) {
        why.push_str(&format!("; did you mean {nearest:?}?"));
    }
    why
}

/// A name or value of a query: `%xx`, and `+` for a space.
fn decoded(text: &str) -> Result<String, String> {
    let not = || format!("the query has {text:?}, expected percent-encoded UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit().ok_or_else(not)?, digit().ok_or_else(not)?);
                u8::try_from(high << 4 | low).unwrap_or_default()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| not())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(query: &str) -> Result<Asked, String> {
        Asked::read(Some(query), "2026-11-21".parse().unwrap())
    }

    #[test]
    fn the_month_so_far_is_what_one_gets_without_a_query() {
        let asked = Asked::read(None, "2026-11-21".parse().unwrap()).unwrap();
        assert_eq!(asked, read("").unwrap());
        assert_eq!(
            asked,
            read("from=2026-11-01&to=2026-11-21&format=json").unwrap()
        );
        let earlier = read("to=2026-02-28").unwrap();
        assert_eq!(earlier.filter.from.to_string(), "2026-02-01");
    }

    #[test]
    fn names_are_decoded() {
        let asked = read("consumer=a%26b+%c3%a9%2B&route=&format=csv").unwrap();
        assert_eq!(asked.filter.consumer.as_deref(), Some("a&b é+"));
        assert_eq!(asked.filter.route.as_deref(), Some(""));
        assert_eq!(asked.format, Format::Csv);
    }

    #[test]
    fn a_query_that_is_not_understood_says_what_is_expected() {
        for (query, parts) in [
            (
                "from=2026-13-01",
                ["from: found \"2026-13-01\"", "a day such as"],
            ),
            ("to=today", ["to: found \"today\"", "a day such as"]),
            ("from=", ["from: found \"\"", "a day such as"]),
            (
                "from=2026-11-30",
                ["from: found 2026-11-30", "2026-11-21 or a day before"],
            ),
            ("format=xml", ["format: found \"xml\"", "csv or json"]),
            ("consumer=a&consumer=b", ["consumer: found twice", "once"]),
            ("rute=a", ["found \"rute\"", "did you mean \"route\"?"]),
            ("consumer=%f", ["\"%f\"", "percent-encoded"]),
            ("consumer=%ff", ["\"%ff\"", "UTF-8"]),
        ] {
            let why = read(query).unwrap_err();
            assert!(
                parts.iter().all(|part| why.contains(part)),
                "{query}: {why}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_query_breaks_it(query in "(from|to|consumer|format)?[=&%+0-9a-fé-]{0,20}") {
            let _ = read(&query);
        }
    }
}
