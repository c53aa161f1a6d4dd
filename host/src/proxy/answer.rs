//! Answers that the gateway makes itself: RFC 9457 problem details, or a gRPC status.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{StatusCode, header};

use super::begin::{REQUEST_ID, new_request_id};
use crate::config::model::Name;
use crate::message::Headers;
use crate::worker::Worker;

/// Says who made an answer that no upstream made.
pub(super) const SOURCE: HeaderName = HeaderName::from_static("x-sluice-source");

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The part that made an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The upstream itself, or the attempt to reach it.
    Upstream(Name),
    /// A plugin, or its failure.
    Plugin(Name),
    /// A bound of the gateway: its name.
    Limit(&'static str),
    /// No route matched.
    Route,
    /// The request itself is not acceptable.
    Request,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Upstream(name) => write!(f, "upstream:{name}"),
            Self::Plugin(name) => write!(f, "plugin:{name}"),
            Self::Limit(name) => write!(f, "limit:{name}"),
            Self::Route => f.write_str("route"),
            Self::Request => f.write_str("request"),
        }
    }
}

/// An answer of the gateway.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Who made it.
    pub source: Source,
    /// One sentence for the caller; without secrets and inner addresses.
    pub detail: String,
}

impl Answer {
    /// An answer with one sentence of explanation.
    pub fn new(status: StatusCode, source: Source, detail: impl Into<String>) -> Self {
        Self {
            status,
            source,
            detail: detail.into(),
        }
    }

    /// The body: RFC 9457, with the request's id and the part that answered.
    pub fn body(&self, request_id: &str) -> Bytes {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let problem = serde_json::json!({
            "type": "about:blank",
            "title": title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "request_id": request_id,
            "source": self.source.to_string(),
        });
        Bytes::from(problem.to_string())
    }

    /// Headers and body of the answer to what never became a request.
    pub fn refusal(&self, worker: &Worker) -> (Headers, Bytes) {
        let id = new_request_id(worker);
        let body = self.body(id.to_str().unwrap_or(""));
        let mut headers = Self::headers();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(REQUEST_ID, id);
        if let Ok(source) = HeaderValue::try_from(self.source.to_string()) {
            headers.insert(SOURCE, source);
        }
        (headers, body)
    }

    /// The headers that go with [`Answer::body`].
    pub fn headers() -> Headers {
        let mut headers = Headers::with_capacity(4);
        headers.insert(CONTENT_TYPE, PROBLEM);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers
    }
}

/// Whether a request is a gRPC call, whose answers carry a gRPC status.
pub(super) fn is_grpc(content_type: Option<&HeaderValue>) -> bool {
    content_type.is_some_and(|v| v.as_bytes().starts_with(b"application/grpc"))
}

/// The headers of a gRPC answer without messages ("Trailers-Only") that says
/// what an HTTP status says.
pub(super) fn grpc_headers(status: StatusCode, message: &str) -> Headers {
    let mut headers = Headers::with_capacity(4);
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert(GRPC_STATUS, HeaderValue::from(grpc_status(status)));
    if let Ok(message) = HeaderValue::from_str(&percent_encode(message)) {
        headers.insert(GRPC_MESSAGE, message);
    }
    headers
}

/// The mapping of the gRPC project (http-grpc-status-mapping.md).
fn grpc_status(status: StatusCode) -> u16 {
    match status.as_u16() {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// As gRPC wants a message: what is not visible ASCII, and `%`, is encoded.
fn percent_encode(message: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        if (b' '..=b'~').contains(&byte) && byte != b'%' {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_names_the_part_that_answered() {
        let answer = Answer::new(
            StatusCode::BAD_GATEWAY,
            Source::Upstream("orders".into()),
            "the \"upstream\" is down",
        );
        let body: serde_json::Value = serde_json::from_slice(&answer.body("r-1")).unwrap();
        assert_eq!(body["source"], "upstream:orders");
        assert_eq!(body["status"], 502);
        assert_eq!(body["request_id"], "r-1");
        assert_eq!(body["detail"], "the \"upstream\" is down");
    }

    #[test]
    fn a_grpc_message_is_visible_ascii() {
        let headers = grpc_headers(StatusCode::UNAUTHORIZED, "kein Schlüssel 100%");
        assert_eq!(headers.get(GRPC_STATUS).unwrap(), "16");
        assert_eq!(
            headers.get(GRPC_MESSAGE).unwrap(),
            "kein Schl%C3%BCssel 100%25"
        );
    }
}
