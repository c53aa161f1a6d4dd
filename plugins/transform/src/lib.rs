//! The built-in plugin `transform`: changes requests and responses on their way.
//!
//! A hook reads first and edits afterwards: what the templates come to and what
//! becomes of the body is known before the first edit. A message with a body
//! that rules are about is changed as a whole in the body's hook.

mod body;
mod collide;
mod compile;
mod form;
mod head;
mod json;
mod names;
mod options;
mod refusal;
mod rules;
mod source;
mod template;

use sluice_plugin::prelude::*;

use body::Kind;
use head::Headers;
use options::{OnBodyError, Options};
use refusal::Refusal;
use rules::{BodyRules, Rules};
use source::Sources;

/// The configured plugin.
#[derive(Debug)]
pub struct Transform {
    request: Rules,
    method: Option<String>,
    response: Rules,
    status: Option<u16>,
    on_body_error: OnBodyError,
}

/// What the head of a message says about its body.
enum Plan {
    /// No rule is about it.
    Leave,
    /// It is needed.
    Read,
    Refuse,
}

#[plugin]
impl Plugin for Transform {
    type Config = Options;

    fn configure(options: Options) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let request = compile::request(&options.request, &mut problems);
        let response = compile::response(&options.response, &mut problems);
        if request.is_empty() && options.request.method.is_none() {
            Hook::OnRequest.skip();
        }
        if response.is_empty() && options.response.status.is_none() {
            Hook::OnResponse.skip();
        }
        // Where no rule is about a body, none is ever asked for.
        if request.body.rules.is_empty() {
            Hook::OnRequestBody.skip();
        }
        if response.body.rules.is_empty() {
            Hook::OnResponseBody.skip();
        }
        problems.or(Self {
            request,
            method: options.request.method,
            response,
            status: options.response.status,
            on_body_error: options.on_body_error,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        Ok(match self.plan(&self.request.body, request, || true) {
            Plan::Read => Verdict::ReadBody,
            Plan::Refuse => Verdict::Respond(Refusal::Type.of_request()),
            Plan::Leave => match self.change_request(request, None) {
                Ok(_) => Verdict::Next,
                Err(refusal) => Verdict::Respond(refusal.of_request()),
            },
        })
    }

    fn on_request_body(&self, request: &mut Request, body: Vec<u8>) -> Result<BodyVerdict, Error> {
        Ok(match self.change_request(request, Some(&body)) {
            Ok(Some(changed)) => BodyVerdict::Replace(changed),
            Ok(None) => BodyVerdict::Keep,
            Err(refusal) => BodyVerdict::Respond(refusal.of_request()),
        })
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<Verdict, Error> {
        let has_body = || !matches!(response.status(), 204 | 304) && request.method() != "HEAD";
        Ok(match self.plan(&self.response.body, response, has_body) {
            Plan::Read => Verdict::ReadBody,
            Plan::Refuse => Verdict::Respond(Refusal::Type.of_response()),
            Plan::Leave => match self.change_response(request, response, None) {
                Ok(_) => Verdict::Next,
                Err(refusal) => Verdict::Respond(refusal.of_response()),
            },
        })
    }

    fn on_response_body(
        &self,
        request: &Request,
        response: &mut Response,
        body: Vec<u8>,
    ) -> Result<BodyVerdict, Error> {
        Ok(match self.change_response(request, response, Some(&body)) {
            Ok(Some(changed)) => BodyVerdict::Replace(changed),
            Ok(None) => BodyVerdict::Keep,
            Err(refusal) => BodyVerdict::Respond(refusal.of_response()),
        })
    }
}

impl Transform {
    /// Whether the body is needed. One that is not is streamed.
    fn plan(
        &self,
        rules: &BodyRules,
        message: &impl Headers,
        has_body: impl FnOnce() -> bool,
    ) -> Plan {
        if rules.rules.is_empty() {
            return Plan::Leave;
        }
        // What is encoded cannot be read: it is of no kind that rules are for.
        let kind = Kind::of_message(message).filter(|_| !body::is_encoded(message));
        if kind.is_none() && self.on_body_error == OnBodyError::Pass || !has_body() {
            return Plan::Leave;
        }
        match (kind, message.first("content-length").as_deref()) {
            (None, Some(b"0")) => Plan::Leave,
            (None, Some(_)) => Plan::Refuse,
            // Without a length only the body itself says whether there is one.
            _ => Plan::Read,
        }
    }

    /// The kind of a body that was asked for. Without `reject` no encoded one is.
    fn kind(&self, message: &impl Headers) -> Option<Kind> {
        let rejects = self.on_body_error == OnBodyError::Reject;
        Kind::of_message(message).filter(|_| !(rejects && body::is_encoded(message)))
    }

    fn change_request(
        &self,
        request: &mut Request,
        body: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let rules = &self.request;
        let sources = Sources::new(request, None);
        let rendered = rules.templates.render(&sources)?;
        let mut changed = None;
        if let Some(body) = body {
            let kind = self.kind(request);
            // A form without fields can get some, where a body is usual.
            let empty = || matches!(request.method().as_str(), "POST" | "PUT" | "PATCH");
            changed = self.change_body(&rules.body, kind, body, empty, &sources)?;
        }
        head::headers(request, &rules.headers, &rendered)?;
        head::target(request, rules, &rendered)?;
        if let Some(method) = &self.method {
            request.set_method(method)?;
        }
        Ok(changed)
    }

    fn change_response(
        &self,
        request: &Request,
        response: &mut Response,
        body: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let rules = &self.response;
        let sources = Sources::new(request, Some(response));
        let rendered = rules.templates.render(&sources)?;
        let mut changed = None;
        if let Some(body) = body {
            let kind = self.kind(response);
            changed = self.change_body(&rules.body, kind, body, || false, &sources)?;
        }
        head::headers(response, &rules.headers, &rendered)?;
        if let Some(status) = self.status {
            response.set_status(status)?;
        }
        Ok(changed)
    }

    /// The body after the rules; none where it stays as it is.
    fn change_body(
        &self,
        rules: &BodyRules,
        kind: Option<Kind>,
        body: &[u8],
        empty: impl FnOnce() -> bool,
        sources: &Sources<'_>,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let pass = self.on_body_error == OnBodyError::Pass;
        let templates = match kind {
            None if pass || body.is_empty() => return Ok(None),
            None => return Err(Refusal::Type),
            Some(Kind::Json) if body.is_empty() => return Ok(None),
            Some(Kind::Form) if body.is_empty() && !empty() => return Ok(None),
            Some(Kind::Json) => &rules.json,
            Some(Kind::Form) => &rules.form,
        };
        let rendered = templates.render(sources)?;
        match kind.map(|kind| body::apply(kind, body, rules, &rendered)) {
            Some(Ok(changed)) => Ok(changed),
            Some(Err(fault)) if !pass => Err(fault.into()),
            _ => Ok(None),
        }
    }
}
