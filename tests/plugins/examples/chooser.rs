//! Sends a request to the upstream that it names.

use sluice_plugin::prelude::*;

/// Chooses upstreams.
#[derive(Config)]
struct Chooser {}

#[plugin]
impl Plugin for Chooser {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        if let Some(upstream) = request.header_text("x-choose") {
            request.choose_upstream(&upstream)?;
        }
        request.set_header("x-choices", request.upstreams().join(","))?;
        Ok(Verdict::Next)
    }
}
