//! The body of a request on an HTTP/1 connection.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::reader::Piece;
use super::wire::Wire;
use crate::http1::strip_trailers;
use crate::server::BodyFailure;

/// A body that is read from its connection as it is asked for.
#[derive(Debug)]
pub struct Http1Body {
    wire: Rc<Wire>,
    /// Bytes to come; none where nobody knows.
    left: Option<u64>,
    ended: bool,
}

impl Http1Body {
    /// The body of the request that came last on `wire`, which has `length` bytes.
    pub(super) fn new(wire: Rc<Wire>, length: Option<u64>) -> Self {
        Self {
            wire,
            left: length,
            ended: length == Some(0),
        }
    }
}

impl Body for Http1Body {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(this.wire.poll_body(cx)) {
            Ok(Piece::Data(data)) => {
                if let Some(left) = &mut this.left {
                    *left = left.saturating_sub(data.len() as u64);
                    this.ended = *left == 0;
                }
                Some(Ok(Frame::data(data)))
            }
            Ok(Piece::Trailers(mut trailers)) => {
                this.ended = true;
                // HTTP/2 breaks off where they hold a header of one hop.
                strip_trailers(&mut trailers).then(|| Ok(Frame::trailers(trailers)))
            }
            Ok(Piece::End) => {
                this.ended = true;
                None
            }
            Err(why) => {
                this.ended = true;
                Some(Err(why))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}
