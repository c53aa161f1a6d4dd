//! From a request that passed its plugins to the head of the upstream's response.

use std::time::Instant;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TE, UPGRADE, VIA};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{StatusCode, Uri, Version};

use super::answer::{Answer, Source};
use super::chain::{Inbound, broken_request};
use super::ending::Ending;
use super::upgrade::Upgrade;
use crate::config::model::{Protocol, Upstream};
use crate::exchange::RequestState;
use crate::message::{Headers, Request, RequestHead, Response};
use crate::upstream::{Hop, Lease, Outgoing, RequestBody, SendError, Sent, UpstreamBody};

/// What this hop says of itself: who it is, by which version the request came to it (RFC 9110,
/// 7.6.3), and that it takes trailers.
type Lines = [(HeaderName, HeaderValue); 2];

static LINES_1_0: Lines = lines("1.0 sluice");
static LINES_1_1: Lines = lines("1.1 sluice");
static LINES_2_0: Lines = lines("2.0 sluice");

const fn lines(via: &'static str) -> Lines {
    [
        (VIA, HeaderValue::from_static(via)),
        (CONNECTION, HeaderValue::from_static("te")),
    ]
}

fn lines_of(received: Version) -> &'static Lines {
    match received {
        Version::HTTP_2 => &LINES_2_0,
        Version::HTTP_10 => &LINES_1_0,
        _ => &LINES_1_1,
    }
}

/// A response whose body is still with the upstream.
pub(super) struct Answered {
    pub(super) response: Response<UpstreamBody>,
    pub(super) lease: Lease,
}

impl Answered {
    pub(super) fn status(&self) -> StatusCode {
        self.response.head.status
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
    let progress = ending.progress.clone();
    let unsendable = || {
        let detail = "the request's target cannot be sent to this upstream";
        Answer::new(StatusCode::BAD_REQUEST, Source::Request, detail)
    };
    let all_lines = lines_of(ending.asked.version);
    let [(_, via), _] = all_lines;
    let exchange = ending.exchange.as_mut().ok_or_else(unsendable)?;
    if !exchange.rollouts.is_empty() && matches!(body, RequestBody::Stream(_)) {
        progress.watch();
    }
    let mut lent = Lent::new(&mut exchange.request, body, read_by_plugin);
    if pool.config.protocol == Protocol::Http2 {
        lent.speak_http2(via, route.keeps_request, &pool.config)
            .ok_or_else(unsendable)?;
    }
    let switching;
    let lines: &[_] = match upgrade {
        Some(upgrade) => {
            switching = [
                (VIA, via.clone()),
                (CONNECTION, HeaderValue::from_static("upgrade")),
                (UPGRADE, upgrade.protocols.clone()),
            ];
            &switching
        }
        // Trailers are welcome to whoever asked for them (RFC 9110, 10.1.4).
        None if lent.request.head.headers.contains_key(TE) => all_lines,
        None => all_lines.get(..1).unwrap_or_default(),
    };
    let hop = Hop {
        host: pool.config.host.as_ref(),
        lines,
    };
    let begun = ending.plugins_time.last().unwrap_or_else(Instant::now);
    ending.target = Some((pool.clone(), 0));
    ending.sent = Some(begun);
    let outgoing = Outgoing {
        request: &mut lent.request,
        hop,
        progress: &progress,
        // HTTP/1.0 knows none, and hyper has no way to send them over HTTP/2.
        interim: (ending.asked.version == Version::HTTP_11).then_some(&ending.connection.interim),
    };
    let sent = pool.send(outgoing).await;
    drop(lent);
    ending.upstream_time = begun.elapsed();
    pool.series.duration.observe(ending.upstream_time);
    match sent {
        Ok(Sent { response, lease }) => {
            ending.target = Some((pool.clone(), lease.target()));
            let head = &response.head;
            ending.upstream_status = Some(head.status.as_u16());
            ending.note_grpc(|| head.headers.get("grpc-status"));
            if head.status == StatusCode::SWITCHING_PROTOCOLS
                && !upgrade.is_some_and(|upgrade| upgrade.is_granted(&head.headers))
            {
                return Err(answer_of(
                    &pool.config,
                    StatusCode::BAD_GATEWAY,
                    "the upstream switched to a protocol that was not asked for",
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

/// A request that is being sent. Its headers are the exchange's own, and go back there: hooks may
/// read them later, also where this is given up in the middle.
struct Lent<'e> {
    request: Request<RequestBody>,
    state: &'e mut RequestState,
    gives_back: bool,
}

impl<'e> Lent<'e> {
    /// The request as HTTP/1.1 wants it.
    fn new(state: &'e mut RequestState, body: RequestBody, read_by_plugin: bool) -> Self {
        let mut headers = std::mem::take(&mut state.headers);
        if read_by_plugin {
            // Whatever the client announced, this is what is sent.
            headers.remove(CONTENT_LENGTH);
            if let (RequestBody::Full(whole), true) = (&body, is_exact(&body)) {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.data.len()));
            }
        }
        let head = RequestHead {
            method: state.method.clone(),
            uri: Uri::from(state.target.clone()),
            version: Version::HTTP_11,
            headers,
        };
        Self {
            request: Request { head, body },
            state,
            gives_back: true,
        }
    }

    /// Makes it one of HTTP/2, which takes the headers for good. None where it cannot be one.
    fn speak_http2(&mut self, via: &HeaderValue, keep: bool, upstream: &Upstream) -> Option<()> {
        if keep {
            self.state.headers = self.request.head.headers.clone();
        }
        self.gives_back = false;
        let target = self.state.target.clone();
        // Servers with TLS refuse what says that it came without.
        let https = self.state.https || upstream.tls.is_some();
        let head = &mut self.request.head;
        let headers = &mut head.headers;
        if let Some(host) = &upstream.host {
            headers.insert(HOST, host.clone());
        }
        headers.append(VIA, via.clone());
        head.uri = absolute(headers, target, https)?;
        head.version = Version::HTTP_2;
        Some(())
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if self.gives_back {
            self.state.headers = std::mem::take(&mut self.request.head.headers);
        }
    }
}

fn is_exact(body: &RequestBody) -> bool {
    http_body::Body::size_hint(body).exact().is_some()
}

/// HTTP/2 has `:authority` in the place of Host.
fn absolute(headers: &mut Headers, target: PathAndQuery, https: bool) -> Option<Uri> {
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
