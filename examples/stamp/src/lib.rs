//! A plugin that stamps requests, to copy and change.

use sluice_plugin::prelude::*;

/// Sets a header on every request, and refuses callers that lack another.
#[derive(Config)]
pub struct Stamp {
    /// The header to set.
    #[config(default = "x-stamp")]
    header: String,
    /// Its value.
    #[config(default = "1")]
    value: String,
    /// Callers without this header are refused.
    require: Option<String>,
}

#[plugin]
impl Plugin for Stamp {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        if let Some(name) = &self.require
            && !request.has_header(name)
        {
            let detail = format!("The header {name} is missing.");
            return Ok(Verdict::respond(Reply::problem(403, "Forbidden", &detail)));
        }
        request.set_header(&self.header, &self.value)?;
        Ok(Verdict::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_plugin::testing::{Exchange, Harness, json};

    #[test]
    fn requests_are_stamped() {
        let plugin = Harness::<Stamp>::configure(json!({ "value": "blue" })).unwrap();
        let mut exchange = Exchange::get("/");
        assert_eq!(plugin.on_request(&mut exchange).unwrap(), Verdict::Next);
        assert_eq!(exchange.request.headers["x-stamp"], "blue");
    }

    #[test]
    fn a_caller_without_the_header_is_refused() {
        let plugin = Harness::<Stamp>::configure(json!({ "require": "x-team" })).unwrap();
        let reply = plugin.request(&mut Exchange::get("/")).unwrap().unwrap();
        assert_eq!(reply.status, 403);

        let mut exchange = Exchange::get("/").with_header("x-team", "a");
        assert_eq!(plugin.request(&mut exchange).unwrap(), None);
    }

    #[test]
    fn a_header_that_the_gateway_owns_fails_the_hook() {
        let plugin = Harness::<Stamp>::configure(json!({ "header": "connection" })).unwrap();
        let error = plugin.on_request(&mut Exchange::get("/")).unwrap_err();
        assert_eq!(
            error.message(),
            "request header connection: belongs to the gateway"
        );
    }
}
