//! One answer out of many.

use serde_json::Value;
use serde_json::value::RawValue;
use sluice_plugin::http_client::{Answer, CallError};
use sluice_plugin::prelude::*;

use crate::options::{ERRORS, Options, Part};

/// Room for names and errors, in bytes.
const SMALL: usize = 1024;

/// Why a part is missing.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// The service answered with this status.
    Status(u16),
    NotJson,
    TooLarge,
    TimedOut,
    Unreachable(String),
}

/// The reply to the client. An error is the configuration's.
pub(crate) fn compose(
    options: &Options,
    answers: Vec<Result<Answer, CallError>>,
) -> Result<Reply, Error> {
    let mut left = usize::try_from(options.max_bytes).unwrap_or(usize::MAX);
    // Grown piece by piece, it would need twice the memory.
    let bytes = answers.iter().flatten().map(|answer| answer.body.len());
    let room = bytes.fold(0, usize::saturating_add).min(left);
    let mut body = String::with_capacity(room + SMALL);
    body.push('{');
    let mut failed: Vec<(&Part, Failure)> = Vec::new();
    for (part, answer) in options.parts.iter().zip(&answers) {
        if matches!(answer, Err(CallError::NotGranted)) {
            let message = ["part `", &part.name, "`: no grant for its target"];
            return Err(Error::new(message.concat()));
        }
        quote(&part.name, &mut body);
        body.push(':');
        match embedded(answer, left) {
            Ok(json) => {
                left -= json.len();
                body.push_str(json);
            }
            Err(failure) => {
                body.push_str("null");
                failed.push((part, failure));
            }
        }
        body.push(',');
    }
    report(&failed)?;
    if let Some((part, failure)) = failed.iter().find(|(part, _)| part.required) {
        return Ok(refusal(part, failure));
    }
    body.pop();
    if failed.is_empty() {
        body.push('}');
        return Ok(Reply::json(200, body));
    }
    body.push(',');
    quote(ERRORS, &mut body);
    body.push_str(":[");
    for (part, failure) in &failed {
        body.push_str("{\"part\":");
        quote(&part.name, &mut body);
        body.push_str(",\"reason\":");
        quote(failure.reason(), &mut body);
        if let Failure::Status(status) = failure {
            body.push_str(",\"status\":");
            body.push_str(&status.to_string());
        }
        body.push_str("},");
    }
    body.pop();
    body.push_str("]}");
    // What is missing now may be there the next time.
    Ok(Reply::json(200, body).with_header("cache-control", "no-store"))
}

/// The bytes of a part, as the service wrote them.
fn embedded(answer: &Result<Answer, CallError>, left: usize) -> Result<&str, Failure> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(CallError::TimedOut) => return Err(Failure::TimedOut),
        Err(CallError::TooLarge) => return Err(Failure::TooLarge),
        Err(error) => return Err(Failure::Unreachable(error.to_string())),
    };
    if !answer.is_success() {
        return Err(Failure::Status(answer.status));
    }
    if answer.status == 204 {
        return Ok("null");
    }
    if answer.body.len() > left {
        return Err(Failure::TooLarge);
    }
    let json: &RawValue = serde_json::from_slice(&answer.body).map_err(|_| Failure::NotJson)?;
    Ok(json.get())
}

/// Tells the operator.
fn report(failed: &[(&Part, Failure)]) -> Result<(), Error> {
    if failed.is_empty() {
        return Ok(());
    }
    for (part, failure) in failed {
        let status = match failure {
            Failure::Status(status) => status.to_string(),
            _ => String::new(),
        };
        let why = match failure {
            Failure::Unreachable(why) => why.as_str(),
            Failure::Status(_) => &status,
            _ => "",
        };
        let fields = [
            ("part", &*part.name),
            ("reason", failure.reason()),
            ("why", why),
        ];
        log::write(log::Level::Warn, "a part failed", &fields);
    }
    let names: Vec<_> = failed.iter().map(|(part, _)| &*part.name).collect();
    Ok(context::tag("failed_parts", &names.join(","))?)
}

/// What is not there at all is not there; all else is the gateway's trouble.
fn refusal(part: &Part, failure: &Failure) -> Reply {
    if *failure == Failure::Status(404) {
        let detail = ["There is no `", &part.name, "` here."].concat();
        return Reply::problem(404, "Not Found", &detail);
    }
    let detail = [
        "The part `",
        &part.name,
        "` failed: ",
        failure.reason(),
        ".",
    ]
    .concat();
    Reply::problem(502, "Bad Gateway", &detail)
}

impl Failure {
    /// For clients: it says nothing of addresses.
    fn reason(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::NotJson => "not-json",
            Self::TooLarge => "too-large",
            Self::TimedOut => "timed-out",
            Self::Unreachable(_) => "unreachable",
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&Value::from(text).to_string());
}
