//! `/canary`: rollouts, and what operators decide about them.

use std::time::Instant;

use http::{Method, StatusCode};

use super::api::{Answer, json_answer, not_allowed, problem};
use crate::generation::Control;
use crate::rollout::Rollout;

/// What an operator can decide.
type Action = fn(&Rollout) -> Result<(), String>;

/// The answer to a request for a path below `/canary`; none for other paths.
pub(super) fn answer(control: &Control, method: &Method, path: &str) -> Option<Answer> {
    let rest = path.strip_prefix("/canary")?;
    let get = matches!(*method, Method::GET | Method::HEAD);
    if rest.is_empty() {
        return Some(if get {
            json_answer(StatusCode::OK, &control.rollouts().status())
        } else {
            not_allowed("GET, HEAD")
        });
    }
    let rest = rest.strip_prefix('/')?;
    let (name, action) = match rest.split_once('/') {
        Some((name, action)) => (name, Some(action)),
        None => (rest, None),
    };
    let Some(rollout) = control.rollouts().get(name) else {
        return Some(unknown(control, name));
    };
    Some(match action.map(named) {
        None if get => json_answer(StatusCode::OK, &rollout.status()),
        None => not_allowed("GET, HEAD"),
        Some(Some(action)) if *method == Method::POST => act(control, &rollout, action),
        Some(Some(_)) => not_allowed("POST"),
        Some(None) => problem(
            StatusCode::NOT_FOUND,
            "a canary can pause, resume, promote and rollback",
        ),
    })
}

fn named(action: &str) -> Option<Action> {
    match action {
        "pause" => Some(Rollout::pause),
        "resume" => Some(Rollout::resume),
        "promote" => Some(Rollout::promote),
        "rollback" => Some(Rollout::rollback),
        _ => None,
    }
}

fn act(control: &Control, rollout: &Rollout, action: Action) -> Answer {
    let name = rollout.name();
    if let Err(why) = action(rollout) {
        return problem(StatusCode::CONFLICT, &format!("canary `{name}`: {why}"));
    }
    let status = rollout.status();
    tracing::info!(plugin = name, "canary {} by an operator", status.state);
    // Before the answer: what an operator has decided is not lost with the process.
    if let Err(why) = control.rollouts().save_if_due(Instant::now()) {
        tracing::warn!("{why}");
    }
    json_answer(StatusCode::OK, &status)
}

fn unknown(control: &Control, name: &str) -> Answer {
    let known: Vec<_> = control.rollouts().all();
    let known: Vec<_> = known.iter().map(|r| format!("`{}`", r.name())).collect();
    let detail = if known.is_empty() {
        format!("no canary `{name}`: no plugin that is in use has one")
    } else {
        format!("no canary `{name}`; there are {}", known.join(", "))
    };
    problem(StatusCode::NOT_FOUND, &detail)
}
