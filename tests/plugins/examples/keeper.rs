//! Keeps a value from one hook to the next, and tags the access log.

use sluice_plugin::prelude::*;

/// Keeps notes.
#[derive(Config)]
struct Keeper {
    /// What to keep.
    note: String,
}

#[plugin]
impl Plugin for Keeper {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let had = context::get("note").is_some();
        request.set_header(&format!("x-had-{}", self.note), had.to_string())?;
        context::set("note", format!("{} {}", self.note, request.path()))?;
        context::tag(&self.note, "kept")?;
        Ok(Verdict::Next)
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<Verdict, Error> {
        let note = context::get("note").unwrap_or_default();
        response.append_header("x-note", note)?;
        response.set_header("x-route", context::route())?;
        response.set_header("x-client", context::client_address())?;
        Ok(Verdict::Next)
    }
}
