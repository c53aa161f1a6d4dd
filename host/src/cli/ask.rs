//! `sluice reload`, `rollback`, `generations`: questions to the admin API of a running gateway.

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
        _ => failed(
            answer
                .get("detail")
                .and_then(Value::as_str)
                .unwrap_or("an answer that is not understood"),
        ),
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

fn failed(why: &str) -> ExitCode {
    print::err(why);
    ExitCode::FAILURE
}

/// One request on a connection of its own.
fn ask(target: &Target, method: &str, path: &str) -> Result<Value, String> {
    let address = &target.admin;
    let said =
        |why: std::io::Error| format!("{address}: {why}; is the gateway running, with [admin]?");
    let mut stream = TcpStream::connect(address).map_err(said)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(said)?;
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        .map_err(said)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(said)?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body)
        .map_err(|_| format!("{address}: this is not the admin API of a gateway"))
}
