//! One request to one of an upstream's targets, and the head of its response.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, ready};

use http::{HeaderName, HeaderValue, Method};
use tokio::sync::oneshot;

use super::body::UpstreamBody;
use super::connect::{self, Open};
use super::error::{Failure, SendError};
use super::http1::{Connection, Http1Body};
use super::interim::{Interim, is_interim};
use super::lease::Lease;
use super::pool::{Counts, Pool, TargetPool};
use super::request_body::{Progress, RequestBody};
use crate::config::model::{Protocol, Target};
use crate::message::{Request, RequestHead, Response};

/// Targets that are tried where none takes a connection.
const MAX_TARGETS: usize = 3;
/// Connections that a request is sent on at most, because the earlier ones were gone.
const MAX_STALE: usize = 5;

/// A request that is ready to be sent.
pub struct Outgoing<'r> {
    /// Head and body. The body is taken, and over HTTP/2 the head as well.
    pub request: &'r mut Request<RequestBody>,
    /// What HTTP/1.1 says beyond the head.
    pub hop: Hop<'r>,
    /// How far the body has come.
    pub progress: &'r Progress,
    /// Where interim responses go, which HTTP/1 alone has here; forgotten where there is none.
    pub interim: Option<&'r Interim>,
}

/// What an HTTP/1.1 request says of this hop only, beside its own headers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hop<'r> {
    /// Goes in the place of the headers' own `host`.
    pub host: Option<&'r HeaderValue>,
    /// Goes after the headers.
    pub lines: &'r [(HeaderName, HeaderValue)],
}

/// The head of a response, with the body that follows it.
pub struct Sent {
    /// What the upstream sent.
    pub response: Response<UpstreamBody>,
    /// To be finished when the body has been read.
    pub lease: Lease,
}

impl Pool {
    /// Sends a request. A connection that cannot be opened means another target;
    /// one that turns out to be gone means another connection, as long as the
    /// request was not written or may be repeated (RFC 9110, 9.2.2).
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(self: &Rc<Self>, mut outgoing: Outgoing<'_>) -> Result<Sent, SendError> {
        let mut tried = Vec::new();
        let mut stale = 0;
        loop {
            let index = self.next_target(&tried);
            let Some((target, pool)) = self.config.targets.get(index).zip(self.targets.get(index))
            else {
                return Err(SendError::Busy);
            };
            let lease = Lease::new(self.clone(), index);
            let attempt = match self.config.protocol {
                Protocol::Http1 => {
                    self.attempt_http1(&mut outgoing, lease, target, pool, stale < MAX_STALE)
                        .await
                }
                Protocol::Http2 => self.attempt_http2(&mut outgoing, lease, target, pool).await,
            };
            match attempt {
                Ok(sent) => {
                    self.availability.note(index, true);
                    return Ok(sent);
                }
                Err(Attempt::Refused(why)) => {
                    self.series.connect_failures.add(1);
                    self.availability.note(index, false);
                    tried.push(index);
                    if tried.len() >= MAX_TARGETS.min(self.targets.len()) {
                        return Err(SendError::Unreachable(target.clone(), why));
                    }
                }
                Err(Attempt::Busy) => return Err(SendError::Busy),
                Err(Attempt::Again(_)) if stale <= MAX_STALE => {
                    self.series.resent.add(1);
                    stale += 1;
                }
                Err(Attempt::TimedOut) => return Err(SendError::TimedOut(target.clone())),
                Err(Attempt::Again(why) | Attempt::Failed(why)) => {
                    return Err(SendError::Failed(target.clone(), why));
                }
            }
        }
    }

    fn next_target(&self, tried: &[usize]) -> usize {
        if self.targets.len() <= 1 {
            return 0;
        }
        let in_flight: Vec<u32> = self.targets.iter().map(|t| t.in_flight.get()).collect();
        self.turns.next(self.config.balance, &in_flight, tried)
    }

    async fn attempt_http1(
        self: &Rc<Self>,
        outgoing: &mut Outgoing<'_>,
        lease: Lease,
        target: &Target,
        pool: &TargetPool,
        may_reuse: bool,
    ) -> Result<Sent, Attempt> {
        let Outgoing {
            request,
            hop,
            progress,
            interim,
        } = outgoing;
        let idle = if may_reuse { pool.idle.take() } else { None };
        let (mut connection, reused) = match idle {
            Some(connection) => (connection, true),
            None => match self.open_http1(target, pool).await {
                Ok(opened) => opened,
                Err(Some(why)) => return Err(Attempt::Refused(why)),
                Err(None) => return Err(Attempt::Busy),
            },
        };
        let spare = request.body.again();
        let begun = connection.begin(request, *hop);
        begun.map_err(|why| Attempt::Failed(Failure::Http1(why)))?;
        // What comes early on a connection that had no request before cannot be meant for another.
        let mut waits_for_turn = reused;
        let head = std::future::poll_fn(|cx| {
            if std::mem::take(&mut waits_for_turn) {
                connection.send_in_turn(&self.writes, cx);
            }
            loop {
                match ready!(connection.poll_head(cx)) {
                    Ok(head) if is_interim(head.status) => {
                        if let Some(interim) = interim {
                            interim.add(head);
                        }
                    }
                    head => return Poll::Ready(head),
                }
            }
        });
        let why = match self.head_in_time(head, progress).await {
            Some(Ok(head)) => {
                let body = Http1Body::new(connection);
                let body = UpstreamBody::Http1(body);
                let response = Response { head, body };
                return Ok(Sent { response, lease });
            }
            Some(Err(why)) => why,
            None => return Err(Attempt::TimedOut),
        };
        let body = if why.is_unsent() {
            connection.untouched_body().or(spare)
        } else if why.is_gone() && reused && is_repeatable(&request.head) {
            spare
        } else {
            None
        };
        let why = Failure::Http1(why);
        Err(match body {
            Some(body) => {
                request.body = body;
                Attempt::Again(why)
            }
            None => Attempt::Failed(why),
        })
    }

    async fn attempt_http2(
        self: &Rc<Self>,
        outgoing: &mut Outgoing<'_>,
        lease: Lease,
        target: &Target,
        pool: &TargetPool,
    ) -> Result<Sent, Attempt> {
        let mut sender = {
            let refusals = pool.refusals.get();
            let mut shared = pool.shared.lock().await;
            match shared.as_ref().filter(|s| !s.is_closed()) {
                Some(sender) => sender.clone(),
                // Who waited for the one that was refused does not wait for the next as well.
                None if pool.refusals.get() != refusals => {
                    return Err(Attempt::Refused(pool.refused.get().into()));
                }
                None => {
                    let open = Open::new(self.counts.clone());
                    let opened = connect::http2(
                        target,
                        self.tls.as_ref(),
                        self.config.timeouts.connect,
                        open,
                    )
                    .await;
                    match opened {
                        Ok(sender) => {
                            self.series.opened.add(1);
                            shared.insert(sender).clone()
                        }
                        Err(why) => {
                            pool.refusals.set(refusals.wrapping_add(1));
                            pool.refused.set(why.kind());
                            return Err(Attempt::Refused(why));
                        }
                    }
                }
            }
        };
        let Request { head, body } = &mut *outgoing.request;
        let body = std::mem::replace(body, RequestBody::Empty);
        let head = RequestHead {
            headers: std::mem::take(&mut head.headers),
            ..head.clone()
        };
        let sending = sender.try_send_request(Request { head, body }.into());
        match self.head_in_time(sending, outgoing.progress).await {
            Some(Ok(response)) => {
                let response = Response::from(response).map(UpstreamBody::Http2);
                Ok(Sent { response, lease })
            }
            Some(Err(mut failed)) => Err(match failed.take_message() {
                Some(request) => {
                    *outgoing.request = request.into();
                    Attempt::Again(Failure::Http2(failed.into_error()))
                }
                None => Attempt::Failed(Failure::Http2(failed.into_error())),
            }),
            None => Err(Attempt::TimedOut),
        }
    }

    /// A new connection, or one that became free while there was no room for a new one.
    async fn open_http1(
        &self,
        target: &Target,
        pool: &TargetPool,
    ) -> Result<(Connection, bool), Option<std::io::Error>> {
        while self.counts.open.get() >= self.config.pool.connections {
            // An idle connection to another target makes room as well.
            if let Some(other) = self.targets.iter().find_map(|t| t.idle.take()) {
                drop(other);
                continue;
            }
            let (tell, told) = oneshot::channel();
            let mut turn = Turn(told, &self.counts);
            {
                let mut waiting = self.counts.waiting.borrow_mut();
                waiting.retain(|w| !w.is_closed());
                if waiting.len() >= self.config.pool.pending {
                    return Err(None);
                }
                waiting.push_back(tell);
            }
            let waited = self
                .timers
                .within(self.config.timeouts.connect, &mut turn.0)
                .await;
            if waited.is_err() {
                return Err(None);
            }
            if let Some(connection) = pool.idle.take() {
                return Ok((connection, true));
            }
        }
        let open = Open::new(self.counts.clone());
        match connect::http1(
            target,
            self.tls.as_ref(),
            self.config.timeouts.connect,
            open,
            self.names.clone(),
        )
        .await
        {
            Ok(connection) => {
                self.series.opened.add(1);
                Ok((connection, false))
            }
            Err(why) => Err(Some(why)),
        }
    }

    /// What `sending` gives, if it comes in time. The time for a response runs while the
    /// request's body stands still.
    async fn head_in_time<F: Future>(&self, sending: F, progress: &Progress) -> Option<F::Output> {
        let mut sending = pin!(sending);
        let mut deadline = self.timers.deadline(self.config.timeouts.response);
        let mut seen = progress.bytes();
        std::future::poll_fn(move |cx| {
            if let Poll::Ready(result) = sending.as_mut().poll(cx) {
                return Poll::Ready(Some(result));
            }
            if seen != progress.bytes() {
                seen = progress.bytes();
                deadline.restart();
            }
            deadline.poll_due(cx).map(|()| None)
        })
        .await
    }
}

/// The place of one who waits for a connection. Given up when its turn has come, it passes the
/// turn on.
struct Turn<'c>(oneshot::Receiver<()>, &'c Counts);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.0.try_recv().is_ok() {
            self.1.wake_one();
        }
    }
}

/// What to do after an attempt that brought no response.
enum Attempt {
    /// The target takes no connection.
    Refused(std::io::Error),
    /// There is no room for another connection.
    Busy,
    /// The connection was gone: once more.
    Again(Failure),
    TimedOut,
    Failed(Failure),
}

/// Whether a request may be sent again that the target has perhaps seen (RFC 9110, 9.2.2).
fn is_repeatable(request: &RequestHead) -> bool {
    let idempotent = matches!(
        request.method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    );
    idempotent && !request.headers.contains_key(http::header::UPGRADE)
}
