//! Answers by itself where the path asks for it.

use sluice_plugin::prelude::*;

/// Answers requests.
#[derive(Config)]
struct Responder {}

#[plugin]
impl Plugin for Responder {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        if !request.path().ends_with("/respond") {
            return Ok(Verdict::Next);
        }
        let reply = Reply::text(203, "from the plugin").with_header("x-from", "responder");
        Ok(Verdict::respond(reply))
    }
}
