//! What an operator gets: rows, as CSV or as JSON.

use std::fmt;

use serde::Serialize;

use super::rows::Sums;
use super::{Day, ledger};

/// Which rows are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// Only this consumer's; `""` means nobody's.
    pub consumer: Option<String>,
    /// Only this route's; `""` means those that took none.
    pub route: Option<String>,
}

impl Filter {
    pub(super) fn covers(&self, day: Day) -> bool {
        (self.from..=self.to).contains(&day)
    }

    pub(super) fn wants(&self, consumer: &str, route: &str) -> bool {
        let is = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|w| w == name);
        is(&self.consumer, consumer) && is(&self.route, route)
    }
}

/// What one consumer used on one route in one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The day, in UTC.
    pub date: Day,
    /// Who called; empty where that was not known.
    pub consumer: String,
    /// The route; empty where none matched.
    pub route: String,
    /// How much.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Rows in the order of day, consumer and route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Export {
    /// The first day that was asked for.
    pub from: Day,
    /// The last day that was asked for.
    pub to: Day,
    /// The rows.
    pub rows: Vec<Row>,
}

/// Why there is no export.
#[derive(Debug)]
pub enum ExportError {
    /// There are more rows than one export may have.
    TooMany,
    /// The state folder cannot be read, or not all of it. A bill with a hole would be worse.
    Unreadable(String),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(
                f,
                "more than {} rows: ask for fewer days, for one consumer or for one route",
                ledger::MOST_EXPORTED
            ),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ExportError {}

impl Export {
    pub(super) fn new(filter: &Filter, rows: Vec<Row>) -> Self {
        let mut export = Self {
            from: filter.from,
            to: filter.to,
            rows,
        };
        export.put_in_order();
        export
    }

    /// A day that was read in two parts has rows of the same names twice.
    fn put_in_order(&mut self) {
        fn key(row: &Row) -> (Day, &str, &str) {
            (row.date, &row.consumer, &row.route)
        }
        self.rows.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        self.rows.dedup_by(|later, row| {
            let same = key(later) == key(row);
            if same {
                row.sums.add(&later.sums);
            }
            same
        });
    }

    /// CSV with a header line (RFC 4180).
    ///
    /// A name that a spreadsheet would take for a formula has a `'` before it.
    pub fn csv(&self) -> String {
        let header = "date,consumer,route,requests,request_bytes,response_bytes,denials,cost";
        let mut text = format!("{header}\r\n");
        for row in &self.rows {
            let Sums {
                requests,
                request_bytes,
                response_bytes,
                denials,
                cost,
            } = row.sums;
            let (date, consumer, route) = (row.date, field(&row.consumer), field(&row.route));
            text.push_str(&format!(
                "{date},{consumer},{route},{requests},{request_bytes},{response_bytes},{denials},{cost}\r\n"
            ));
        }
        text
    }
}

/// A name as a field. Consumers may be named by a token that a client brought.
fn field(name: &str) -> String {
    let formula = |c| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
        )
    };
    let quoted = name.contains(['"', ',', ';']) || name.contains(char::is_control);
    if name.starts_with(formula) {
        format!("\"'{}\"", name.replace('"', "\"\""))
    } else if quoted || name.starts_with(' ') || name.ends_with(' ') {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn export(names: &[&str]) -> Export {
        let day: Day = "2026-11-21".parse().unwrap();
        let rows = names.iter().map(|name| Row {
            date: day,
            consumer: (*name).to_owned(),
            route: "orders".to_owned(),
            sums: Sums {
                requests: 1,
                request_bytes: 2,
                response_bytes: 3,
                denials: 4,
                cost: 5,
            },
        });
        Export {
            from: day,
            to: day,
            rows: rows.collect(),
        }
    }

    /// A reader of RFC 4180, by the letter.
    fn read(csv: &str) -> Vec<Vec<String>> {
        let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
        let mut quoted = false;
        let mut chars = csv.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    field.push('"');
                    chars.next();
                }
                '"' => quoted = !quoted,
                ',' if !quoted => record.push(std::mem::take(&mut field)),
                '\r' if !quoted && chars.peek() == Some(&'\n') => {
                    chars.next();
                    record.push(std::mem::take(&mut field));
                    records.push(std::mem::take(&mut record));
                }
                c => field.push(c),
            }
        }
        records
    }

    proptest! {
        #[test]
        fn any_name_survives_csv(names in prop::collection::vec("(?s).{0,8}|[=+@\"',;\r\n -]{0,5}", 1..6)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let records = read(&export(&names).csv());
            prop_assert_eq!(records.len(), names.len() + 1);
            for (record, name) in records.iter().skip(1).zip(names) {
                prop_assert_eq!(record.len(), 8);
                let shown = record[1].as_str();
                prop_assert!(shown == name || shown.strip_prefix('\'') == Some(name));
                prop_assert!(!shown.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
                prop_assert_eq!(&record[7], "5");
            }
        }
    }

    #[test]
    fn a_name_cannot_be_a_formula() {
        let csv = export(&["=1+1", "a,\"b\"", "acme"]).csv();
        let expected = "date,consumer,route,requests,request_bytes,response_bytes,denials,cost\r\n\
             2026-11-21,\"'=1+1\",orders,1,2,3,4,5\r\n\
             2026-11-21,\"a,\"\"b\"\"\",orders,1,2,3,4,5\r\n\
             2026-11-21,acme,orders,1,2,3,4,5\r\n";
        assert_eq!(csv, expected);
    }

    #[test]
    fn json_has_the_name_as_it_is() {
        let json = serde_json::to_value(export(&["=1+1"])).unwrap();
        let row = serde_json::json!({
            "date": "2026-11-21", "consumer": "=1+1", "route": "orders", "requests": 1,
            "request_bytes": 2, "response_bytes": 3, "denials": 4, "cost": 5,
        });
        let expected =
            serde_json::json!({ "from": "2026-11-21", "to": "2026-11-21", "rows": [row] });
        assert_eq!(json, expected);
    }
}
