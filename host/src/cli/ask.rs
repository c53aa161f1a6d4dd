//! `sluice reload`, `rollback`, `generations`, and what `usage` shares with them: questions to the admin API of a running gateway.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::print;

/// A reload may compile plugins.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Args)]
pub(super) struct Target {
    /// The admin address of the gateway.
    #[arg(long, default_value = "127.0.0.1:9901")]
    admin: String,
}

pub(super) fn reload(target: &Target) -> ExitCode {
    outcome(ask(target, "POST", "/reload"))
}

pub(super) fn roll_back(target: &Target, number: Option<u64>) -> ExitCode {
    let path = match number {
        Some(number) => format!("/rollback?to={number}"),
        None => "/rollback".to_owned(),
    };
    outcome(ask(target, "POST", &path))
}

pub(super) fn generations(target: &Target) -> ExitCode {
    let answer = match ask(target, "GET", "/generations") {
        Ok(answer) => answer,
        Err(why) => return failed(&why),
    };
    for one in answer.as_array().into_iter().flatten() {
        let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or("");
        let number = one.get("number").and_then(Value::as_u64).unwrap_or(0);
        let current = one.get("current").and_then(Value::as_bool).unwrap_or(false);
        let mark = if current { "*" } else { " " };
        print::out(format_args!(
            "{mark} {number}  {}  {}",
            text("built"),
            text("cause")
        ));
        for change in one
            .get("changes")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            print::out(format_args!("    {}", change.as_str().unwrap_or("")));
        }
    }
    ExitCode::SUCCESS
}

fn outcome(answer: Result<Value, String>) -> ExitCode {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return failed(&why),
    };
    let list = |key: &str| {
        let list = answer.get(key).and_then(Value::as_array).cloned();
        list.unwrap_or_default()
    };
    let generation = answer
        .get("generation")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    match answer.get("outcome").and_then(Value::as_str) {
        Some("applied") => {
            print::out(format_args!("applied: generation {generation}"));
            for change in list("changes") {
                print::out(format_args!("  {}", change.as_str().unwrap_or("")));
            }
            for key in list("restart") {
                print::out(format_args!(
                    "  {} takes effect after a restart",
                    key.as_str().unwrap_or("")
                ));
            }
            ExitCode::SUCCESS
        }
        Some("unchanged") => {
            print::out(format_args!("unchanged: generation {generation}"));
            ExitCode::SUCCESS
        }
        Some("rejected") => {
            for problem in list("problems") {
                print::err(line_of(&problem));
            }
            print::err(format_args!("rejected: generation {generation} goes on"));
            ExitCode::FAILURE
        }
        _ => refused(&answer),
    }
}

/// A problem as `check` would print it.
fn line_of(problem: &Value) -> String {
    let text = |key: &str| problem.get(key).and_then(Value::as_str);
    let place = problem.get("place").filter(|p| p.is_object()).map(|p| {
        let number = |key: &str| p.get(key).and_then(Value::as_u64).unwrap_or(0);
        let file = p.get("file").and_then(Value::as_str).unwrap_or("");
        format!("{file}:{}:{}: ", number("line"), number("column"))
    });
    let key = text("key")
        .filter(|k| !k.is_empty())
        .map(|k| format!("{k}: "));
    let part = |before: &str, key, after: &str| text(key).map(|v| format!("{before}{v}{after}"));
    [
        place,
        key,
        text("message").map(str::to_owned),
        part(": found ", "found", ""),
        part(", expected ", "expected", ""),
        part("; did you mean ", "nearest", "?"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The gateway's own words for why it does not answer what was asked.
pub(super) fn refused(answer: &Value) -> ExitCode {
    let detail = answer.get("detail").and_then(Value::as_str);
    failed(detail.unwrap_or("an answer that is not understood"))
}

pub(super) fn failed(why: &str) -> ExitCode {
    print::err(why);
    ExitCode::FAILURE
}

/// An answer of the admin API.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    address: String,
}

impl Answer {
    pub(super) fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.body)
            .map_err(|_| format!("{}: this is not the admin API of a gateway", self.address))
    }
}

pub(super) fn ask(target: &Target, method: &str, path: &str) -> Result<Value, String> {
    fetch(target, method, path)?.json()
}

/// One request on a connection of its own.
pub(super) fn fetch(target: &Target, method: &str, path: &str) -> Result<Answer, String> {
    let address = &target.admin;
    let said =
        |why: std::io::Error| format!("{address}: {why}; is the gateway running, with [admin]?");
    let mut stream = TcpStream::connect(address).map_err(said)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(said)?;
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        .map_err(said)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(said)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok(Answer {
        status: status.unwrap_or(0),
        body: body.to_owned(),
        address: address.clone(),
    })
}
