//! Bodies of requests and responses: fixed, streamed, broken.

use std::convert::Infallible;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use tokio::sync::mpsc;

/// Why a body ended early.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Any body.
pub type Body = UnsyncBoxBody<Bytes, Error>;

/// No bytes.
#[must_use]
pub fn empty() -> Body {
    Empty::new().map_err(never).boxed_unsync()
}

/// These bytes, with a Content-Length.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(never).boxed_unsync()
}

/// The sending end of a body that is written while it is sent.
pub struct Writer(mpsc::Sender<Result<Frame<Bytes>, Error>>);

/// A body that is written while it is sent; without a Content-Length.
#[must_use]
pub fn stream() -> (Writer, Body) {
    let (sender, mut receiver) = mpsc::channel(4);
    let frames = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    (Writer(sender), StreamBody::new(frames).boxed_unsync())
}

impl Writer {
    /// Sends bytes; false when nobody reads any more.
    pub async fn data(&self, bytes: impl Into<Bytes>) -> bool {
        self.0.send(Ok(Frame::data(bytes.into()))).await.is_ok()
    }

    /// Sends trailers.
    pub async fn trailers(&self, trailers: HeaderMap) -> bool {
        self.0.send(Ok(Frame::trailers(trailers))).await.is_ok()
    }

    /// Breaks the body off.
    pub async fn abort(self) {
        let _ = self.0.send(Err("broken off on purpose".into())).await;
    }

    /// Waits until nobody reads any more.
    pub async fn unread(&self) {
        self.0.closed().await;
    }
}

fn never(never: Infallible) -> Error {
    match never {}
}
