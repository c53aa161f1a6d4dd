//! Leaves its name on both messages, so that a test sees the order of hooks.

use sluice_plugin::prelude::*;

/// Signs messages.
#[derive(Config)]
struct Onion {
    /// What to sign with.
    name: String,
}

#[plugin]
impl Plugin for Onion {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        request.append_header("x-order", &self.name)?;
        Ok(Verdict::Next)
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<Verdict, Error> {
        response.append_header("x-order", &self.name)?;
        Ok(Verdict::Next)
    }
}
