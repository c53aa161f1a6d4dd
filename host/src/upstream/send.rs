//! One request to one of an upstream's targets, and the head of its response.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::SendRequest;
use tokio::sync::oneshot;

use super::SendError;
use super::connect::{self, Open};
use super::lease::Lease;
use super::pool::{Pool, TargetPool};
use super::request_body::{Progress, RequestBody};
use crate::config::model::{Protocol, Target};

/// Targets that are tried where none takes a connection.
const MAX_TARGETS: usize = 3;
/// Connections that a request is sent on at most, because the earlier ones were gone.
const MAX_STALE: usize = 5;

/// A request that is ready to be sent.
pub struct Outgoing {
    /// Head and body.
    pub request: Request<RequestBody>,
    /// How far the body has come.
    pub progress: Rc<Progress>,
}

/// The head of a response, and the connection that its body comes on.
pub struct Sent {
    /// What the upstream sent.
    pub response: Response<Incoming>,
    /// To be finished when the body has been read.
    pub lease: Lease,
}

/// How an attempt failed.
enum Failed {
    /// Not a byte of it was written; here it is again.
    Unsent(Box<Request<RequestBody>>),
    /// Some of it was, and no response came.
    Sent(hyper::Error),
    /// No response came in time.
    TimedOut,
}

impl Pool {
    /// Sends a request. A connection that cannot be opened means another target;
    /// one that turns out to be gone means another connection, as long as the
    /// request was not written or may be repeated (RFC 9110, 9.2.2).
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(self: &Rc<Self>, outgoing: Outgoing) -> Result<Sent, SendError> {
        let Outgoing {
            mut request,
            progress,
        } = outgoing;
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
                    self.attempt_http1(request, &progress, lease, target, pool, stale < MAX_STALE)
                        .await
                }
                Protocol::Http2 => {
                    self.attempt_http2(request, &progress, lease, target, pool)
                        .await
                }
            };
            match attempt {
                Ok(sent) => {
                    self.availability.note(index, true);
                    return Ok(sent);
                }
                Err(Attempt::Refused(back, why)) => {
                    self.series.connect_failures.add(1);
                    self.availability.note(index, false);
                    tried.push(index);
                    if tried.len() >= MAX_TARGETS.min(self.targets.len()) {
                        return Err(SendError::Unreachable(target.clone(), why));
                    }
                    request = *back;
                }
                Err(Attempt::Busy) => return Err(SendError::Busy),
                Err(Attempt::Again(back)) if stale <= MAX_STALE => {
                    self.series.resent.add(1);
                    stale += 1;
                    request = *back;
                }
                Err(Attempt::Again(_) | Attempt::TimedOut) => {
                    return Err(SendError::TimedOut(target.clone()));
                }
                Err(Attempt::Failed(why)) => return Err(SendError::Failed(target.clone(), why)),
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
        request: Request<RequestBody>,
        progress: &Progress,
        mut lease: Lease,
        target: &Target,
        pool: &TargetPool,
        may_reuse: bool,
    ) -> Result<Sent, Attempt> {
        let idle = if may_reuse { pool.idle.take() } else { None };
        let (mut sender, reused) = match idle {
            Some(sender) => (sender, true),
            None => match self.open_http1(target, pool).await {
                Ok(opened) => opened,
                Err(Some(why)) => return Err(Attempt::Refused(Box::new(request), why)),
                Err(None) => return Err(Attempt::Busy),
            },
        };
        let spare = if reused { spare(&request) } else { None };
        let sending = sender.try_send_request(request);
        match self.head_in_time(sending, progress).await {
            Ok(response) => {
                lease.hold(sender);
                Ok(Sent { response, lease })
            }
            Err(failed) => Err(Attempt::of(failed, spare)),
        }
    }

    async fn attempt_http2(
        self: &Rc<Self>,
        request: Request<RequestBody>,
        progress: &Progress,
        lease: Lease,
        target: &Target,
        pool: &TargetPool,
    ) -> Result<Sent, Attempt> {
        let mut sender = {
            let mut shared = pool.shared.lock().await;
            match shared.as_ref().filter(|s| !s.is_closed()) {
                Some(sender) => sender.clone(),
                None => {
                    let open = Open::new(self.counts.clone());
                    let opened = connect::http2(target, self.config.timeouts.connect, open).await;
                    match opened {
                        Ok(sender) => {
                            self.series.opened.add(1);
                            shared.insert(sender).clone()
                        }
                        Err(why) => return Err(Attempt::Refused(Box::new(request), why)),
                    }
                }
            }
        };
        let sending = sender.try_send_request(request);
        match self.head_in_time(sending, progress).await {
            Ok(response) => Ok(Sent { response, lease }),
            Err(failed) => Err(Attempt::of(failed, None)),
        }
    }

    /// A new connection, or one that became free while there was no room for a new one.
    async fn open_http1(
        &self,
        target: &Target,
        pool: &TargetPool,
    ) -> Result<(SendRequest<RequestBody>, bool), Option<std::io::Error>> {
        while self.counts.open.get() >= self.config.pool.connections {
            // An idle connection to another target makes room as well.
            if let Some(other) = self.targets.iter().find_map(|t| t.idle.take()) {
                drop(other);
                tokio::task::yield_now().await;
                continue;
            }
            let (tell, told) = oneshot::channel();
            {
                let mut waiting = self.counts.waiting.borrow_mut();
                waiting.retain(|w| !w.is_closed());
                if waiting.len() >= self.config.pool.pending {
                    return Err(None);
                }
                waiting.push_back(tell);
            }
            let waited = self.timers.within(self.config.timeouts.connect, told).await;
            if waited.is_err() {
                return Err(None);
            }
            if let Some(sender) = pool.idle.take() {
                return Ok((sender, true));
            }
        }
        let open = Open::new(self.counts.clone());
        match connect::http1(target, self.config.timeouts.connect, open).await {
            Ok(sender) => {
                self.series.opened.add(1);
                Ok((sender, false))
            }
            Err(why) => Err(Some(why)),
        }
    }

    /// The time for a response runs while the request's body stands still.
    async fn head_in_time<F>(
        &self,
        sending: F,
        progress: &Progress,
    ) -> Result<Response<Incoming>, Failed>
    where
        F: Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>>,
    {
        let mut sending = pin!(sending);
        let mut deadline = self.timers.deadline(self.config.timeouts.response);
        let mut seen = progress.bytes();
        std::future::poll_fn(move |cx| {
            if let Poll::Ready(result) = sending.as_mut().poll(cx) {
                return Poll::Ready(result.map_err(|mut refused| match refused.take_message() {
                    Some(request) => Failed::Unsent(Box::new(request)),
                    None => Failed::Sent(refused.into_error()),
                }));
            }
            if seen != progress.bytes() {
                seen = progress.bytes();
                deadline.restart();
            }
            deadline.poll_due(cx).map(|()| Err(Failed::TimedOut))
        })
        .await
    }
}

/// What to do after an attempt that brought no response.
enum Attempt {
    /// The target takes no connection.
    Refused(Box<Request<RequestBody>>, std::io::Error),
    /// There is no room for another connection.
    Busy,
    /// The connection was gone: once more.
    Again(Box<Request<RequestBody>>),
    TimedOut,
    Failed(hyper::Error),
}

impl Attempt {
    fn of(failed: Failed, spare: Option<Box<Request<RequestBody>>>) -> Self {
        match (failed, spare) {
            (Failed::Unsent(request), _) => Self::Again(request),
            (Failed::Sent(why), Some(request)) if !why.is_parse() && !why.is_user() => {
                Self::Again(request)
            }
            (Failed::Sent(why), _) => Self::Failed(why),
            (Failed::TimedOut, _) => Self::TimedOut,
        }
    }
}

/// A copy of a request that may be repeated, for a connection that the target
/// may be closing at this moment.
fn spare(request: &Request<RequestBody>) -> Option<Box<Request<RequestBody>>> {
    let repeatable = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    );
    if !repeatable || request.headers().contains_key(http::header::UPGRADE) {
        return None;
    }
    let mut copy = Request::new(request.body().again()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    Some(Box::new(copy))
}
