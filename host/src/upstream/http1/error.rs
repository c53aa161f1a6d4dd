//! Why an HTTP/1 exchange with a target failed.

use std::io;

use crate::server::BodyFailure;

/// What went wrong, in words for the log.
#[derive(Debug)]
pub enum Error {
    /// Not a byte of the request was written.
    Unsent(io::Error),
    /// The connection ended before any byte of a response; why, unless it was simply closed.
    Gone(Option<io::Error>),
    /// The connection ended within the head of the response.
    HeadBrokenOff(Option<io::Error>),
    /// The connection ended within the body of the response.
    BodyBrokenOff(Option<io::Error>),
    /// The head is not HTTP/1.
    Head(httparse::Error),
    /// A line of the head has a name or a value that is not valid.
    Field,
    /// The head has so many bytes that no more are read.
    HeadTooLarge,
    /// One interim response after the other.
    TooManyInterim,
    /// Content-Length is not a number, or several of them differ.
    Length,
    /// The body is in a transfer coding that was not asked for (RFC 9112, 6.1).
    Coding,
    /// The chunks are not framed right.
    Chunk(&'static str),
    /// The client's body broke off.
    RequestBody(BodyFailure),
    /// The request's body is longer or shorter than its Content-Length.
    RequestLength,
}

impl Error {
    /// The connection was closed, and perhaps before the target saw the request.
    pub(in crate::upstream) fn is_gone(&self) -> bool {
        matches!(self, Self::Unsent(_) | Self::Gone(_))
    }

    /// Nothing of the request was written.
    pub(in crate::upstream) fn is_unsent(&self) -> bool {
        matches!(self, Self::Unsent(_))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, why) = match self {
            Self::Unsent(why) => ("the request cannot be written", Some(why)),
            Self::Gone(why) => ("the connection was closed without a response", why.as_ref()),
            Self::HeadBrokenOff(why) => (
                "the connection was closed within the response head",
                why.as_ref(),
            ),
            Self::BodyBrokenOff(why) => (
                "the connection was closed before the end of the response body",
                why.as_ref(),
            ),
            Self::Head(why) => return write!(f, "the response head is not HTTP/1: {why}"),
            Self::Field => ("a header line of the response is not valid", None),
            Self::HeadTooLarge => ("the response head is too large", None),
            Self::TooManyInterim => ("too many interim responses", None),
            Self::Length => (
                "the response's Content-Length is not a number, or not one",
                None,
            ),
            Self::Coding => (
                "the response has a Transfer-Encoding other than chunked",
                None,
            ),
            Self::Chunk(why) => return write!(f, "the response's chunks are broken: {why}"),
            Self::RequestBody(why) => return why.fmt(f),
            Self::RequestLength => (
                "the request body is not as long as its Content-Length",
                None,
            ),
        };
        f.write_str(what)?;
        match why {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
