//! JSON (RFC 8259) that is changed where a rule says so, and nowhere else.
//!
//! No tree is built: rules find the bytes that they are about, and all the
//! others are copied. So the order of members, the text of numbers, members of
//! one name and escapes that are no text come out as they went in. Nothing
//! here recurses, so the depth of a body costs no stack.

mod check;
mod edit;
mod pointer;
mod walk;

pub(crate) use check::{Fault, check};
pub(crate) use edit::{Edit, edit};
pub(crate) use pointer::{Pointer, is_index};
pub(crate) use walk::quote;
