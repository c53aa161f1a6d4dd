//! From a response, whoever made it, to what the client gets.

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, UPGRADE};
use http::{Method, StatusCode, Version};

use super::answer::{self, Answer, SOURCE, Source};
use super::begin::REQUEST_ID;
use super::chain::Made;
use super::ending::Ending;
use super::forward::Answered;
use super::response_body::{Content, ResponseBody, Streamed};
use super::run::Running;
use super::upgrade;
use crate::body::WholeBody;
use crate::exchange::{Phase, strip_hop_by_hop};
use crate::message::{Headers, Response, ResponseHead};
use crate::plugin::Outcome;

/// The upstream's response, after the response hooks.
pub(super) async fn with_response(
    mut ending: Running,
    answered: Answered,
) -> Response<ResponseBody> {
    let Response {
        mut head,
        body: incoming,
    } = answered.response;
    if head.status == StatusCode::UPGRADE_REQUIRED {
        strip_all_but_upgrade(&mut head.headers, ending.asked.version);
    } else {
        strip_hop_by_hop(&mut head.headers);
    }
    // Only the gateway says who answered in its place.
    head.headers.remove(SOURCE);
    let name = answered.lease.pool().config.name.clone();
    let pause = answered.lease.pool().config.timeouts.idle;
    let pause = ending.connection.worker.timers.deadline(pause);
    let mut content = Content::Upstream(Streamed {
        incoming,
        lease: Some(answered.lease),
        pause,
        broken: None,
    });
    ending.outcome = Outcome::Proxied;
    ending.source = Some(Source::Upstream(name.clone()));
    if let Some(exchange) = &mut ending.exchange {
        exchange.phase = Phase::Response;
        exchange.response.status = head.status;
        exchange.response.headers = head.headers;
        exchange.response.upstream = Some(name);
    }
    ending.response_hooks(&mut content).await;
    finish(ending, content)
}

/// A client is told to which protocols it must switch (RFC 9110, 15.5.22).
fn strip_all_but_upgrade(headers: &mut Headers, client: Version) {
    let protocols = upgrade::protocols(headers);
    strip_hop_by_hop(headers);
    if client == Version::HTTP_11
        && let Some(protocols) = protocols
    {
        headers.insert(UPGRADE, protocols);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// What a plugin or the gateway made in the request phase, after the response
/// hooks of the plugins before it.
pub(super) async fn with_made(mut ending: Running, made: Made) -> Response<ResponseBody> {
    let mut content = ending.replace_response(made);
    ending.response_hooks(&mut content).await;
    finish(ending, content)
}

/// The gateway's own answer.
pub(super) async fn with_answer(ending: Running, answer: Answer) -> Response<ResponseBody> {
    if ending.exchange.is_some() {
        return with_made(ending, Made::Answer(answer)).await;
    }
    unrouted(ending, &answer)
}

/// An answer to a request that never became an exchange with a route.
fn unrouted(mut ending: Running, answer: &Answer) -> Response<ResponseBody> {
    ending.outcome = Outcome::AnsweredByGateway;
    ending.source = Some(answer.source.clone());
    if answer.status == StatusCode::NO_CONTENT {
        let content = Content::Whole(WholeBody::default());
        return own(ending, answer.status, Headers::new(), content);
    }
    let body = answer.body(ending.asked.request_id.to_str().unwrap_or(""));
    let content = Content::Whole(WholeBody::of(body));
    own(ending, answer.status, Answer::headers(), content)
}

fn finish(mut ending: Running, mut content: Content) -> Response<ResponseBody> {
    let view = ending.view.clone();
    let keep = ending
        .route
        .and_then(|r| view.routes.get(r))
        .is_some_and(|r| r.keeps_response);
    let Some(exchange) = &mut ending.exchange else {
        let detail = "the exchange has ended";
        let answer = Answer::new(StatusCode::INTERNAL_SERVER_ERROR, Source::Request, detail);
        return unrouted(ending, &answer);
    };
    let status = exchange.response.status;
    let mut headers = if keep {
        exchange.response.headers.clone()
    } else {
        std::mem::take(&mut exchange.response.headers)
    };
    if ending.outcome != Outcome::Proxied {
        return own(ending, status, headers, content);
    }
    if !headers.contains_key(REQUEST_ID) {
        headers.insert(REQUEST_ID, ending.asked.request_id.clone());
    }
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        content = without_body(content, status, &mut headers);
    }
    send(ending, status, headers, content)
}

/// What no upstream made: it says who made it, and to a gRPC client in its own way.
fn own(
    ending: Running,
    mut status: StatusCode,
    mut headers: Headers,
    mut content: Content,
) -> Response<ResponseBody> {
    if ending.asked.grpc {
        headers = grpc(status, &content, &ending);
        status = StatusCode::OK;
        content = Content::Whole(WholeBody::default());
    } else if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        content = without_body(content, status, &mut headers);
    }
    mark(&mut headers, &ending);
    send(ending, status, headers, content)
}

/// A status without a body, where a plugin made it so (RFC 9110, 15.3.5 and 15.4.5).
fn without_body(content: Content, status: StatusCode, headers: &mut Headers) -> Content {
    if status == StatusCode::NO_CONTENT {
        headers.remove(CONTENT_LENGTH);
    }
    if http_body_is_empty(&content) {
        return content;
    }
    Content::Whole(WholeBody::default())
}

fn http_body_is_empty(content: &Content) -> bool {
    match content {
        Content::Whole(whole) => whole.is_empty(),
        Content::Upstream(streamed) => http_body::Body::is_end_stream(streamed),
    }
}

/// A length that is not the body's, because a plugin has changed method or status, goes.
fn keep_right_length(headers: &mut Headers, content: &Content) {
    let exact = match content {
        Content::Whole(whole) => whole.size_hint().exact(),
        Content::Upstream(streamed) => http_body::Body::size_hint(streamed).exact(),
    };
    if !exact.is_some_and(|exact| headers.says_length(exact)) {
        headers.remove(CONTENT_LENGTH);
    }
}

fn send(
    mut ending: Running,
    status: StatusCode,
    mut headers: Headers,
    mut content: Content,
) -> Response<ResponseBody> {
    if ending.asked.method == Method::HEAD {
        if let Content::Whole(whole) = &content
            && !whole.data.is_empty()
        {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.data.len()));
        }
        // An upstream may say only later that nothing comes: nobody waits for that.
        if !http_body_is_empty(&content) {
            content = Content::Whole(WholeBody::default());
        }
    } else if ending.asked.version == Version::HTTP_2 && status != StatusCode::NOT_MODIFIED {
        // HTTP/1 frames the body by what it is.
        keep_right_length(&mut headers, &content);
    }
    ending.status = status.as_u16();
    Response {
        head: ResponseHead { status, headers },
        body: ResponseBody::new(content, Some(ending)),
    }
}

/// Who answered, and how to find it in the logs.
fn mark(headers: &mut Headers, ending: &Ending) {
    headers.insert(REQUEST_ID, ending.asked.request_id.clone());
    let source = ending.source.as_ref().map(ToString::to_string);
    if let Some(Ok(value)) = source.map(HeaderValue::try_from) {
        headers.insert(SOURCE, value);
    }
}

/// A gRPC client reads the status from a header, not from a body.
fn grpc(status: StatusCode, content: &Content, ending: &Ending) -> Headers {
    let detail = match content {
        Content::Whole(whole) => detail_of(&whole.data),
        Content::Upstream(_) => None,
    };
    let title = status.canonical_reason().unwrap_or("error");
    let source = ending
        .source
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let message = format!("{}: {}", source, detail.as_deref().unwrap_or(title));
    answer::grpc_headers(status, &message)
}

/// The `detail` of problem details.
fn detail_of(body: &[u8]) -> Option<String> {
    let problem: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(problem.get("detail")?.as_str()?.to_owned())
}
