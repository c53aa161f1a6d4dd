//! What a plugin is: a configuration, and hooks.

use crate::bindings::on_log::exports::sluice::plugin::on_log;
use crate::config::Config;
use crate::error::Error;
use crate::problem::Problems;
use crate::reply::Reply;
use crate::request::Request;
use crate::response::Response;

pub use on_log::{Outcome, Summary};

/// A plugin. Write the hooks that it has under `#[plugin]`: only those are
/// exported, and the gateway calls no other.
///
/// One instance serves many exchanges, one call at a time; a field may be a
/// `Cell` or a `RefCell`. Nothing in it outlives the configuration, and a
/// worker has its own: state that must last belongs elsewhere.
#[allow(unused_variables)]
pub trait Plugin: Sized + 'static {
    /// What the operator writes under `config`. `#[plugin]` fills in `Self`
    /// where the block does not say it.
    type Config: Config;

    /// Called once, before any hook. `#[plugin]` fills it in where the plugin
    /// is its own configuration.
    fn configure(config: Self::Config) -> Result<Self, Problems>;

    /// Before the request goes upstream.
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        Ok(Verdict::Next)
    }

    /// With the whole body of the request, after [`Verdict::ReadBody`].
    fn on_request_body(&self, request: &mut Request, body: Vec<u8>) -> Result<BodyVerdict, Error> {
        Ok(BodyVerdict::Keep)
    }

    /// Before the response goes to the client. The request can still be read.
    fn on_response(&self, request: &Request, response: &mut Response) -> Result<Verdict, Error> {
        Ok(Verdict::Next)
    }

    /// With the whole body of the response, after [`Verdict::ReadBody`].
    fn on_response_body(
        &self,
        request: &Request,
        response: &mut Response,
        body: Vec<u8>,
    ) -> Result<BodyVerdict, Error> {
        Ok(BodyVerdict::Keep)
    }

    /// After the exchange has ended, whatever its end.
    fn on_log(&self, request: &Request, response: &Response, summary: &Summary) {}

    #[doc(hidden)]
    const HOOKS: &'static [Hook];

    #[doc(hidden)]
    const SUMMARY: &'static str;
}

/// One of the hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// [`Plugin::on_request`]
    OnRequest,
    /// [`Plugin::on_request_body`]
    OnRequestBody,
    /// [`Plugin::on_response`]
    OnResponse,
    /// [`Plugin::on_response_body`]
    OnResponseBody,
    /// [`Plugin::on_log`]
    OnLog,
}

impl Hook {
    /// The gateway never calls this hook of the plugin as it is configured, and
    /// pays nothing for it. For [`Plugin::configure`]; later it has no effect.
    pub fn skip(self) {
        use crate::sys::types::hook_choice::Hook as Named;
        crate::sys::hook_choice::skip(match self {
            Self::OnRequest => Named::OnRequest,
            Self::OnRequestBody => Named::OnRequestBody,
            Self::OnResponse => Named::OnResponse,
            Self::OnResponseBody => Named::OnResponseBody,
            Self::OnLog => Named::OnLog,
        });
    }
}

/// How the exchange goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// As it would.
    Next,
    /// With the body in hand: the gateway collects it, up to the route's
    /// limit, and calls the body hook of the same message.
    ReadBody,
    /// With this reply instead. It passes the response hooks of the plugins before this one.
    Respond(Reply),
}

impl Verdict {
    /// With this reply instead.
    pub fn respond(reply: Reply) -> Self {
        Self::Respond(reply)
    }
}

/// How the exchange goes on after its body was read.
#[derive(Debug, Clone, PartialEq)]
pub enum BodyVerdict {
    /// With the body as it was.
    Keep,
    /// With this body. The gateway makes the framing right.
    Replace(Vec<u8>),
    /// With this reply instead.
    Respond(Reply),
}

impl BodyVerdict {
    /// With this reply instead.
    pub fn respond(reply: Reply) -> Self {
        Self::Respond(reply)
    }
}
