//! The request, as hooks read and edit it.

use crate::edit::{Edit, refused};
use crate::error::EditError;
use crate::identity::Caller;
use crate::reply::Field;
use crate::sys;

/// The request in flight, with the edits made so far.
///
/// Every method asks the gateway: nothing is copied until it is asked for, and
/// a value that is needed twice is better kept. What a string costs is its way
/// into the plugin (about 0.13 µs); edits and questions without a text as the
/// answer are cheap, and three or more edits are cheapest in one [`Request::apply`].
///
/// Edits are a draft. The gateway keeps them when the hook returns `Ok`, and
/// drops them when it fails.
#[derive(Debug)]
pub struct Request(());

impl Request {
    pub(crate) const fn current() -> Self {
        Self(())
    }

    /// The method, such as `GET`.
    pub fn method(&self) -> String {
        sys::request::method()
    }

    /// `http` or `https`, as the client's side sees it.
    pub fn scheme(&self) -> String {
        sys::request::scheme()
    }

    /// Host and port as the client named them.
    pub fn authority(&self) -> String {
        sys::request::authority()
    }

    /// The normalised path, still percent-encoded; always begins with `/`.
    pub fn path(&self) -> String {
        sys::request::path()
    }

    /// What follows the `?`, if there is one, still percent-encoded.
    pub fn query(&self) -> Option<String> {
        sys::request::query()
    }

    /// The first value of a header: bytes, since HTTP promises no encoding.
    pub fn header(&self, name: &str) -> Option<Vec<u8>> {
        sys::request::header(name)
    }

    /// The first value of a header; none also where it is not UTF-8.
    pub fn header_text(&self, name: &str) -> Option<String> {
        String::from_utf8(sys::request::header(name)?).ok()
    }

    /// Whether a line carries this header.
    pub fn has_header(&self, name: &str) -> bool {
        self.header_count(name) > 0
    }

    /// How many lines carry this header.
    pub fn header_count(&self, name: &str) -> u32 {
        sys::request::header_count(name)
    }

    /// The values of all lines that carry this header, in their order.
    pub fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
        sys::request::header_values(name)
    }

    /// All header lines, names in lower case. The dearest of the questions: ask by name.
    pub fn headers(&self) -> Vec<Field> {
        sys::request::headers()
    }

    /// What the route's path captured under this name, percent-decoded.
    pub fn capture(&self, name: &str) -> Option<String> {
        sys::request::capture(name)
    }

    /// Who is calling, once a plugin has said so.
    pub fn caller(&self) -> Option<Caller> {
        sys::identity::caller().map(Caller::from)
    }

    /// The name of who is calling: less to copy than [`Request::caller`].
    pub fn caller_id(&self) -> Option<String> {
        sys::identity::id()
    }

    /// The groups of who is calling; none where nobody has said who that is.
    pub fn caller_groups(&self) -> Vec<String> {
        sys::identity::groups()
    }

    /// The public name of the credential that proved who is calling.
    pub fn caller_credential(&self) -> Option<String> {
        sys::identity::credential()
    }

    /// The upstream that the request goes to as things stand.
    pub fn chosen_upstream(&self) -> String {
        sys::routing::chosen()
    }

    /// The upstreams that the route declares; the first is the default.
    pub fn upstreams(&self) -> Vec<String> {
        sys::routing::choices()
    }

    /// Whether some target of this upstream took its last connection. What was
    /// not tried in the last five seconds counts as available.
    pub fn upstream_available(&self, upstream: &str) -> bool {
        sys::routing::available(upstream)
    }

    /// Another method. `CONNECT` is invalid.
    pub fn set_method(&mut self, method: &str) -> Result<(), EditError> {
        sys::request_edit::set_method(method).map_err(|why| EditError::new("method", method, why))
    }

    /// Another path and query; normalised like a client's. The route stays the one that matched.
    pub fn set_target(&mut self, path_and_query: &str) -> Result<(), EditError> {
        sys::request_edit::set_target(path_and_query)
            .map_err(|why| EditError::new("request target", "", why))
    }

    /// One line instead of all that carried this name.
    pub fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), EditError> {
        sys::request_edit::set_header(name, value.as_ref())
            .map_err(|why| EditError::new("request header", name, why))
    }

    /// One more line.
    pub fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), EditError> {
        sys::request_edit::append_header(name, value.as_ref())
            .map_err(|why| EditError::new("request header", name, why))
    }

    /// One line where none carries this name; whether it was made.
    pub fn add_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<bool, EditError> {
        sys::request_edit::add_header(name, value.as_ref())
            .map_err(|why| EditError::new("request header", name, why))
    }

    /// No line of this name; whether there was one.
    pub fn remove_header(&mut self, name: &str) -> Result<bool, EditError> {
        sys::request_edit::remove_header(name)
            .map_err(|why| EditError::new("request header", name, why))
    }

    /// Makes several edits in their order, all of them or none; at most 256.
    /// Three or more cost less so than each by itself.
    pub fn apply(&mut self, edits: &[Edit<'_>]) -> Result<(), EditError> {
        sys::request_edit::apply(edits).map_err(|why| refused("request header", edits, why))
    }

    /// Sends the request to this one of [`Request::upstreams`].
    pub fn choose_upstream(&mut self, upstream: &str) -> Result<(), EditError> {
        sys::routing::choose(upstream).map_err(|why| EditError::new("upstream", upstream, why))
    }

    /// The caller is this consumer of the configuration, whose groups and
    /// attributes the gateway knows. `credential` is the public name of what proved it.
    pub fn identify(&mut self, consumer: &str, credential: Option<&str>) -> Result<(), EditError> {
        sys::identity_edit::identify(consumer, credential)
            .map_err(|why| EditError::new("consumer", consumer, why))
    }

    /// The caller is somebody whom the configuration does not know, such as the subject of a token.
    pub fn set_caller(&mut self, caller: &Caller) -> Result<(), EditError> {
        caller
            .lend(sys::identity_edit::set_caller)
            .map_err(|why| EditError::new("caller", &caller.id, why))
    }
}
