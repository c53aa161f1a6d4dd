//! After `101 Switching Protocols`: bytes both ways until one side ends.

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};

use super::answer::Source;
use super::begin::{REQUEST_ID, Upgrade};
use super::forward::Answered;
use super::run::Running;
use crate::exchange::strip_hop_by_hop;
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
pub(super) fn open(
    mut ending: Running,
    upgrade: &Upgrade,
    answered: Answered,
) -> (Response<()>, Tunnel) {
    let (parts, body) = answered.response.into_parts();
    let upstream = body.into_switched();
    let mut headers = parts.headers;
    let protocol = headers.get(UPGRADE).cloned();
    strip_hop_by_hop(&mut headers);
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(
        UPGRADE,
        protocol.unwrap_or_else(|| upgrade.protocol.clone()),
    );
    headers.insert(REQUEST_ID, ending.asked.request_id.clone());
    ending.status = StatusCode::SWITCHING_PROTOCOLS.as_u16();
    ending.source = Some(Source::Upstream(answered.lease.pool().config.name.clone()));
    ending.connection.presence.tunnel();
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    let tunnel = Tunnel {
        ending,
        upstream,
        lease: answered.lease,
    };
    (response, tunnel)
}

impl Tunnel {
    /// Passes bytes on until both sides have ended, or one has failed. `first` has been read from
    /// the client already.
    pub async fn join<C>(self, mut client: C, first: Bytes)
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
        if upstream.write_all(&first).await.is_err() {
            ending.outcome = Outcome::UpstreamFailed;
            return;
        }
        ending.progress.add(first.len());
        if let Ok((sent, received)) = copy_bidirectional(&mut client, &mut upstream).await {
            ending
                .progress
                .add(usize::try_from(sent).unwrap_or(usize::MAX));
            ending.response_bytes = received;
            ending.outcome = Outcome::Proxied;
        }
        drop(lease);
    }
}
