//! The body of a response on an HTTP/2 stream.
//!
//! hyper asks for more of it only where the client takes more. A client may send all of its
//! request first, so where some of the request is still to be sent when the response begins, a
//! task reads the response, and sends the request while nobody takes what was read.

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::http2_streams::{Stream, Streams};
use crate::message::Response;
use crate::proxy::{BrokenOff, ResponseBody};

type Piece = Result<Frame<Bytes>, BrokenOff>;

/// The body of a response, for hyper.
pub(super) struct Http2Response {
    body: Reading,
    stream: Stream,
}

enum Reading {
    /// Read as it is asked for.
    Plain(ResponseBody),
    /// Read by a task.
    Beside(Beside),
}

/// What a task reads of a response.
struct Beside {
    /// None of them is the end.
    pieces: mpsc::Receiver<Option<Piece>>,
    /// Bytes to come; none where nobody knows.
    left: Option<u64>,
    ended: bool,
}

/// The response in the form that hyper takes, for the stream that runs now.
pub(super) async fn of(
    response: Response<ResponseBody>,
    streams: &Rc<Streams>,
) -> http::Response<Http2Response> {
    let Response { head, mut body } = response;
    let sends = std::future::poll_fn(|cx| Poll::Ready(body.poll_send(cx).is_pending())).await;
    let body = match sends && !body.is_end_stream() {
        false => Reading::Plain(body),
        true => {
            let (tell, pieces) = mpsc::channel(1);
            let left = body.size_hint().exact();
            tokio::task::spawn_local(read(body, tell));
            Reading::Beside(Beside {
                pieces,
                left,
                ended: false,
            })
        }
    };
    let stream = streams.current();
    stream.has_piece(0);
    let body = Http2Response { body, stream };
    Response { head, body }.into()
}

/// Reads a response, and sends what is left of the request, until nobody takes it any more.
async fn read(mut body: ResponseBody, pieces: mpsc::Sender<Option<Piece>>) {
    loop {
        let mut room = pin!(pieces.reserve());
        let room = std::future::poll_fn(|cx| {
            let room = room.as_mut().poll(cx);
            if room.is_pending() {
                let _ = body.poll_send(cx);
            }
            room
        });
        let Ok(room) = room.await else { return };
        let piece = tokio::select! {
            biased;
            piece = body.frame() => piece,
            () = pieces.closed() => return,
        };
        let is_last = !matches!(piece, Some(Ok(_)));
        room.send(piece);
        if is_last {
            return;
        }
    }
}

impl Body for Http2Response {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        let frame = match &mut this.body {
            Reading::Plain(body) => Pin::new(body).poll_frame(cx),
            Reading::Beside(body) => body.poll_frame(cx),
        };
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.data_ref();
                this.stream.has_piece(data.map_or(0, Bytes::len));
            }
            _ => this.stream.waits(),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Reading::Plain(body) => body.is_end_stream(),
            Reading::Beside(body) => body.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Reading::Plain(body) => body.size_hint(),
            Reading::Beside(body) => body.left.map(SizeHint::with_exact).unwrap_or_default(),
        }
    }
}

impl Beside {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // The end is said: a task that is gone has not read all.
        let piece = ready!(self.pieces.poll_recv(cx)).unwrap_or(Some(Err(BrokenOff)));
        self.ended = !matches!(piece, Some(Ok(_)));
        if let (Some(left), Some(Ok(frame))) = (&mut self.left, &piece) {
            *left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len) as u64);
        }
        Poll::Ready(piece)
    }
}
