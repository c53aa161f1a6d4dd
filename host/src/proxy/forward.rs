//! From a request that passed its plugins to the head of the upstream's response.

use std::time::Instant;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TE, UPGRADE, VIA};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, StatusCode, Uri, Version};

use super::answer::{Answer, Source};
use super::begin::Upgrade;
use super::chain::{Inbound, broken_request};
use super::ending::Ending;
use crate::config::model::{Protocol, Upstream};
use crate::upstream::{Lease, Outgoing, RequestBody, SendError, Sent, UpstreamBody};

/// RFC 9110, 7.6.3: a gateway names itself.
const VIA_SLUICE: HeaderValue = HeaderValue::from_static("1.1 sluice");

/// A response whose body is still with the upstream.
pub(super) struct Answered {
    pub(super) response: http::Response<UpstreamBody>,
    pub(super) lease: Lease,
}

impl Answered {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }
}

/// Sends the request to the upstream that was chosen.
pub(super) async fn forward(
    ending: &mut Ending,
    body: Inbound,
    upgrade: Option<&Upgrade>,
) -> Result<Answered, Answer> {
    let view = ending.view.clone();
    let route = ending.route.and_then(|r| view.routes.get(r));
    let chosen = ending.exchange.as_ref().map_or(0, |e| e.upstream);
    let Some((route, pool)) = route.and_then(|r| Some((r, r.pools.get(chosen)?))) else {
        return Err(Answer::new(
            StatusCode::NOT_FOUND,
            Source::Route,
            "the route has no upstream",
        ));
    };
    let read_by_plugin = matches!(body, Inbound::Read(_));
    let body = body.into_request_body(ending);
    let Some(request) = outgoing(
        ending,
        body,
        read_by_plugin,
        route.keeps_request,
        &pool.config,
        upgrade,
    ) else {
        let detail = "the request's target cannot be sent to this upstream";
        return Err(Answer::new(
            StatusCode::BAD_REQUEST,
            Source::Request,
            detail,
        ));
    };
    let begun = Instant::now();
    let progress = ending.progress.clone();
    ending.target = Some((pool.clone(), 0));
    let sent = pool.send(Outgoing { request, progress }).await;
    ending.upstream_time = begun.elapsed();
    pool.series.duration.observe(ending.upstream_time);
    match sent {
        Ok(Sent { response, lease }) => {
            ending.target = Some((pool.clone(), lease.target()));
            ending.upstream_status = Some(response.status().as_u16());
            if response.status() == StatusCode::SWITCHING_PROTOCOLS && upgrade.is_none() {
                return Err(answer_of(
                    &pool.config,
                    StatusCode::BAD_GATEWAY,
                    "the upstream switched protocols unasked",
                ));
            }
            Ok(Answered { response, lease })
        }
        Err(why) => Err(failed(ending, &pool.config, &why)),
    }
}

fn failed(ending: &mut Ending, upstream: &Upstream, why: &SendError) -> Answer {
    if let Some(failure) = ending.progress.failure() {
        return broken_request(failure);
    }
    let target = why
        .target()
        .and_then(|t| upstream.targets.iter().position(|u| u == t));
    if let (Some(at), Some((_, index))) = (target, &mut ending.target) {
        *index = at;
    }
    let id = ending.asked.request_id.to_str().unwrap_or("");
    tracing::warn!(
        upstream = &*upstream.name,
        request_id = id,
        "no response: {why}"
    );
    match why {
        SendError::Unreachable(_, why) if why.kind() == std::io::ErrorKind::TimedOut => answer_of(
            upstream,
            StatusCode::GATEWAY_TIMEOUT,
            "the upstream took no connection in time",
        ),
        SendError::Unreachable(..) => answer_of(
            upstream,
            StatusCode::BAD_GATEWAY,
            "the upstream cannot be reached",
        ),
        SendError::Busy => answer_of(
            upstream,
            StatusCode::SERVICE_UNAVAILABLE,
            "all connections to the upstream are in use",
        ),
        SendError::TimedOut(_) => answer_of(
            upstream,
            StatusCode::GATEWAY_TIMEOUT,
            "the upstream sent no response in time",
        ),
        SendError::Failed(..) => answer_of(
            upstream,
            StatusCode::BAD_GATEWAY,
            "the upstream closed the connection or sent something that is not HTTP",
        ),
    }
}

fn answer_of(upstream: &Upstream, status: StatusCode, detail: &str) -> Answer {
    Answer::new(status, Source::Upstream(upstream.name.clone()), detail)
}

/// The request in the form that the upstream's protocol wants.
fn outgoing(
    ending: &mut Ending,
    body: RequestBody,
    read_by_plugin: bool,
    keep: bool,
    upstream: &Upstream,
    upgrade: Option<&Upgrade>,
) -> Option<Request<RequestBody>> {
    let state = &mut ending.exchange.as_mut()?.request;
    let mut headers = if keep {
        state.headers.clone()
    } else {
        std::mem::take(&mut state.headers)
    };
    if read_by_plugin {
        // Whatever the client announced, this is what is sent.
        headers.remove(CONTENT_LENGTH);
        if let (RequestBody::Full(whole), true) = (&body, is_exact(&body)) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.data.len()));
        }
    }
    if let Some(host) = &upstream.host {
        headers.insert(HOST, host.clone());
    }
    headers.append(VIA, VIA_SLUICE);
    let mut request = Request::new(body);
    *request.method_mut() = state.method.clone();
    match upstream.protocol {
        Protocol::Http1 => {
            connection_headers(&mut headers, upgrade);
            *request.uri_mut() = Uri::from(state.target.clone());
        }
        Protocol::Http2 => {
            *request.uri_mut() = absolute(&mut headers, state.target.clone(), state.https)?;
            *request.version_mut() = Version::HTTP_2;
        }
    }
    *request.headers_mut() = headers;
    Some(request)
}

fn is_exact(body: &RequestBody) -> bool {
    http_body::Body::size_hint(body).exact().is_some()
}

/// What this hop says of itself: a switch of protocols, or that trailers are welcome.
fn connection_headers(headers: &mut HeaderMap, upgrade: Option<&Upgrade>) {
    if let Some(upgrade) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, upgrade.protocol.clone());
    } else if headers.contains_key(TE) {
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
}

/// HTTP/2 has `:authority` in the place of Host.
fn absolute(headers: &mut HeaderMap, target: PathAndQuery, https: bool) -> Option<Uri> {
    let host = headers.remove(HOST);
    let authority = match host {
        Some(host) => Authority::try_from(host.as_bytes()).ok()?,
        None => Authority::from_static("localhost"),
    };
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if https { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority);
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).ok()
}
