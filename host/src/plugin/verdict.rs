//! What a hook can decide, and what it is told at the end.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::config::model::Name;
use crate::message::Headers;

/// What `on-request` and `on-response` decide.
#[derive(Debug)]
pub enum HeadVerdict {
    /// Go on.
    Next,
    /// Read the body, then call the body hook.
    ReadBody,
    /// Send this instead.
    Respond(Reply),
}

/// What `on-request-body` and `on-response-body` decide.
#[derive(Debug)]
pub enum BodyVerdict {
    /// The body stays as it is.
    Keep,
    /// The body becomes this.
    Replace(Bytes),
    /// Send this instead.
    Respond(Reply),
}

/// A response that a plugin made: checked, without framing.
#[derive(Debug)]
pub struct Reply {
    /// 200 to 599.
    pub status: StatusCode,
    /// No name that the host owns.
    pub headers: Headers,
    /// At most `limits.host_call_bytes`.
    pub body: Bytes,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream's answer reached the client whole.
    Proxied,
    /// A plugin answered.
    AnsweredByPlugin,
    /// The gateway answered: no route, a limit, a failed plugin.
    AnsweredByGateway,
    /// The upstream could not be reached, or broke off.
    UpstreamFailed,
    /// The client went away.
    ClientGone,
    /// A time-out ended it.
    TimedOut,
}

/// What `on-log` is told.
#[derive(Debug, Clone)]
pub struct Summary {
    /// How it ended.
    pub outcome: Outcome,
    /// The status that the client was sent; 0 where it was sent none.
    pub status: u16,
    /// The upstream that was asked, if any.
    pub upstream: Option<Name>,
    /// From the request's head to the last byte.
    pub duration: Duration,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the response's body.
    pub response_bytes: u64,
}
