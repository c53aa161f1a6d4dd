//! Stamps both messages with its version, so that a test sees which code ran.

use sluice_plugin::prelude::*;

/// Stamps requests and responses.
#[derive(Config)]
struct Stamp {
    /// Header to set.
    #[config(default = "x-stamp")]
    header: String,
}

#[plugin]
impl Plugin for Stamp {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        request.set_header(&self.header, "v1")?;
        Ok(Verdict::Next)
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<Verdict, Error> {
        response.set_header(&self.header, "v1")?;
        Ok(Verdict::Next)
    }
}
