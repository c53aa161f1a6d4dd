//! What the target reads of a request.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, header};
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::Error;
use super::sending::Sending;
use crate::body::WholeBody;
use crate::message::Request;
use crate::upstream::{Hop, RequestBody};

fn request(method: Method, headers: &[(&str, &str)], body: RequestBody) -> Request<RequestBody> {
    let mut request = http::Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = "/a?b".parse().expect("a target");
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        let value = HeaderValue::from_str(value).expect("a value");
        request.headers_mut().append(name, value);
    }
    request.into()
}

fn full(data: &'static [u8]) -> RequestBody {
    RequestBody::Full(WholeBody::of(Bytes::from_static(data)))
}

fn with_trailers(data: &'static [u8], trailers: &[(&'static str, &'static str)]) -> RequestBody {
    let mut map = HeaderMap::new();
    for (name, value) in trailers {
        map.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    RequestBody::Full(WholeBody {
        data: Bytes::from_static(data),
        trailers: Some(map),
    })
}

/// All that is written of a request.
fn written(mut request: Request<RequestBody>) -> Result<String, Error> {
    written_with(&mut request, Hop::default())
}

fn written_with(request: &mut Request<RequestBody>, hop: Hop<'_>) -> Result<String, Error> {
    let (mut near, mut far) = tokio::io::duplex(1 << 20);
    let mut sending = Sending::default();
    sending.begin(request, hop)?;
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(sent) = sending.poll(&mut near, &mut cx) else {
        panic!("it waits");
    };
    sent?;
    assert!(sending.is_done());
    drop(near);
    let mut all = String::new();
    let Poll::Ready(Ok(_)) = pin!(far.read_to_string(&mut all)).poll(&mut cx) else {
        panic!("not all of it is there");
    };
    Ok(all)
}

#[test]
fn the_head_says_how_long_the_body_is() {
    for (method, headers, body, wanted) in [
        (
            Method::GET,
            &[("Host", "a")][..],
            RequestBody::Empty,
            "GET /a?b HTTP/1.1\r\nhost: a\r\n\r\n",
        ),
        (
            Method::POST,
            &[],
            RequestBody::Empty,
            "POST /a?b HTTP/1.1\r\nhost: \r\ncontent-length: 0\r\n\r\n",
        ),
        (
            Method::PATCH,
            &[],
            full(b""),
            "PATCH /a?b HTTP/1.1\r\nhost: \r\ncontent-length: 0\r\n\r\n",
        ),
        (
            Method::DELETE,
            &[],
            RequestBody::Empty,
            "DELETE /a?b HTTP/1.1\r\nhost: \r\n\r\n",
        ),
        (
            Method::POST,
            &[("content-length", "0")],
            RequestBody::Empty,
            "POST /a?b HTTP/1.1\r\nhost: \r\ncontent-length: 0\r\n\r\n",
        ),
        (
            Method::POST,
            &[],
            full(b"hello"),
            "POST /a?b HTTP/1.1\r\nhost: \r\ncontent-length: 5\r\n\r\nhello",
        ),
        (
            Method::PUT,
            &[("content-length", "5"), ("content-length", "5"), ("x", "y")],
            full(b"hello"),
            "PUT /a?b HTTP/1.1\r\nhost: \r\ncontent-length: 5\r\nx: y\r\n\r\nhello",
        ),
        (
            Method::POST,
            &[("transfer-encoding", "gzip")],
            full(b"hello"),
            "POST /a?b HTTP/1.1\r\nhost: \r\ncontent-length: 5\r\n\r\nhello",
        ),
        (
            Method::POST,
            &[],
            with_trailers(b"0123456789abcdef!", &[("x-t", "1")]),
            "POST /a?b HTTP/1.1\r\nhost: \r\ntransfer-encoding: chunked\r\n\r\n11\r\n0123456789abcdef!\r\n0\r\n\r\n",
        ),
        (
            Method::POST,
            &[("trailer", "X-T, host, b@d")],
            with_trailers(
                b"a",
                &[("x-t", "1"), ("x-u", "2"), ("host", "b"), ("x-t", "3")],
            ),
            "POST /a?b HTTP/1.1\r\nhost: \r\ntrailer: X-T, host, b@d\r\ntransfer-encoding: chunked\r\n\r\n\
             1\r\na\r\n0\r\nx-t: 1\r\nx-t: 3\r\n\r\n",
        ),
    ] {
        assert_eq!(
            written(request(method, headers, body)).expect("sent"),
            wanted
        );
    }
}

#[test]
fn what_the_hop_says_stands_in_the_head_once() {
    let via = [(header::VIA, HeaderValue::from_static("1.1 sluice"))];
    let host = HeaderValue::from_static("inner");
    for (host, wanted) in [(None, "a"), (Some(&host), "inner")] {
        let mut request = request(
            Method::GET,
            &[("x", "y"), ("host", "a")],
            RequestBody::Empty,
        );
        let hop = Hop { host, lines: &via };
        assert_eq!(
            written_with(&mut request, hop).expect("sent"),
            format!("GET /a?b HTTP/1.1\r\nhost: {wanted}\r\nx: y\r\nvia: 1.1 sluice\r\n\r\n")
        );
        assert_eq!(
            request.head.headers.len(),
            2,
            "the head does not stay as it was"
        );
    }
}

#[test]
fn a_long_body_arrives_whole() {
    static LONG: [u8; 100_000] = [b'x'; 100_000];
    let all = written(request(Method::POST, &[], full(&LONG))).expect("sent");
    assert!(all.ends_with(&format!("\r\n\r\n{}", "x".repeat(LONG.len()))));
    let chunks = with_trailers(&LONG, &[("x-t", "1")]);
    let all = written(request(Method::POST, &[], chunks)).expect("sent");
    assert!(all.ends_with("x\r\n0\r\n\r\n"));
    assert!(all.contains("\r\n\r\n186a0\r\nx"));
}

#[test]
fn a_body_of_another_length_than_announced_is_not_sent() {
    for (said, body) in [
        ("4", full(b"hello")),
        ("6", full(b"hello")),
        ("1", RequestBody::Empty),
        ("five", full(b"hello")),
        ("4, 5", full(b"hello")),
        ("0", with_trailers(b"hello", &[("x-t", "1")])),
        ("6", with_trailers(b"hello", &[("x-t", "1")])),
    ] {
        let refused = written(request(Method::POST, &[("content-length", said)], body));
        assert!(matches!(refused, Err(Error::RequestLength)), "{said}");
    }
}

#[test]
fn a_request_of_which_nothing_was_written_can_be_sent_elsewhere() {
    let (mut near, far) = tokio::io::duplex(1024);
    drop(far);
    let mut request = request(Method::POST, &[], full(b"hello"));
    let mut sending = Sending::default();
    sending
        .begin(&mut request, Hop::default())
        .expect("a request");
    let mut cx = Context::from_waker(Waker::noop());
    let sent = sending.poll(&mut near, &mut cx);
    assert!(matches!(sent, Poll::Ready(Err(Error::Unsent(_)))));
    assert!(!sending.is_done());
    // Its beginning has been taken: the spare copy has to do.
    assert!(sending.untouched_body().is_none());
}

/// Takes everything, and gives it on when it is told to flush, every second time.
#[derive(Default)]
struct HoldsBack {
    taken: Vec<u8>,
    given: Vec<u8>,
    asked: usize,
}

impl AsyncWrite for HoldsBack {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.taken.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.asked += 1;
        if self.asked % 2 == 1 {
            return Poll::Pending;
        }
        let taken = std::mem::take(&mut self.taken);
        self.given.extend(taken);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn what_tls_holds_back_is_not_sent_yet() {
    let mut stream = HoldsBack::default();
    let mut sending = Sending::default();
    let mut request = request(Method::PUT, &[], full(b"hello"));
    sending.begin(&mut request, Hop::default()).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = 0;
    while sending.poll(&mut stream, &mut cx).is_pending() {
        assert!(!sending.is_done(), "it is still with TLS");
        polls += 1;
        assert!(polls < 10, "it is never flushed");
    }
    assert!(sending.is_done());
    assert!(stream.given.ends_with(b"\r\n\r\nhello"));
    assert!(stream.taken.is_empty());
}
