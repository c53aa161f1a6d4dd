//! Messages that cannot be changed as the rules say.

use sluice_plugin::EditError;
use sluice_plugin::prelude::*;

use crate::json::Fault;
use crate::source::Bad;

/// Why a message is not let through. None of these is the plugin's failure:
/// what a client or an upstream sent is.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A template came to something that cannot be written.
    Value(Bad),
    /// The gateway does not take what a rule came to.
    Edit(EditError),
    /// The body has another type than the rules are for.
    Type,
    /// The body is not what its type says.
    Body(Fault),
}

impl Refusal {
    /// What the client gets in the place of an answer to its request.
    pub(crate) fn of_request(self) -> Reply {
        let (status, title) = match self {
            Self::Type => (415, "Unsupported Media Type"),
            _ => (400, "Bad Request"),
        };
        Reply::problem(status, title, &self.detail("request"))
    }

    /// What the client gets in the place of the upstream's response.
    pub(crate) fn of_response(self) -> Reply {
        Reply::problem(502, "Bad Gateway", &self.detail("response"))
    }

    fn detail(&self, message: &str) -> String {
        let why = match self {
            Self::Value(Bad::Control) => "a value for it holds control characters",
            Self::Value(Bad::Segment) => "a segment of its path would be empty, `.` or `..`",
            Self::Value(Bad::Encoding) => "a value for its body is not UTF-8",
            Self::Edit(error) => {
                return ["The ", message, " cannot be changed: ", &error.to_string()].concat();
            }
            Self::Type => "its body is encoded, or neither JSON nor a form",
            Self::Body(Fault::Invalid) => "its body is not JSON",
            Self::Body(Fault::TooDeep) => "its body is nested deeper than 512 levels",
            Self::Body(Fault::TooLarge) => "its body would grow too much",
        };
        ["The ", message, " cannot be changed: ", why, "."].concat()
    }
}

impl From<Bad> for Refusal {
    fn from(bad: Bad) -> Self {
        Self::Value(bad)
    }
}

impl From<EditError> for Refusal {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Body(fault)
    }
}
