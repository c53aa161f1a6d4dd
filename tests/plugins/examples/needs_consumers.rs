//! Reads the credentials of the configuration, for which it needs a grant.

use sluice_plugin::prelude::*;

/// Counts credentials.
#[derive(Config)]
struct NeedsConsumers {}

#[plugin]
impl Plugin for NeedsConsumers {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        request.set_header("x-credentials", consumers::credentials().len().to_string())?;
        Ok(Verdict::Next)
    }
}
