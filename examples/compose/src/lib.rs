//! A plugin that asks several services side by side, and answers with one JSON
//! object: to copy and change.

mod answer;
mod options;
mod target;

use sluice_plugin::http_client::{Call, send_all};
use sluice_plugin::prelude::*;

use options::Options;
use target::Missing;

/// The configured plugin.
#[derive(Debug)]
pub struct Compose {
    options: Options,
}

#[plugin]
impl Plugin for Compose {
    type Config = Options;

    fn configure(options: Options) -> Result<Self, Problems> {
        options.problems().or(Self { options })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        if !matches!(request.method().as_str(), "GET" | "HEAD") {
            let detail = "Only GET and HEAD are answered here.";
            let reply = Reply::problem(405, "Method Not Allowed", detail);
            return Ok(Verdict::respond(reply.with_header("allow", "GET, HEAD")));
        }
        let calls = match self.calls(request) {
            Ok(calls) => calls,
            Err(Missing::Path) => {
                let reply = Reply::problem(400, "Bad Request", "The path leads elsewhere.");
                return Ok(Verdict::respond(reply));
            }
            Err(Missing::Capture(name)) => {
                let message = ["the route's path captures nothing as {", &name, "}"];
                return Err(Error::new(message.concat()));
            }
        };
        let answers = send_all(&calls);
        let reply = answer::compose(&self.options, answers)?;
        Ok(Verdict::respond(reply))
    }
}

impl Compose {
    /// One for each part.
    fn calls(&self, request: &Request) -> Result<Vec<Call>, Missing> {
        let mut headers = vec![
            ("accept".to_owned(), b"application/json".to_vec()),
            ("x-request-id".to_owned(), context::request_id().into()),
        ];
        for name in &self.options.forward {
            let values = request.header_values(name).into_iter();
            headers.extend(values.map(|value| (name.clone(), value)));
        }
        let parts = self.options.parts.iter();
        parts
            .map(|part| {
                let target = part.target.fill(|name| request.capture(name))?;
                let mut call = Call::get(target).with_timeout(part.timeout);
                call.headers.clone_from(&headers);
                Ok(call)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
