//! Several edits in one call.

use crate::bindings::types::RefusedEdit;
use crate::error::EditError;

pub use crate::bindings::types::Edit;

impl<'a> Edit<'a> {
    /// One line instead of all that carried this name.
    pub fn set(name: &'a str, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::Set((name, value.as_ref()))
    }

    /// One line where none carries this name; else nothing.
    pub fn add(name: &'a str, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::Add((name, value.as_ref()))
    }

    /// One more line.
    pub fn append(name: &'a str, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::Append((name, value.as_ref()))
    }

    /// No line of this name.
    pub fn remove(name: &'a str) -> Self {
        Self::Remove(name)
    }

    /// No line of this name and, in a request, no field of this name in the
    /// query, which is read as [`form`](crate::form) reads one: for credentials.
    pub fn hide(name: &'a str) -> Self {
        Self::Hide(name)
    }

    /// The name of what it edits.
    pub fn name(&self) -> &'a str {
        match self {
            Self::Set((name, _)) | Self::Add((name, _)) | Self::Append((name, _)) => name,
            Self::Remove(name) | Self::Hide(name) => name,
        }
    }
}

/// The refusal of one of `edits` of headers of `kind`.
#[cold]
pub(crate) fn refused(kind: &str, edits: &[Edit<'_>], why: RefusedEdit) -> EditError {
    let edit = usize::try_from(why.at).ok().and_then(|at| edits.get(at));
    EditError::new(kind, edit.map_or("", Edit::name), why.why)
}
