//! Why a request got no response from an upstream.

use super::http1;
use crate::config::model::Target;
use crate::server::BodyFailure;

/// How an exchange with a target failed.
#[derive(Debug)]
pub enum Failure {
    /// On HTTP/1.
    Http1(http1::Error),
    /// On HTTP/2.
    Http2(hyper::Error),
}

impl Failure {
    /// Why the client's body broke off, if that is what it was.
    pub fn of_request(&self) -> Option<BodyFailure> {
        match self {
            Self::Http1(http1::Error::RequestBody(why)) => Some(*why),
            Self::Http1(_) | Self::Http2(_) => None,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let why = match self {
            Self::Http1(why) => return why.fmt(f),
            Self::Http2(why) => why,
        };
        why.fmt(f)?;
        let mut cause = std::error::Error::source(why);
        while let Some(why) = cause {
            write!(f, ": {why}")?;
            cause = why.source();
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Why there is no response. The words are for the log; a client learns the kind only.
#[derive(Debug)]
pub enum SendError {
    /// No target took a connection. Nothing was sent.
    Unreachable(Target, std::io::Error),
    /// As many connections as there may be, and none became free in time. Nothing was sent.
    Busy,
    /// The connection failed, or what came is not HTTP.
    Failed(Target, Failure),
    /// No response head in time.
    TimedOut(Target),
}

impl std::fmt::Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(target, why) => write!(f, "cannot connect to {target}: {why}"),
            Self::Busy => f.write_str("all connections are in use"),
            Self::Failed(target, why) => write!(f, "{target}: {why}"),
            Self::TimedOut(target) => write!(f, "{target} sent no response in time"),
        }
    }
}

impl SendError {
    /// The target it was, if it came so far.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Unreachable(target, _) | Self::Failed(target, _) | Self::TimedOut(target) => {
                Some(target)
            }
            Self::Busy => None,
        }
    }
}
