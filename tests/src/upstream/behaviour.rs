//! What an upstream does with a request: the header `x-behave` says it.
//!
//! | value | behaviour |
//! |---|---|
//! | none | answers 200 with what came, as JSON |
//! | `status=N` | the same with another status |
//! | `bytes=N` | N bytes with a Content-Length, once the body of the request is there |
//! | `head=N` | a header `x-long` of N bytes |
//! | `stream=N,MS` | N chunks, one every MS milliseconds, then trailers |
//! | `both-ways` | sends back each chunk of the body as it comes |
//! | `sink` | answers at once, reads the body afterwards |
//! | `hang` | never answers |
//! | `stall` | a head and some bytes, then nothing |
//! | `abort` | a head and some bytes, then breaks the connection or the stream |
//! | `trailers` | a body with the trailer `x-trailer` |
//! | `grpc=N` | the message of the request, `grpc-status: N` in the trailers |
//! | `grpc-abort` | the head of a gRPC response, then a reset |
//! | `headers` | header lines that a careless proxy merges or drops |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, SET_COOKIE, TRAILER};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::Counters;
use crate::body::{self, Body, Writer};
use crate::{grpc, wait};

/// The header that says what to do.
pub const HEADER: &str = "x-behave";

/// Counts a request as cancelled unless it is told that it ended well.
pub(super) struct Watch {
    counters: Arc<Counters>,
    ended: AtomicBool,
}

impl Watch {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            counters,
            ended: AtomicBool::new(false),
        }
    }

    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.counters.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !self.ended.load(Ordering::SeqCst) {
            self.counters.cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

pub(super) async fn behave(
    request: Request<Incoming>,
    connection: u64,
    watch: Watch,
) -> Result<Response<Body>, body::Error> {
    let asked = request
        .headers()
        .get(HEADER)
        .and_then(|value| value.to_str().ok());
    let asked = asked.unwrap_or("echo").to_owned();
    let (what, argument) = asked.split_once('=').unwrap_or((&asked, ""));
    let response = match what {
        "bytes" => {
            request.into_body().collect().await?;
            Response::new(body::full(vec![b'x'; argument.parse()?]))
        }
        "head" => {
            let mut response = Response::new(body::empty());
            let long = HeaderValue::try_from("x".repeat(argument.parse()?))?;
            response.headers_mut().insert("x-long", long);
            response
        }
        "stream" => return stream(argument, watch),
        "both-ways" => return Ok(both_ways(request, watch)),
        "sink" => {
            tokio::spawn(async move { request.into_body().collect().await.map(|_| watch.end()) });
            return Ok(Response::new(body::full("thanks")));
        }
        // `watch` is dropped with this future, when the peer gives up.
        "hang" => std::future::pending().await,
        "stall" => return Ok(begun(async move |writer| writer.unread().await, watch)),
        "abort" | "grpc-abort" => {
            let mut response = begun(break_off, watch);
            if what == "grpc-abort" {
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            }
            return Ok(response);
        }
        "trailers" => return Ok(trailers(watch)),
        "grpc" => return grpc(request, argument.parse()?, watch).await,
        "headers" => careless(),
        "status" => {
            let mut response = echo(request, connection).await?;
            *response.status_mut() = argument.parse()?;
            response
        }
        _ => echo(request, connection).await?,
    };
    watch.end();
    Ok(response)
}

/// What came, as JSON.
async fn echo(request: Request<Incoming>, connection: u64) -> Result<Response<Body>, body::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let body = body.to_bytes();
    let seen = json!({
        "method": head.method.as_str(),
        "target": head.uri.path_and_query().map_or("", |target| target.as_str()),
        "authority": head.uri.authority().map(|authority| authority.as_str()),
        "version": format!("{:?}", head.version),
        "headers": lines(&head.headers),
        "body": String::from_utf8_lossy(&body),
        "trailers": lines(&trailers),
        "connection": connection,
    });
    let mut response = Response::new(body::full(seen.to_string()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn lines(headers: &HeaderMap) -> Value {
    let line = |(name, value): (&http::HeaderName, &HeaderValue)| {
        json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())])
    };
    headers.iter().map(line).collect()
}

/// A response whose body is written by a task.
fn written<F>(write: impl FnOnce(Writer) -> F) -> Response<Body>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (writer, body) = body::stream();
    tokio::spawn(write(writer));
    Response::new(body)
}

fn stream(argument: &str, watch: Watch) -> Result<Response<Body>, body::Error> {
    let (count, millis) = argument.split_once(',').ok_or("stream=N,MS")?;
    let (count, every) = (
        count.parse::<u32>()?,
        Duration::from_millis(millis.parse()?),
    );
    Ok(written(async move |writer| {
        for number in 0..count {
            if !writer.data(format!("chunk {number}\n")).await {
                return;
            }
            wait::pause(every.max(Duration::from_micros(1))).await;
        }
        watch.end();
    }))
}

fn both_ways(request: Request<Incoming>, watch: Watch) -> Response<Body> {
    written(async move |writer| {
        let mut body = request.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            let sent = match frame.into_data() {
                Ok(data) => writer.data(data).await,
                Err(frame) => {
                    writer
                        .trailers(frame.into_trailers().unwrap_or_default())
                        .await
                }
            };
            if !sent {
                return;
            }
        }
        watch.end();
    })
}

/// Breaks off when what came before is on its way: a reset overtakes what is not.
async fn break_off(writer: Writer) {
    wait::pause(Duration::from_millis(30)).await;
    writer.abort().await;
}

/// A head and some bytes; what comes then is up to `after`.
fn begun<F>(after: impl FnOnce(Writer) -> F + Send + 'static, watch: Watch) -> Response<Body>
where
    F: Future<Output = ()> + Send + 'static,
{
    written(|writer| async move {
        let _watch = watch;
        writer.data("the beginning").await;
        after(writer).await;
    })
}

fn trailers(watch: Watch) -> Response<Body> {
    let mut response = written(async move |writer| {
        writer.data("a body").await;
        let mut trailers = HeaderMap::new();
        trailers.insert("x-trailer", HeaderValue::from_static("at the end"));
        writer.trailers(trailers).await;
        watch.end();
    });
    response
        .headers_mut()
        .insert(TRAILER, HeaderValue::from_static("x-trailer"));
    response
}

async fn grpc(
    request: Request<Incoming>,
    status: u32,
    watch: Watch,
) -> Result<Response<Body>, body::Error> {
    let message = request.into_body().collect().await?.to_bytes();
    let mut response = written(async move |writer| {
        writer.data(message).await;
        writer.trailers(grpc::trailers(status)).await;
        watch.end();
    });
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(response)
}

/// Two cookies, a value that is not UTF-8, hop-by-hop headers.
fn careless() -> Response<Body> {
    let mut response = Response::new(body::full(Bytes::from_static(b"ok")));
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, HeaderValue::from_static("a=1; Path=/"));
    headers.append(SET_COOKIE, HeaderValue::from_static("b=2, c; Path=/"));
    let latin1 = HeaderValue::from_bytes(b"caf\xe9").expect("obs-text is allowed");
    headers.insert("x-latin1", latin1);
    headers.insert("connection", HeaderValue::from_static("x-hop"));
    headers.insert("x-hop", HeaderValue::from_static("for the next hop only"));
    headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
    response
}
