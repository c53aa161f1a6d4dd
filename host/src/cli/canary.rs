//! `sluice canary`: where canaries of a running gateway stand, and what shall become of them.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::ask::{Target, ask, failed, refused};
use super::print;
use crate::rollout::Failure;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show where canaries stand, and why.
    Status {
        /// The plugin; all of them where it is left out.
        name: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Stop the ramp; gates go on judging.
    Pause(One),
    /// Go on with the ramp; after a rollback, from its beginning.
    Resume(One),
    /// Give the canary all requests.
    Promote(One),
    /// Give the baseline all requests, until `resume` or `promote`.
    Rollback(One),
}

#[derive(Args)]
pub(super) struct One {
    /// The plugin, by its name in the configuration.
    name: String,
    #[command(flatten)]
    target: Target,
}

pub(super) fn canary(command: &Command) -> ExitCode {
    match command {
        Command::Status { name, target } => {
            let path = match name {
                Some(name) => format!("/canary/{name}"),
                None => "/canary".to_owned(),
            };
            show(ask(target, "GET", &path))
        }
        Command::Pause(one) => one.act("pause"),
        Command::Resume(one) => one.act("resume"),
        Command::Promote(one) => one.act("promote"),
        Command::Rollback(one) => one.act("rollback"),
    }
}

impl One {
    fn act(&self, action: &str) -> ExitCode {
        let path = format!("/canary/{}/{action}", self.name);
        show(ask(&self.target, "POST", &path))
    }
}

/// One status, or a list of them.
fn show(answer: Result<Value, String>) -> ExitCode {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return failed(&why),
    };
    match &answer {
        Value::Array(all) if all.is_empty() => print::out("no plugin that is in use has a canary"),
        Value::Array(all) => all.iter().for_each(show_one),
        one if one.get("state").is_some() => show_one(one),
        other => return refused(other),
    }
    ExitCode::SUCCESS
}

fn show_one(status: &Value) {
    let mut line = format!("{}  {}", text(status, "name"), text(status, "state"));
    let (step, steps) = (number(status, "step"), number(status, "steps"));
    if step > 0 && step <= steps {
        line.push_str(&format!("  step {step} of {steps}"));
    }
    if let Some(left) = status.get("next_change_ms").and_then(Value::as_u64) {
        let left = Duration::from_secs(left.div_ceil(1000));
        line.push_str(&format!("  {} left", humantime::format_duration(left)));
    }
    if status.get("waits_for_verdict") == Some(&Value::Bool(true)) {
        line.push_str("  waiting: too few requests for a verdict");
    }
    print::out(format_args!("{line}  since {}", text(status, "since")));
    let variants = status.get("variants").and_then(Value::as_array);
    for variant in variants.into_iter().flatten() {
        let is_baseline = variant.get("baseline") == Some(&Value::Bool(true));
        print::out(format_args!(
            "  {:>6} %  {}{}  {} requests, {} failed",
            float(variant, "weight"),
            text(variant, "name"),
            if is_baseline { " (baseline)" } else { "" },
            number(variant, "requests"),
            number(variant, "failures"),
        ));
    }
    if let Some(verdict) = status.get("verdict").filter(|v| v.is_object()) {
        show_verdict(verdict);
    }
}

fn show_verdict(verdict: &Value) {
    let none = Vec::new();
    let reasons = verdict.get("failed").and_then(Value::as_array);
    let reasons = reasons.unwrap_or(&none);
    let passed = if reasons.is_empty() {
        "passed"
    } else {
        "failed"
    };
    let sample = |key: &str| {
        let sample = verdict.get(key).unwrap_or(&Value::Null);
        let slow = sample.get("p99_ms").and_then(Value::as_f64);
        let slow = slow.map_or_else(String::new, |ms| format!(", p99 {ms:.1} ms"));
        let (requests, failures) = (number(sample, "requests"), number(sample, "failures"));
        format!("{requests} requests, {failures} failed{slow}")
    };
    print::out(format_args!(
        "  verdict of {}: {passed}; canary {}; baseline {}",
        text(verdict, "at"),
        sample("canary"),
        sample("baseline"),
    ));
    for reason in reasons {
        if let Ok(failure) = serde_json::from_value::<Failure>(reason.clone()) {
            print::out(format_args!("    {failure}"));
        }
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn float(value: &Value, key: &str) -> f64 {
    value.get(key).and_then(Value::as_f64).unwrap_or(0.0)
}
