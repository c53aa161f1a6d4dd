//! Rewrites the bodies of both messages.

use sluice_plugin::prelude::*;

/// Puts marks around bodies.
#[derive(Config)]
struct Bodies {}

#[plugin]
impl Plugin for Bodies {
    fn on_request(&self, _: &mut Request) -> Result<Verdict, Error> {
        Ok(Verdict::ReadBody)
    }

    fn on_request_body(&self, request: &mut Request, body: Vec<u8>) -> Result<BodyVerdict, Error> {
        request.set_header("x-body-length", body.len().to_string())?;
        if body == b"refuse" {
            let reply = Reply::problem(422, "Unprocessable", "The body says so.");
            return Ok(BodyVerdict::respond(reply));
        }
        Ok(marked(&body))
    }

    fn on_response(&self, _: &Request, _: &mut Response) -> Result<Verdict, Error> {
        Ok(Verdict::ReadBody)
    }

    fn on_response_body(
        &self,
        _: &Request,
        response: &mut Response,
        body: Vec<u8>,
    ) -> Result<BodyVerdict, Error> {
        response.set_header("x-body-length", body.len().to_string())?;
        Ok(marked(&body))
    }
}

fn marked(body: &[u8]) -> BodyVerdict {
    match body {
        [] => BodyVerdict::Keep,
        body => BodyVerdict::Replace([b"<<", body, b">>"].concat()),
    }
}
