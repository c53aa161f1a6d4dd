//! What each path of the admin API answers.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::json;

use super::usage::Asked;
use super::{Admin, canary};
use crate::generation::{Cause, Control, ReloadOutcome};
use crate::usage::{Day, ExportError};

pub(super) type Answer = Response<Full<Bytes>>;

/// Answers one request.
pub(super) async fn answer(
    admin: Rc<Admin>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let get = *request.method() == Method::GET || *request.method() == Method::HEAD;
    let post = *request.method() == Method::POST;
    // A page in the operator's browser must not be able to reload the gateway.
    if post && request.headers().contains_key(ORIGIN) {
        let detail = "requests from web pages are refused";
        return Ok(problem(StatusCode::FORBIDDEN, detail));
    }
    if let Some(answer) = canary::answer(&admin.control, request.method(), request.uri().path()) {
        return Ok(answer);
    }
    Ok(match request.uri().path() {
        "/healthz" if get => json_answer(StatusCode::OK, &json!({ "status": "ok" })),
        "/readyz" if get => ready(&admin),
        "/metrics" if get => metrics(&admin.control),
        "/generations" if get => json_answer(StatusCode::OK, &admin.control.generations()),
        "/usage" if get => usage(&admin, request.uri().query()).await,
        "/reload" if post => change(&admin, |control| control.reload(Cause::Admin)).await,
        "/rollback" if post => match rollback_to(request.uri().query()) {
            Ok(to) => change(&admin, move |c| c.roll_back(to, Cause::Admin)).await,
            Err(detail) => problem(StatusCode::BAD_REQUEST, detail),
        },
        "/healthz" | "/readyz" | "/metrics" | "/generations" | "/usage" => not_allowed("GET, HEAD"),
        "/reload" | "/rollback" => not_allowed("POST"),
        _ => problem(
            StatusCode::NOT_FOUND,
            "there are /healthz, /readyz, /metrics, /generations, /usage, /canary, /reload and /rollback",
        ),
    })
}

/// Ready means: new connections are taken and served by a generation.
fn ready(admin: &Admin) -> Answer {
    if admin.stopping.get() {
        return json_answer(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({ "status": "stopping" }),
        );
    }
    let generation = admin.control.current().number;
    json_answer(
        StatusCode::OK,
        &json!({ "status": "ready", "generation": generation }),
    )
}

fn metrics(control: &Control) -> Answer {
    let text = control.render_metrics();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    with_type(StatusCode::OK, kind, Bytes::from(text))
}

/// Reloads take as long as compiling takes: beside this thread.
async fn change<F>(admin: &Admin, change: F) -> Answer
where
    F: FnOnce(&Control) -> ReloadOutcome + Send + 'static,
{
    let control = admin.control.clone();
    match tokio::task::spawn_blocking(move || change(&control)).await {
        Ok(outcome) => {
            let status = match outcome {
                ReloadOutcome::Rejected { .. } => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::OK,
            };
            json_answer(status, &outcome)
        }
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the reload panicked"),
    }
}

/// Days that are on disk are read beside this thread.
async fn usage(admin: &Admin, query: Option<&str>) -> Answer {
    let now = SystemTime::now();
    let asked = match Asked::read(query, Day::of(now)) {
        Ok(asked) => asked,
        Err(why) => return problem(StatusCode::BAD_REQUEST, &why),
    };
    let ledger = admin.usage.clone();
    match tokio::task::spawn_blocking(move || asked.answer(&ledger, now)).await {
        Ok(Ok((kind, body))) => with_type(StatusCode::OK, kind, body),
        Ok(Err(why)) => {
            let status = match why {
                ExportError::TooMany => StatusCode::BAD_REQUEST,
                ExportError::Unreadable(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            problem(status, &why.to_string())
        }
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the export panicked"),
    }
}

fn rollback_to(query: Option<&str>) -> Result<Option<u64>, &'static str> {
    let Some(query) = query.filter(|q| !q.is_empty()) else {
        return Ok(None);
    };
    let number = query.strip_prefix("to=").and_then(|n| n.parse().ok());
    number
        .map(Some)
        .ok_or("the query is to=N, with the number of a generation")
}

pub(super) fn json_answer(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut text = serde_json::to_vec_pretty(body).unwrap_or_default();
    text.push(b'\n');
    let kind = HeaderValue::from_static("application/json");
    with_type(status, kind, Bytes::from(text))
}

pub(super) fn problem(status: StatusCode, detail: &str) -> Answer {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "source": "admin",
    });
    let kind = HeaderValue::from_static("application/problem+json");
    with_type(status, kind, Bytes::from(body.to_string()))
}

pub(super) fn not_allowed(allow: &'static str) -> Answer {
    let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, &format!("use {allow}"));
    answer
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

fn with_type(status: StatusCode, kind: HeaderValue, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
