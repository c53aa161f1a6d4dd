//! The hooks of a route's plugins: on the way in from first to last, on the
//! way out from last to first.

use bytes::Bytes;
use http::StatusCode;

use super::answer::{Answer, Source};
use super::ending::Ending;
use super::outcalls;
use super::response_body::Content;
use crate::body::{ReadError, WholeBody};
use crate::config::model::{Name, OnError};
use crate::exchange::Phase;
use crate::plugin::{
    BodyVerdict, Failure, HeadVerdict, Hook, HookCall, OnRequest, OnRequestBody, OnResponse,
    OnResponseBody, Outcalls, Outcome, Reply,
};
use crate::server::{BodyFailure, ClientBody};
use crate::upstream::RequestBody;
use crate::worker::Link;

/// The request's body on its way in.
pub(super) enum Inbound {
    /// Nobody has asked for it.
    Coming(ClientBody),
    /// A plugin has read it.
    Read(WholeBody),
}

/// A response that no upstream made.
pub(super) enum Made {
    /// A plugin's own.
    Reply(Name, Reply),
    /// The gateway's.
    Answer(Answer),
}

impl Inbound {
    pub(super) fn new(body: ClientBody) -> Self {
        Self::Coming(body)
    }

    /// What goes upstream.
    pub(super) fn into_request_body(self, ending: &Ending) -> RequestBody {
        match self {
            Self::Read(whole) if whole.is_empty() => RequestBody::Empty,
            Self::Read(whole) => RequestBody::Full(whole),
            Self::Coming(incoming) => {
                let connection = &ending.connection;
                let pause = connection.config(&ending.view.generation).timeouts.body;
                let timers = &connection.worker.timers;
                RequestBody::stream(incoming, ending.progress.clone(), timers, pause)
            }
        }
    }
}

impl Ending {
    /// Runs the request hooks. Stops at the plugin that answers.
    pub(super) async fn request_hooks(&mut self, body: &mut Inbound) -> Result<(), Made> {
        let view = self.view.clone();
        let route = self.route.and_then(|r| view.routes.get(r));
        let Some(route) = route.filter(|r| !r.chain.is_empty()) else {
            return Ok(());
        };
        self.plugins_time.start();
        for (at, link) in route.chain.iter().enumerate() {
            self.reached = at;
            if link.has(Hook::OnRequest) {
                match self.call(link, &OnRequest).await {
                    Ok(HeadVerdict::Next) => {}
                    Ok(HeadVerdict::ReadBody) => self.request_body_hook(link, body).await?,
                    Ok(HeadVerdict::Respond(reply)) => {
                        return Err(Made::Reply(link.name.clone(), reply));
                    }
                    Err(failure) => on_failure(link, &failure).map_err(Made::Answer)?,
                }
            }
        }
        self.reached = route.chain.len();
        Ok(())
    }

    async fn request_body_hook(&mut self, link: &Link, body: &mut Inbound) -> Result<(), Made> {
        if !link.has(Hook::OnRequestBody) {
            let failure = Failure::InvalidReply("it asks for a body, but has no on-request-body");
            return on_failure(link, &failure).map_err(Made::Answer);
        }
        let whole = self.read_request(body).await.map_err(Made::Answer)?;
        let data = whole.data.clone();
        self.plugins_time.start();
        match self.call(link, &OnRequestBody(&data)).await {
            Ok(BodyVerdict::Keep) => Ok(()),
            Ok(BodyVerdict::Replace(data)) => {
                whole.data = data;
                Ok(())
            }
            Ok(BodyVerdict::Respond(reply)) => Err(Made::Reply(link.name.clone(), reply)),
            Err(failure) => on_failure(link, &failure).map_err(Made::Answer),
        }
    }

    async fn read_request<'a>(&self, body: &'a mut Inbound) -> Result<&'a mut WholeBody, Answer> {
        let limit = self.route_view().map_or(0, |r| r.route.body_limit);
        if let Inbound::Coming(_) = body {
            let Inbound::Coming(incoming) =
                std::mem::replace(body, Inbound::Read(WholeBody::default()))
            else {
                return Err(broken_request(BodyFailure::Gone));
            };
            let connection = &self.connection;
            let timers = &connection.worker.timers;
            let streamed = RequestBody::stream(
                incoming,
                self.progress.clone(),
                timers,
                connection.config(&self.view.generation).timeouts.body,
            );
            let read = WholeBody::read(streamed, limit).await;
            *body = Inbound::Read(read.map_err(|why| match why {
                ReadError::TooLarge => {
                    let detail = format!(
                        "the request body is larger than this route's body_limit of {limit} bytes"
                    );
                    Answer::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        Source::Limit("body_limit"),
                        detail,
                    )
                }
                ReadError::Broken(why) => broken_request(why),
            })?);
        }
        match body {
            Inbound::Read(whole) => Ok(whole),
            Inbound::Coming(_) => Err(broken_request(BodyFailure::Gone)),
        }
    }

    /// Runs the response hooks of the plugins that the request has passed.
    pub(super) async fn response_hooks(&mut self, content: &mut Content) {
        let view = self.view.clone();
        let route = self.route.and_then(|r| view.routes.get(r));
        let Some(route) = route.filter(|r| !r.chain.is_empty()) else {
            return;
        };
        self.plugins_time.start();
        for link in route.chain.iter().take(self.reached).rev() {
            if !link.has(Hook::OnResponse) {
                continue;
            }
            if let Err(made) = self.response_hook(link, content).await {
                *content = self.replace_response(made);
            }
        }
    }

    async fn response_hook(&mut self, link: &Link, content: &mut Content) -> Result<(), Made> {
        match self.call(link, &OnResponse).await {
            Ok(HeadVerdict::Next) => return Ok(()),
            Ok(HeadVerdict::ReadBody) if link.has(Hook::OnResponseBody) => {}
            Ok(HeadVerdict::ReadBody) => {
                let failure =
                    Failure::InvalidReply("it asks for a body, but has no on-response-body");
                return on_failure(link, &failure).map_err(Made::Answer);
            }
            Ok(HeadVerdict::Respond(reply)) => {
                return Err(Made::Reply(link.name.clone(), reply));
            }
            Err(failure) => return on_failure(link, &failure).map_err(Made::Answer),
        }
        let data = self.read_response(content).await.map_err(Made::Answer)?;
        self.plugins_time.start();
        match self.call(link, &OnResponseBody(&data)).await {
            Ok(BodyVerdict::Keep) => Ok(()),
            Ok(BodyVerdict::Replace(data)) => {
                if let Content::Whole(whole) = content {
                    whole.data = data;
                }
                if let Some(exchange) = &mut self.exchange {
                    exchange
                        .response
                        .headers
                        .remove(http::header::CONTENT_LENGTH);
                }
                Ok(())
            }
            Ok(BodyVerdict::Respond(reply)) => Err(Made::Reply(link.name.clone(), reply)),
            Err(failure) => on_failure(link, &failure).map_err(Made::Answer),
        }
    }

    async fn read_response(&mut self, content: &mut Content) -> Result<Bytes, Answer> {
        let limit = self.route_view().map_or(0, |r| r.route.body_limit);
        if let Content::Upstream(_) = content {
            let before = std::mem::replace(content, Content::Whole(WholeBody::default()));
            let Content::Upstream(streamed) = before else {
                return Ok(Bytes::new());
            };
            let name = self
                .target
                .as_ref()
                .map(|(pool, _)| pool.config.name.clone());
            let source = Source::Upstream(name.unwrap_or_else(|| Name::from("")));
            let whole = WholeBody::read(streamed, limit).await.map_err(|why| match why {
                ReadError::TooLarge => {
                    let detail = format!("the response body is larger than this route's body_limit of {limit} bytes");
                    Answer::new(StatusCode::BAD_GATEWAY, Source::Limit("body_limit"), detail)
                }
                ReadError::Broken(outcome) => {
                    self.outcome = outcome;
                    let status = match outcome {
                        Outcome::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                        _ => StatusCode::BAD_GATEWAY,
                    };
                    Answer::new(status, source, "the upstream's response broke off")
                }
            })?;
            *content = Content::Whole(whole);
        }
        match content {
            Content::Whole(whole) => Ok(whole.data.clone()),
            Content::Upstream(_) => Ok(Bytes::new()),
        }
    }

    /// Lends the exchange to a hook.
    async fn call<C: HookCall>(&mut self, link: &Link, hook: &C) -> Result<C::Verdict, Failure> {
        if link.slot.waits() {
            return self.wait(link, hook).await;
        }
        let Some(exchange) = self.exchange.take() else {
            return Err(Failure::Unavailable("the exchange has ended".into()));
        };
        let (exchange, result) = link.call(exchange, hook, &mut self.plugins_time);
        self.exchange = Some(exchange);
        result
    }

    /// The same for a plugin that may wait: the calls that it makes meanwhile go
    /// to the upstreams of the exchange's own generation.
    async fn wait<C: HookCall>(&mut self, link: &Link, hook: &C) -> Result<C::Verdict, Failure> {
        let (outcalls, asked) = Outcalls::new();
        let serving = outcalls::serve(self.view.clone(), asked);
        let waiting = link.wait(&mut self.exchange, hook, outcalls, &mut self.plugins_time);
        tokio::select! {
            biased;
            result = waiting => result,
            never = serving => match never {},
        }
    }

    /// Puts a response that no upstream made in the place of what there was.
    pub(super) fn replace_response(&mut self, made: Made) -> Content {
        let (source, status, headers, body, outcome) = match made {
            Made::Reply(plugin, reply) => {
                let source = Source::Plugin(plugin);
                let outcome = Outcome::AnsweredByPlugin;
                (source, reply.status, reply.headers, reply.body, outcome)
            }
            Made::Answer(answer) => {
                let id = self.asked.request_id.to_str().unwrap_or("");
                let body = answer.body(id);
                let outcome = match (&answer.source, answer.status) {
                    _ if self.progress.failure() == Some(BodyFailure::Gone) => Outcome::ClientGone,
                    (Source::Upstream(_), StatusCode::GATEWAY_TIMEOUT) => Outcome::TimedOut,
                    (Source::Upstream(_), _) => Outcome::UpstreamFailed,
                    _ => Outcome::AnsweredByGateway,
                };
                (
                    answer.source,
                    answer.status,
                    Answer::headers(),
                    body,
                    outcome,
                )
            }
        };
        self.outcome = outcome;
        self.source = Some(source);
        if let Some(exchange) = &mut self.exchange {
            exchange.phase = Phase::Response;
            exchange.response.status = status;
            exchange.response.headers = headers;
            exchange.response.upstream = None;
        }
        Content::Whole(WholeBody::of(body))
    }
}

/// What a plugin's failure means: go on, or an answer.
fn on_failure(link: &Link, failure: &Failure) -> Result<(), Answer> {
    match link.on_error() {
        OnError::Skip => Ok(()),
        OnError::Deny => {
            let config = link.slot.binding().plugin();
            let status = StatusCode::from_u16(config.on_error_status)
                .unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            let detail = format!("the plugin failed ({})", failure.kind());
            Err(Answer::new(
                status,
                Source::Plugin(link.name.clone()),
                detail,
            ))
        }
    }
}

/// The answer to a request whose body did not come.
pub(super) fn broken_request(why: BodyFailure) -> Answer {
    let status = match why {
        BodyFailure::TooSlow => StatusCode::REQUEST_TIMEOUT,
        BodyFailure::Gone | BodyFailure::Malformed => StatusCode::BAD_REQUEST,
    };
    Answer::new(status, Source::Request, why.to_string())
}
