//! Why a request got no response from an upstream.

use crate::config::model::Target;

/// Why there is no response. The words are for the log; a client learns the kind only.
#[derive(Debug)]
pub enum SendError {
    /// No target took a connection. Nothing was sent.
    Unreachable(Target, std::io::Error),
    /// As many connections as there may be, and none became free in time. Nothing was sent.
    Busy,
    /// The connection failed, or what came is not HTTP.
    Failed(Target, hyper::Error),
    /// No response head in time.
    TimedOut(Target),
}

impl std::fmt::Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(target, why) => write!(f, "cannot connect to {target}: {why}"),
            Self::Busy => f.write_str("all connections are in use"),
            Self::Failed(target, why) => {
                write!(f, "{target}: {why}")?;
                let mut cause = std::error::Error::source(why);
                while let Some(why) = cause {
                    write!(f, ": {why}")?;
                    cause = why.source();
                }
                Ok(())
            }
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
