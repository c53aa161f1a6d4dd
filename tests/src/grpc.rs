//! gRPC by hand: length-prefixed messages on HTTP/2, the status in trailers.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request};

use crate::body::{self, Body};
use crate::client::{Answer, With, with_body};

/// One uncompressed message with its prefix.
#[must_use]
pub fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).expect("a short message"));
    framed.put_slice(message);
    framed.freeze()
}

/// A unary call.
#[must_use]
pub fn call(path: &str, message: &[u8]) -> Request<Body> {
    with_body(Method::POST, path, body::full(frame(message)))
        .with("content-type", "application/grpc")
        .with("te", "trailers")
}

/// `grpc-status`, in the trailers or in the headers of a response that has nothing else.
#[must_use]
pub fn status(answer: &Answer) -> Option<u32> {
    let trailers = answer.trailers.as_ref();
    let found = trailers.and_then(|trailers| trailers.get("grpc-status"));
    found
        .or(answer.headers.get("grpc-status"))?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Trailers that say `status`.
#[must_use]
pub fn trailers(status: u32) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(status));
    trailers.insert(
        "grpc-message",
        HeaderValue::from_static("from the upstream"),
    );
    trailers
}
