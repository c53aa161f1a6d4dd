//! After `101 Switching Protocols`: bytes both ways until one side ends.

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::answer::Source;
use super::begin::{REQUEST_ID, Upgrade};
use super::forward::Answered;
use super::response_body::{Content, ResponseBody};
use super::run::Running;
use crate::body::WholeBody;
use crate::exchange::strip_hop_by_hop;
use crate::plugin::Outcome;

/// Answers 101, and joins the two connections once both have left HTTP.
pub(super) fn open(
    mut ending: Running,
    upgrade: Upgrade,
    upstream: OnUpgrade,
    answered: Answered,
) -> Response<ResponseBody> {
    let (parts, _) = answered.response.into_parts();
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
    let lease = answered.lease;
    tokio::task::spawn_local(async move {
        join(&mut ending, upgrade.client, upstream).await;
        drop(lease);
    });
    let mut response = Response::new(ResponseBody::new(
        Content::Whole(WholeBody::default()),
        None,
    ));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    response
}

async fn join(ending: &mut Running, client: OnUpgrade, upstream: OnUpgrade) {
    let Ok(upstream) = upstream.await else {
        ending.outcome = Outcome::UpstreamFailed;
        return;
    };
    let Ok(client) = client.await else {
        return;
    };
    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    if let Ok((sent, received)) = copy_bidirectional(&mut client, &mut upstream).await {
        ending
            .progress
            .add(usize::try_from(sent).unwrap_or(usize::MAX));
        ending.response_bytes = received;
        ending.outcome = Outcome::Proxied;
    }
}
