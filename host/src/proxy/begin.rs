//! From the head of a request to an exchange with a route.

use std::rc::Rc;
use std::time::{Duration, Instant};

use http::header::{CONTENT_TYPE, EXPECT, HOST, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, StatusCode, Version};

use super::answer::{Answer, Source, is_grpc};
use super::connection::Connection;
use super::ending::{Asked, Ending};
use super::run::Running;
use super::upgrade::Upgrade;
use super::{forwarded, http2_request, max_forwards, path};
use crate::exchange::{Exchange, RequestState, strip_hop_by_hop};
use crate::message::{Headers, RequestHead};
use crate::plugin::Outcome;
use crate::route::Lookup;
use crate::server::Visit;
use crate::upstream::Progress;
use crate::worker::{Stopwatch, Worker};

/// The header by which a request is found again in every log.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer id of a client is replaced.
const MAX_REQUEST_ID: usize = 128;

/// An exchange at its beginning.
pub(super) struct Begun {
    pub(super) ending: Running,
    /// The client asked to leave HTTP.
    pub(super) upgrade: Option<Upgrade>,
    /// Why it goes no further.
    pub(super) problem: Option<Answer>,
}

/// Starts an exchange.
pub(super) fn begin(connection: Rc<Connection>, visit: Visit, mut head: RequestHead) -> Begun {
    let begun = Instant::now();
    let worker = connection.worker.clone();
    worker.shard.exchanges.add(1);
    let view = worker.view();
    let upgrade = Upgrade::asked(&head);
    let settled = match head.version {
        Version::HTTP_2 => {
            let lines = connection.config(&view.generation).limits.headers;
            http2_request::settle(&mut head, lines)
        }
        _ => settle_host(&mut head),
    };
    let request_id = request_id(&mut head.headers, &connection);
    let logs = view.generation.access_log.is_on();
    let mut ending = Box::new(Ending {
        exchange: None,
        route: None,
        reached: 0,
        begun,
        asked: Asked {
            method: head.method.clone(),
            version: head.version,
            host: logs.then(|| head.headers.get(HOST).cloned()).flatten(),
            path: None,
            request_id: request_id.clone(),
            grpc: is_grpc(head.headers.get(CONTENT_TYPE)),
        },
        progress: Rc::new(Progress::default()),
        status: 0,
        response_bytes: 0,
        source: None,
        outcome: Outcome::ClientGone,
        target: None,
        sent: None,
        upstream_time: Duration::ZERO,
        plugins_time: Stopwatch::default(),
        upstream_status: None,
        grpc_failed: false,
        log_later: None,
        connection,
        visit,
        view,
    });
    let problem = match settled {
        Ok(()) => route(&mut ending, head, request_id).err(),
        Err(answer) => Some(answer),
    };
    Begun {
        ending,
        upgrade,
        problem,
    }
}

fn route(
    ending: &mut Ending,
    mut head: RequestHead,
    request_id: HeaderValue,
) -> Result<(), Answer> {
    let target = target(&mut head).inspect_err(|_| {
        ending.asked.path = Some(head.uri.path().into());
    })?;
    let view = ending.view.clone();
    let connection = ending.connection.clone();
    let mut headers = head.headers;
    let config = connection.config(&view.generation);
    let resolved = forwarded::resolve(
        &connection.peer,
        &headers,
        connection.tls,
        &config.trusted_proxies,
    );
    if let Some(scheme) = head.uri.scheme()
        && is_misdirected(scheme, head.version, connection.tls, resolved.trusted)
    {
        ending.asked.path = Some(target.path().into());
        let detail = "the request is for https, and came without TLS";
        let status = StatusCode::MISDIRECTED_REQUEST;
        return Err(Answer::new(status, Source::Request, detail));
    }
    let host = headers
        .get(HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or("");
    let found = view.generation.routes.find(&Lookup {
        host,
        path: target.path(),
        method: &head.method,
        headers: &headers,
        query: target.query(),
    });
    let Some((found, route)) = found.and_then(|f| {
        let route = view.routes.get(f.index)?;
        Some((f, route))
    }) else {
        ending.asked.path = Some(target.path().into());
        let detail =
            "no route of this gateway matches the request's host, path, method, headers and query";
        return Err(Answer::new(StatusCode::NOT_FOUND, Source::Route, detail));
    };
    strip_hop_by_hop(&mut headers);
    headers.remove(EXPECT);
    forwarded::apply(&mut headers, &connection.peer, &resolved, config.forwarded);
    let mut exchange = Exchange::new(
        RequestState {
            method: head.method,
            https: resolved.https,
            target,
            headers,
        },
        request_id,
        route.route.clone(),
        found.captures,
        resolved.client.unwrap_or_else(|| connection.peer.clone()),
        view.generation.config.consumers.clone(),
    );
    exchange.availability = route.availability.clone();
    ending.route = Some(found.index);
    ending.exchange = Some(Box::new(exchange));
    Ok(())
}

/// Whether an absolute target asks for what only TLS can answer for (RFC 9110, 7.4). A trusted proxy
/// may have ended TLS; HTTP/2 always says a scheme, and its clients not always the right one.
fn is_misdirected(scheme: &Scheme, version: Version, tls: bool, trusted: bool) -> bool {
    version != Version::HTTP_2 && !tls && !trusted && *scheme == Scheme::HTTPS
}

/// The path in its one form; where it came in that form, as it came.
fn target(head: &mut RequestHead) -> Result<PathAndQuery, Answer> {
    let refuse = |status, detail: &str| Answer::new(status, Source::Request, detail);
    if head.method == Method::CONNECT {
        let detail = "CONNECT is not served: this is a gateway, not a forward proxy";
        return Err(refuse(StatusCode::NOT_IMPLEMENTED, detail));
    }
    let Some(target) = head.uri.path_and_query() else {
        return Err(refuse(StatusCode::BAD_REQUEST, "the request has no path"));
    };
    let invalid = |why: path::PathError| refuse(StatusCode::BAD_REQUEST, why.detail());
    if matches!(head.method, Method::OPTIONS | Method::TRACE) {
        max_forwards::count(&head.method, &mut head.headers)?;
    }
    if target.path() == "*" {
        if head.method == Method::OPTIONS {
            return Err(max_forwards::options());
        }
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            "the target \"*\" is not served",
        ));
    }
    path::normalise_parsed(target.clone()).map_err(invalid)
}

/// Makes `host` the one place that says which host was asked (RFC 9112, 3.2.2: an absolute target
/// wins over the header).
fn settle_host(head: &mut RequestHead) -> Result<(), Answer> {
    if let Some(authority) = head.uri.authority() {
        let Ok(value) = HeaderValue::from_str(authority.as_str()) else {
            let detail = "the authority is not valid";
            let status = StatusCode::BAD_REQUEST;
            return Err(Answer::new(status, Source::Request, detail));
        };
        head.headers.insert(HOST, value);
    }
    Ok(())
}

fn request_id(headers: &mut Headers, connection: &Connection) -> HeaderValue {
    let usable = |id: &&HeaderValue| {
        let id = id.as_bytes();
        !id.is_empty() && id.len() <= MAX_REQUEST_ID && id.iter().all(u8::is_ascii_graphic)
    };
    if let Some(id) = headers.get(REQUEST_ID).filter(usable) {
        return id.clone();
    }
    let id = new_request_id(&connection.worker);
    headers.insert(REQUEST_ID, id.clone());
    id
}

/// An id that no other request has.
pub(super) fn new_request_id(worker: &Worker) -> HeaderValue {
    let mut text = [0_u8; 32];
    let bits = worker.random_bits();
    for (i, digit) in text.iter_mut().enumerate() {
        let nibble = (bits >> (124 - 4 * i)) & 0xf;
        *digit = b"0123456789abcdef"
            .get(nibble as usize)
            .copied()
            .unwrap_or(b'0');
    }
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-"))
}
