//! The body of a response on its way to the client, and with it the end of the exchange.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::ending::Ending;
use crate::body::WholeBody;
use crate::plugin::Outcome;
use crate::server::BodyFailure;
use crate::upstream::{Lease, UpstreamBody};
use crate::worker::timers::Deadline;

/// What a client gets as the body, whoever made it.
pub struct ResponseBody {
    content: Content,
    ending: Option<Box<Ending>>,
    ended: bool,
}

/// Where a body comes from.
pub enum Content {
    /// There is none, or all of it is here.
    Whole(WholeBody),
    /// It comes from the upstream.
    Upstream(Streamed),
}

/// A body that the upstream is sending.
pub struct Streamed {
    /// What the upstream sends.
    pub incoming: UpstreamBody,
    /// The use of the target; none once the body has come to its end.
    pub lease: Option<Lease>,
    /// How long the upstream may pause.
    pub pause: Deadline,
    /// It has broken off: why.
    pub broken: Option<Outcome>,
}

/// The body broke off; the client's connection ends, or its stream is reset.
#[derive(Debug)]
pub struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the upstream's response broke off")
    }
}

impl std::error::Error for BrokenOff {}

impl ResponseBody {
    /// A body at whose end the exchange ends.
    pub fn new(content: Content, ending: Option<Box<Ending>>) -> Self {
        Self {
            content,
            ending,
            ended: false,
        }
    }

    /// Sends what is left of the request to the upstream: for a client that takes nothing of the
    /// response at the moment, but sends. Ready where nothing is left to do.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.content {
            Content::Whole(_) => Poll::Ready(()),
            Content::Upstream(streamed) => streamed.poll_send(cx),
        }
    }
}

impl ResponseBody {
    /// No body, and no exchange that it would end.
    pub fn empty() -> Self {
        Self::new(Content::Whole(WholeBody::default()), None)
    }
}

impl Streamed {
    /// Sends what is left of the request while nobody reads the response. Ready where nothing is
    /// left to do.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.incoming.poll_send(cx)
    }

    /// The connection can be used again.
    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.finish(&mut self.incoming);
        }
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = Outcome;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Outcome>>> {
        let this = self.get_mut();
        if let Some(why) = this.broken {
            return Poll::Ready(Some(Err(why)));
        }
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.pause.restart();
                if this.incoming.is_end_stream() {
                    this.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(why))) => {
                this.broken = Some(match why.of_request() {
                    Some(BodyFailure::TooSlow) => Outcome::TimedOut,
                    Some(BodyFailure::Gone | BodyFailure::Malformed) => Outcome::ClientGone,
                    None => {
                        this.tell(&why);
                        Outcome::UpstreamFailed
                    }
                });
                // What came before goes to the client first: at once, the end would overtake it.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(None) => {
                this.finish();
                Poll::Ready(None)
            }
            Poll::Pending => this.pause.poll_due(cx).map(|()| {
                this.tell(&"nothing came for too long");
                Some(Err(Outcome::TimedOut))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Streamed {
    fn tell(&self, why: &dyn std::fmt::Display) {
        let Some(lease) = &self.lease else { return };
        let pool = lease.pool();
        let target = pool
            .target(lease.target())
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::warn!(
            upstream = &*pool.config.name,
            target,
            "response broke off: {why}"
        );
    }
}

impl Drop for Streamed {
    /// What is dropped at its end gives the connection back too; before its end, it closes it.
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.finish();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        let frame = match &mut this.content {
            Content::Whole(body) => body.next_frame().map(Ok),
            Content::Upstream(streamed) => match Pin::new(streamed).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => return Poll::Pending,
            },
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                if let Some(ending) = &mut this.ending {
                    if let Some(data) = frame.data_ref() {
                        ending.response_bytes += data.len() as u64;
                    } else if let Some(trailers) = frame.trailers_ref() {
                        ending.note_grpc(|| trailers.get("grpc-status"));
                    }
                }
                Some(Ok(frame))
            }
            Some(Err(outcome)) => {
                if let Some(mut ending) = this.ending.take() {
                    // A request that broke off takes its response with it.
                    ending.outcome = match ending.progress.failure() {
                        Some(_) => Outcome::ClientGone,
                        None => outcome,
                    };
                }
                Some(Err(BrokenOff))
            }
            None => {
                this.ended = true;
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(body) => body.is_empty(),
            Content::Upstream(streamed) => streamed.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(body) => body.size_hint(),
            Content::Upstream(streamed) => streamed.size_hint(),
        }
    }
}

impl Drop for ResponseBody {
    /// A body that is dropped before its end has lost its client.
    fn drop(&mut self) {
        if !self.ended
            && !self.is_end_stream()
            && let Some(ending) = &mut self.ending
        {
            ending.outcome = Outcome::ClientGone;
        }
    }
}
