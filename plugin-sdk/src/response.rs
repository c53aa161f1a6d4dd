//! The response, as hooks read and edit it.

use crate::edit::{Edit, refused};
use crate::error::EditError;
use crate::reply::Field;
use crate::sys;

/// The response in flight, with the edits made so far. Edits are a draft, as
/// those of a [`Request`](crate::Request) are.
#[derive(Debug)]
pub struct Response(());

impl Response {
    pub(crate) const fn current() -> Self {
        Self(())
    }

    /// The status, such as 200.
    pub fn status(&self) -> u16 {
        sys::response::status()
    }

    /// The upstream that answered; none where the gateway or a plugin did.
    pub fn upstream(&self) -> Option<String> {
        sys::response::upstream()
    }

    /// The first value of a header: bytes, since HTTP promises no encoding.
    pub fn header(&self, name: &str) -> Option<Vec<u8>> {
        sys::response::header(name)
    }

    /// The first value of a header; none also where it is not UTF-8.
    pub fn header_text(&self, name: &str) -> Option<String> {
        String::from_utf8(sys::response::header(name)?).ok()
    }

    /// Whether a line carries this header.
    pub fn has_header(&self, name: &str) -> bool {
        self.header_count(name) > 0
    }

    /// How many lines carry this header.
    pub fn header_count(&self, name: &str) -> u32 {
        sys::response::header_count(name)
    }

    /// The values of all lines that carry this header, in their order.
    pub fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
        sys::response::header_values(name)
    }

    /// All header lines, names in lower case. The dearest of the questions: ask by name.
    pub fn headers(&self) -> Vec<Field> {
        sys::response::headers()
    }

    /// Another status, 200 to 599.
    pub fn set_status(&mut self, status: u16) -> Result<(), EditError> {
        sys::response_edit::set_status(status).map_err(|why| EditError::new("status", "", why))
    }

    /// One line instead of all that carried this name.
    pub fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), EditError> {
        sys::response_edit::set_header(name, value.as_ref())
            .map_err(|why| EditError::new("response header", name, why))
    }

    /// One more line.
    pub fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), EditError> {
        sys::response_edit::append_header(name, value.as_ref())
            .map_err(|why| EditError::new("response header", name, why))
    }

    /// One line where none carries this name; whether it was made.
    pub fn add_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<bool, EditError> {
        sys::response_edit::add_header(name, value.as_ref())
            .map_err(|why| EditError::new("response header", name, why))
    }

    /// No line of this name; whether there was one.
    pub fn remove_header(&mut self, name: &str) -> Result<bool, EditError> {
        sys::response_edit::remove_header(name)
            .map_err(|why| EditError::new("response header", name, why))
    }

    /// Makes several edits in their order, all of them or none, as
    /// [`Request::apply`](crate::Request::apply) does.
    pub fn apply(&mut self, edits: &[Edit<'_>]) -> Result<(), EditError> {
        sys::response_edit::apply(edits).map_err(|why| refused("response header", edits, why))
    }
}
