//! `sluice usage`: who used how much, from a running gateway.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{ask, print};

#[derive(Args)]
pub(super) struct Usage {
    /// The first day, such as 2026-11-01. By default the first of the month.
    #[arg(long, value_name = "DAY", allow_hyphen_values = true)]
    from: Option<String>,
    /// The last day. By default today, in UTC.
    #[arg(long, value_name = "DAY", allow_hyphen_values = true)]
    to: Option<String>,
    /// Only this consumer; "" for requests of nobody who is known.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    consumer: Option<String>,
    /// Only this route; "" for requests that no route took.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    route: Option<String>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    target: ask::Target,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

/// The columns of the table, and their keys in JSON.
const COLUMNS: [&str; 8] = [
    "date",
    "consumer",
    "route",
    "requests",
    "request_bytes",
    "response_bytes",
    "denials",
    "cost",
];
/// The first columns are names, the others are numbers.
const NAMES: usize = 3;

pub(super) fn usage(asked: &Usage) -> ExitCode {
    let answer = match ask::fetch(&asked.target, "GET", &path(asked)) {
        Ok(answer) => answer,
        Err(why) => return ask::failed(&why),
    };
    if answer.status == 200 && asked.format != Format::Table {
        print::out(answer.body.trim_end());
        return ExitCode::SUCCESS;
    }
    let body = match answer.json() {
        Ok(body) => body,
        Err(why) => return ask::failed(&why),
    };
    let Some(rows) = body.get("rows").and_then(Value::as_array) else {
        return ask::refused(&body);
    };
    for line in table(rows) {
        print::out(line);
    }
    ExitCode::SUCCESS
}

fn path(asked: &Usage) -> String {
    let format = match asked.format {
        Format::Csv => "csv",
        Format::Table | Format::Json => "json",
    };
    let mut path = format!("/usage?format={format}");
    let parameters = [
        ("from", &asked.from),
        ("to", &asked.to),
        ("consumer", &asked.consumer),
        ("route", &asked.route),
    ];
    for (name, value) in parameters {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", encoded(value)));
        }
    }
    path
}

/// Percent-encoded where it is not unreserved (RFC 3986, 2.3).
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// The lines of the table, its head among them.
fn table(rows: &[Value]) -> Vec<String> {
    let head = COLUMNS.map(|column| column.replace('_', " "));
    let mut lines: Vec<[String; 8]> = vec![head];
    lines.extend(
        rows.iter()
            .map(|row| COLUMNS.map(|column| cell(row, column))),
    );
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: [usize; 8] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let lines = lines.iter().map(|line| {
        let cells = line
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(n, (cell, width))| {
                if n < NAMES {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        cells.collect::<Vec<_>>().join("  ")
    });
    lines.collect()
}

/// A name may hold what a terminal would obey.
fn cell(row: &Value, column: &str) -> String {
    match row.get(column) {
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) if text.contains(char::is_control) => {
            text.escape_debug().to_string()
        }
        Some(Value::String(text)) => text.clone(),
        Some(number) => number.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_harmless() {
        let row = |consumer: &str, requests: u64| {
            serde_json::json!({
                "date": "2026-11-21", "consumer": consumer, "route": "orders", "requests": requests,
                "request_bytes": 0, "response_bytes": 7, "denials": 1, "cost": 2,
            })
        };
        let lines = table(&[row("acme", 12), row("", 1), row("\u{1b}[2J", 100)]);
        let expected = "\
date        consumer   route   requests  request bytes  response bytes  denials  cost
2026-11-21  acme       orders        12              0               7        1     2
2026-11-21  -          orders         1              0               7        1     2
2026-11-21  \\u{1b}[2J  orders       100              0               7        1     2";
        assert_eq!(lines.join("\n"), expected);
    }

    #[test]
    fn what_is_asked_is_encoded() {
        assert_eq!(encoded("a-b.c_d~9"), "a-b.c_d~9");
        assert_eq!(encoded("a b&c=é+"), "a%20b%26c%3D%C3%A9%2B");
    }
}
