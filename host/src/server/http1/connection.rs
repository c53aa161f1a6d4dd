//! One HTTP/1 connection: requests and their responses, one after the other.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use http_body::Body;

use super::body::Http1Body;
use super::reader::{HeadLimits, Reader, Request};
use super::response::{self, Asked, Framing};
use super::violation::Kind;
use super::wire::{Coming, Wire};
use crate::message::Response;
use crate::proxy::{Answer, Connection, Handled, ResponseBody, Source, Tunnel, handle};
use crate::server::ClientBody;
use crate::server::presence::Ask;
use crate::server::stream::Stream;
use crate::telemetry::ListenerSeries;

/// How a connection came to its end.
pub(in crate::server) enum End {
    /// There is nothing more to do with it.
    Closed,
    /// The gateway ends it: the client may still be sending.
    Ours(Stream),
}

/// What follows an exchange.
enum After {
    /// The next request.
    Next,
    /// The end, after what there is to send.
    Close,
    /// The end, at once: the response broke off, and the client must not take it for whole.
    Reset,
    /// Bytes of another protocol.
    Tunnel(Box<Tunnel>),
}

/// Serves the requests of a connection of which `first` has been read.
pub(in crate::server) async fn serve(
    connection: Rc<Connection>,
    stream: Stream,
    first: Bytes,
    limits: HeadLimits,
    series: Arc<ListenerSeries>,
) -> End {
    let reader = Reader::new(limits, connection.worker.names.clone(), &first);
    let presence = connection.presence.clone();
    let wire = Rc::new(Wire::new(stream, reader, presence));
    let after = requests(&connection, &wire, &series).await;
    let Some((stream, rest)) = wire.take_stream() else {
        return End::Closed;
    };
    match after {
        Ok(After::Tunnel(tunnel)) => {
            tunnel.join(stream, rest).await;
            End::Closed
        }
        Ok(After::Reset) => {
            stream.reset();
            End::Closed
        }
        Ok(After::Next | After::Close) => End::Ours(stream),
        Err(_) => End::Closed,
    }
}

async fn requests(
    connection: &Rc<Connection>,
    wire: &Rc<Wire>,
    series: &ListenerSeries,
) -> io::Result<After> {
    loop {
        let request = match std::future::poll_fn(|cx| wire.poll_next(cx)).await? {
            Coming::Request(request) => request,
            Coming::End => return Ok(After::Close),
            Coming::Refused(kind) => {
                series.malformed.add(1);
                refuse(connection, wire, status_of(&kind), kind.detail()).await?;
                return Ok(After::Close);
            }
            Coming::TimedOut => {
                let detail = "the request head did not come in time";
                refuse(connection, wire, StatusCode::REQUEST_TIMEOUT, detail).await?;
                return Ok(After::Close);
            }
        };
        let after = exchange(connection, wire, request).await;
        if wire.lock().is_broken() {
            series.malformed.add(1);
        }
        match after? {
            After::Next => {}
            after => return Ok(after),
        }
    }
}

/// One request and its response.
async fn exchange(
    connection: &Rc<Connection>,
    wire: &Rc<Wire>,
    request: Request,
) -> io::Result<After> {
    let Request { head, length } = request;
    let asked = Asked::of(head.version, &head.method, &head.headers);
    let body = match length {
        Some(0) => ClientBody::Empty,
        length => {
            wire.lock().expect_continue(asked.expects);
            ClientBody::Http1(Http1Body::new(wire.clone(), length))
        }
    };
    let visit = connection.presence.enter();
    let handled = {
        let mut handling = pin!(handle(connection.clone(), visit, head, body));
        std::future::poll_fn(|cx| {
            let handled = handling.as_mut().poll(cx);
            if connection.has_interim() {
                pass_interim(connection, wire, handled.is_ready());
            }
            match handled {
                Poll::Ready(handled) => Poll::Ready(Some(handled)),
                Poll::Pending => wire.poll_gone(cx).map(|()| None),
            }
        })
        .await
    };
    match handled {
        None => Err(io::ErrorKind::UnexpectedEof.into()),
        Some(Handled::Response(response)) => respond(connection, wire, asked, response).await,
        Some(Handled::Tunnel(head, tunnel)) => {
            {
                let date = connection.worker.date();
                let out = &mut *wire.lock();
                response::write_head(out.out(), head.status, &head.headers, None, &date);
            }
            flush(wire).await?;
            Ok(After::Tunnel(tunnel))
        }
    }
}

/// Says what the upstream has said before its response, which perhaps is there.
fn pass_interim(connection: &Connection, wire: &Wire, ended: bool) {
    let wire = &mut *wire.lock();
    while wire.has_room()
        && let Some(head) = connection.take_interim()
    {
        response::write_interim(wire.out(), head.status, &head.headers);
    }
    if ended {
        connection.forget_interim();
    }
}

async fn respond(
    connection: &Connection,
    wire: &Rc<Wire>,
    asked: Asked,
    response: Response<ResponseBody>,
) -> io::Result<After> {
    let Response { mut head, mut body } = response;
    let mut framing = response::frame(&mut head, &body.size_hint(), asked);
    let mut keep = asked.keep_alive
        && framing != Framing::UntilClose
        && connection.presence.asked() == Ask::Nothing;
    // Who still holds the request's body reads it on.
    if keep && wire.lock().in_body() && Rc::strong_count(wire) == 1 {
        keep = std::future::poll_fn(|cx| Poll::Ready(wire.lock().discard_body(cx))).await;
    }
    {
        let date = connection.worker.date();
        let said = match (keep, asked.http11) {
            (false, _) => Some("close"),
            (true, true) => None,
            (true, false) => Some("keep-alive"),
        };
        let out = &mut *wire.lock();
        out.expect_continue(false);
        response::write_head(out.out(), head.status, &head.headers, said, &date);
    }
    if framing == Framing::None || body.is_end_stream() {
        if framing.end(wire.lock().out(), None).is_err() {
            return Ok(After::Reset);
        }
        drop(body);
    } else {
        let trailers = asked.trailers;
        let sent =
            std::future::poll_fn(|cx| poll_send(wire, cx, &mut body, &mut framing, trailers)).await;
        drop(body);
        match sent {
            Ok(()) => {}
            Err(Unsent::Broken) => {
                // What came before it is the client's; where the framing tells that more should
                // have come, an end in order does not destroy it.
                flush(wire).await?;
                return Ok(match framing {
                    Framing::UntilClose => After::Reset,
                    _ => After::Close,
                });
            }
            Err(Unsent::Gone(why)) => return Err(why),
        }
    }
    keep &= connection.presence.asked() == Ask::Nothing;
    if keep && wire.lock().in_body() {
        keep = Rc::strong_count(wire) == 1
            && std::future::poll_fn(|cx| Poll::Ready(wire.lock().discard_body(cx))).await;
    }
    if !keep {
        flush(wire).await?;
        return Ok(After::Close);
    }
    // Where the next request is there already, it goes out with the next response, or before the
    // next wait.
    if !wire.lock().is_pipelined() {
        wire.send_in_turn(&connection.worker.writes);
    }
    Ok(After::Next)
}

/// Why a response did not come to its end.
enum Unsent {
    /// The body broke off.
    Broken,
    /// The client takes no more.
    Gone(io::Error),
}

/// Moves the body to the connection.
fn poll_send(
    wire: &Wire,
    cx: &mut Context<'_>,
    body: &mut ResponseBody,
    framing: &mut Framing,
    trailers: bool,
) -> Poll<Result<(), Unsent>> {
    loop {
        if !wire.lock().has_room() {
            let flushed = wire.poll_flush(&mut wire.lock(), cx);
            if flushed.is_pending() {
                // A client may send all of its request before it reads the response.
                let _ = body.poll_send(cx);
            }
            ready!(flushed).map_err(Unsent::Gone)?;
        }
        let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) else {
            ready!(wire.poll_gone(cx));
            return Poll::Ready(Err(Unsent::Gone(io::ErrorKind::ConnectionReset.into())));
        };
        let wire = &mut *wire.lock();
        let added = match frame {
            Some(Err(_)) => return Poll::Ready(Err(Unsent::Broken)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => framing.data(wire.out(), data).map(|()| {
                    // The end goes with the last data, unless that is still to be sent.
                    (body.is_end_stream() && wire.has_room()).then_some(None)
                }),
                Err(frame) => Ok(Some(frame.into_trailers().ok().filter(|_| trailers))),
            },
            None => Ok(Some(None)),
        };
        let ended = added.and_then(|end| match end {
            Some(trailers) => framing.end(wire.out(), trailers).map(|()| true),
            None => Ok(false),
        });
        match ended {
            Ok(false) => {}
            Ok(true) => return Poll::Ready(Ok(())),
            Err(_) => return Poll::Ready(Err(Unsent::Broken)),
        }
    }
}

async fn flush(wire: &Wire) -> io::Result<()> {
    std::future::poll_fn(|cx| wire.poll_flush(&mut wire.lock(), cx)).await
}

fn status_of(kind: &Kind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

/// Answers what is no request.
async fn refuse(
    connection: &Connection,
    wire: &Wire,
    status: StatusCode,
    detail: &str,
) -> io::Result<()> {
    let answer = Answer::new(status, Source::Request, detail);
    let (headers, body) = answer.refusal(&connection.worker);
    {
        let date = connection.worker.date();
        let wire = &mut *wire.lock();
        let head = wire.has_asked_head();
        response::write_head(wire.out(), status, &headers, Some("close"), &date);
        if !head {
            wire.out().piece(body, b"");
        }
    }
    flush(wire).await
}
