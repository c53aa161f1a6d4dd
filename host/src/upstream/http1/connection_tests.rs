//! What happens to a request between its beginning and the end of the turn.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Connection, Error};
use crate::body::WholeBody;
use crate::message::Request;
use crate::upstream::connect::Open;
use crate::upstream::stream::Stream;
use crate::upstream::testing::sockets;
use crate::upstream::{Hop, RequestBody};
use crate::worker::Writes;
use crate::worker::testing::{Woken, end_turn};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: \r\n\r\n";

fn request(body: RequestBody) -> Request<RequestBody> {
    http::Request::new(body).into()
}

/// A connection whose request is due, and the target's end of it.
async fn begun(writes: &Writes, waker: &Waker) -> (Connection, TcpStream) {
    begin(request(RequestBody::Empty), writes, waker).await
}

async fn begin(
    mut request: Request<RequestBody>,
    writes: &Writes,
    waker: &Waker,
) -> (Connection, TcpStream) {
    let (near, far) = sockets().await;
    let mut connection =
        Connection::new(Stream::Clear(near), Open::new(Rc::default()), Rc::default());
    connection.begin(&mut request, Hop::default()).unwrap();
    let mut cx = Context::from_waker(waker);
    connection.send_in_turn(writes, &cx);
    assert!(connection.poll_head(&mut cx).is_pending());
    (connection, far)
}

#[tokio::test]
async fn a_request_is_sent_at_the_end_of_the_turn() {
    let (writes, (woken, waker)) = (Writes::default(), Woken::new());
    let (mut connection, mut far) = begun(&writes, &waker).await;
    let mut read = [0; REQUEST.len()];
    assert!(far.try_read(&mut read).is_err(), "it has not waited");
    end_turn(&writes);
    far.read_exact(&mut read).await.unwrap();
    assert_eq!(read, REQUEST);
    far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .unwrap();
    // The exchange is the one that learns of it.
    while !woken.take() {
        tokio::task::yield_now().await;
    }
    let head = std::future::poll_fn(|cx| connection.poll_head(cx)).await;
    assert_eq!(head.unwrap().status, 204);
}

#[tokio::test]
async fn a_request_with_a_body_does_not_wait() {
    let body = RequestBody::Full(WholeBody::of(Bytes::from_static(b"body")));
    let (_connection, mut far) = begin(request(body), &Writes::default(), Waker::noop()).await;
    let expected = b"GET / HTTP/1.1\r\nhost: \r\ncontent-length: 4\r\n\r\nbody";
    let mut read = vec![0; expected.len()];
    far.read_exact(&mut read).await.unwrap();
    assert_eq!(read, expected);
}

#[tokio::test]
async fn what_comes_before_the_request_has_gone_is_no_answer() {
    let writes = Writes::default();
    let (mut connection, mut far) = begun(&writes, Waker::noop()).await;
    far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    let head = std::future::poll_fn(|cx| connection.poll_head(cx)).await;
    assert!(matches!(head, Err(Error::Unsent(_))), "{head:?}");
    drop(connection);
    end_turn(&writes);
    let mut rest = Vec::new();
    let _ = far.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "a request that was given up was sent");
}

#[tokio::test]
async fn a_request_is_not_sent_after_something_has_come() {
    let (writes, (woken, waker)) = (Writes::default(), Woken::new());
    let (mut connection, mut far) = begun(&writes, &waker).await;
    far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    while !woken.take() {
        tokio::task::yield_now().await;
    }
    // The turn ends before the exchange has seen it.
    end_turn(&writes);
    assert!(woken.take(), "it waits for ever");
    let head = std::future::poll_fn(|cx| connection.poll_head(cx)).await;
    assert!(matches!(head, Err(Error::Unsent(_))), "{head:?}");
    drop(connection);
    let mut rest = Vec::new();
    let _ = far.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "it was sent, and would be sent again");
}

#[tokio::test]
async fn what_does_not_go_at_once_is_left_to_the_exchange() {
    let (writes, (woken, waker)) = (Writes::default(), Woken::new());
    // More than sockets hold.
    let long = "x".repeat(16 * 1024 * 1024);
    let mut request = request(RequestBody::Empty);
    let name = HeaderName::from_static("long");
    let headers = &mut request.head.headers;
    headers.append(name, long.parse().expect("a header"));
    let (mut connection, mut far) = begin(request, &writes, &waker).await;
    end_turn(&writes);
    assert!(woken.take(), "nobody would send the rest");
    let target = async {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            assert_ne!(far.read_buf(&mut read).await.unwrap(), 0);
        }
        far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .unwrap();
        read
    };
    let head = std::future::poll_fn(|cx| connection.poll_head(cx));
    let (head, read) = tokio::join!(head, target);
    assert_eq!(head.unwrap().status, 204);
    let expected = format!("GET / HTTP/1.1\r\nhost: \r\nlong: {long}\r\n\r\n");
    assert!(read == expected.as_bytes(), "not what was to be sent");
}

#[tokio::test]
async fn whoever_waits_learns_that_a_request_was_not_sent() {
    let (writes, (woken, waker)) = (Writes::default(), Woken::new());
    let (mut connection, far) = begun(&writes, &waker).await;
    // The far end resets, and this end knows.
    socket2::SockRef::from(&far)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(far);
    while !woken.take() {
        tokio::task::yield_now().await;
    }
    end_turn(&writes);
    assert!(woken.take());
    let mut nobody = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(why)) = connection.poll_head(&mut nobody) else {
        panic!("it waits for ever");
    };
    assert!(why.is_unsent(), "{why}");
}
