//! The calls that a plugin makes while its hook waits for them.

use std::convert::Infallible;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Uri, Version, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::body::WholeBody;
use crate::capability::http::{Asked, Budget, Outcall, OutcallAnswer, OutcallError};
use crate::config::model::Protocol;
use crate::exchange::strip_hop_by_hop;
use crate::message::{Request, RequestHead, Response};
use crate::upstream::{Hop, Outgoing, Pool, Progress, RequestBody, SendError, UpstreamBody};
use crate::worker::view::View;

/// Makes the calls that come, side by side, with the pools of `view`. Ends when
/// it is dropped, and its calls with it.
pub(super) async fn serve(view: Rc<View>, mut asked: mpsc::Receiver<Asked>) -> Infallible {
    let mut running = JoinSet::new();
    while let Some((call, answer)) = asked.recv().await {
        let pool = view.pool(&call.upstream);
        running.spawn_local(async move {
            let result = match pool {
                Some(pool) => {
                    let timeout = call.timeout;
                    match tokio::time::timeout(timeout, make(&pool, call)).await {
                        Ok(result) => result,
                        Err(_) => Err(OutcallError::TimedOut),
                    }
                }
                None => Err(OutcallError::NotGranted),
            };
            // The plugin may have been given up meanwhile.
            let _ = answer.send(result);
        });
        while running.try_join_next().is_some() {}
    }
    std::future::pending().await
}

async fn make(pool: &Rc<Pool>, call: Outcall) -> Result<OutcallAnswer, OutcallError> {
    let budget = call.budget.clone();
    let sent = pool
        .send(Outgoing {
            request: &mut request(pool, call)?,
            hop: Hop::default(),
            progress: &Progress::default(),
            interim: None,
        })
        .await
        .map_err(|why| match why {
            SendError::TimedOut(_) => OutcallError::TimedOut,
            why => OutcallError::Failed(why.to_string()),
        })?;
    let Response { mut head, body } = sent.response;
    let mut incoming = body;
    let body = read(&mut incoming, &budget).await?;
    sent.lease.finish(&mut incoming);
    strip_hop_by_hop(&mut head.headers);
    Ok(OutcallAnswer {
        status: head.status,
        headers: head.headers,
        body,
    })
}

async fn read(body: &mut UpstreamBody, budget: &Budget) -> Result<Bytes, OutcallError> {
    let mut taken = budget.begin();
    // Where the length is known, what does not fit is not waited for.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if !taken.reach(announced) {
        return Err(OutcallError::TooLarge);
    }
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| OutcallError::Failed("the answer broke off".into()))?;
        if let Some(data) = frame.data_ref() {
            if !taken.reach(all.len() + data.len()) {
                return Err(OutcallError::TooLarge);
            }
            all.extend_from_slice(data);
        }
    }
    taken.keep();
    Ok(all.freeze())
}

/// The request in the form that the upstream's protocol wants.
fn request(pool: &Pool, call: Outcall) -> Result<Request<RequestBody>, OutcallError> {
    let invalid = |what: &str| OutcallError::Invalid(what.to_owned());
    let config = &pool.config;
    let host = match (&config.host, config.targets.first()) {
        (Some(host), _) => host.clone(),
        (None, Some(target)) => HeaderValue::try_from(target.to_string())
            .map_err(|_| invalid("the upstream's target is no Host"))?,
        (None, None) => return Err(invalid("the upstream has no target")),
    };
    let body = if call.body.is_empty() {
        RequestBody::Empty
    } else {
        RequestBody::Full(WholeBody::of(call.body))
    };
    let mut headers = call.headers;
    let (uri, version) = match config.protocol {
        Protocol::Http1 => {
            headers.insert(header::HOST, host);
            (Uri::from(call.target), Version::HTTP_11)
        }
        Protocol::Http2 => {
            let authority = host.to_str().unwrap_or_default();
            let scheme = if config.tls.is_some() {
                "https"
            } else {
                "http"
            };
            let uri = Uri::builder()
                .scheme(scheme)
                .authority(authority)
                .path_and_query(call.target);
            let uri = uri
                .build()
                .map_err(|_| invalid("the upstream's host is no authority"))?;
            headers.remove(header::HOST);
            (uri, Version::HTTP_2)
        }
    };
    let head = RequestHead {
        method: call.method,
        uri,
        version,
        headers,
    };
    Ok(Request { head, body })
}
