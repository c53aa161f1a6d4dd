//! After `101 Switching Protocols`: bytes both ways until one side ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, UPGRADE};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional};

use super::answer::{SOURCE, Source};
use super::begin::REQUEST_ID;
use super::forward::Answered;
use super::run::Running;
use super::upgrade;
use crate::exchange::strip_hop_by_hop;
use crate::message::{Response, ResponseHead};
use crate::plugin::Outcome;
use crate::upstream::Lease;
use crate::upstream::http1::Switched;

/// Two connections that are to be joined, once the client has the response's head.
pub struct Tunnel {
    ending: Running,
    upstream: Option<Switched>,
    lease: Lease,
}

/// The head of the response that goes to the client, and what comes after it.
pub(super) fn open(mut ending: Running, answered: Answered) -> (ResponseHead, Tunnel) {
    let Response { head, body } = answered.response;
    let upstream = body.into_switched();
    let mut headers = head.headers;
    let protocols = upgrade::protocols(&headers);
    strip_hop_by_hop(&mut headers);
    // A switch has no content, and only the gateway says who answered in another's place.
    headers.remove(CONTENT_LENGTH);
    headers.remove(SOURCE);
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocols) = protocols {
        headers.insert(UPGRADE, protocols);
    }
    headers.insert(REQUEST_ID, ending.asked.request_id.clone());
    ending.status = StatusCode::SWITCHING_PROTOCOLS.as_u16();
    ending.source = Some(Source::Upstream(answered.lease.pool().config.name.clone()));
    ending.connection.presence.tunnel();
    let head = ResponseHead {
        status: StatusCode::SWITCHING_PROTOCOLS,
        headers,
    };
    let tunnel = Tunnel {
        ending,
        upstream,
        lease: answered.lease,
    };
    (head, tunnel)
}

impl Tunnel {
    /// Passes bytes on until both sides have ended, or one has failed. `first` has been read from
    /// the client already.
    pub async fn join<C>(self, client: C, first: Bytes)
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let Self {
            mut ending,
            upstream,
            lease,
        } = self;
        let Some(mut upstream) = upstream else {
            ending.outcome = Outcome::UpstreamFailed;
            return;
        };
        ending.progress.add(first.len());
        if upstream.write_all(&first).await.is_err() {
            ending.outcome = Outcome::UpstreamFailed;
            return;
        }
        let mut client = Counted {
            stream: client,
            ending,
            failed: false,
        };
        let joined = copy_bidirectional(&mut client, &mut upstream).await;
        client.ending.outcome = match joined {
            Ok(_) => Outcome::Proxied,
            Err(_) if client.failed => Outcome::ClientGone,
            Err(_) => Outcome::UpstreamFailed,
        };
        drop(lease);
    }
}

/// A client's end of a tunnel. What has passed is counted wherever it breaks off.
struct Counted<C> {
    stream: C,
    ending: Running,
    failed: bool,
}

impl<C> Counted<C> {
    fn note<T>(&mut self, result: &io::Result<T>) {
        self.failed |= result.is_err();
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Counted<C> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut this.stream).poll_read(cx, buf));
        this.ending.progress.add(buf.filled().len() - before);
        this.note(&read);
        Poll::Ready(read)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Counted<C> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, buf));
        this.ending.response_bytes += written.as_ref().map_or(0, |bytes| *bytes as u64);
        this.note(&written);
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = ready!(Pin::new(&mut this.stream).poll_flush(cx));
        this.note(&flushed);
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = ready!(Pin::new(&mut this.stream).poll_shutdown(cx));
        this.note(&shut);
        Poll::Ready(shut)
    }
}
