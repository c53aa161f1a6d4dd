//! What is known about the exchange besides its messages.

use crate::error::EditError;
use crate::sys;

/// The request's `x-request-id`.
pub fn request_id() -> String {
    sys::context::request_id()
}

/// The name of the route that matched.
pub fn route() -> String {
    sys::context::route()
}

/// The client's address; behind trusted proxies, the one that they vouch for.
pub fn client_address() -> String {
    sys::context::client_address()
}

/// What an earlier hook of this plugin kept for this exchange.
pub fn get(key: &str) -> Option<Vec<u8>> {
    sys::context::get(key)
}

/// Keeps a value for the later hooks of this plugin in this exchange. No other plugin sees it.
pub fn set(key: &str, value: impl AsRef<[u8]>) -> Result<(), EditError> {
    sys::context::set(key, value.as_ref()).map_err(|why| EditError::new("context", key, why))
}

/// Puts a field on the exchange's access log line.
pub fn tag(key: &str, value: &str) -> Result<(), EditError> {
    sys::context::tag(key, value).map_err(|why| EditError::new("tag", key, why))
}
