//! From a head that has been checked to the types that the gateway works with.
//!
//! Values are slices of the head's bytes; none of them is copied.

use bytes::Bytes;
use http::{HeaderValue, Method, Uri, Version};

use super::request_line::RequestLine;
use super::violation::Kind;
use crate::http1::SPARE_HEADERS;
use crate::message::{Headers, Names, RequestHead};

/// Where a field line stands in its section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    name: usize,
    name_end: usize,
    value: usize,
    value_end: usize,
}

impl Span {
    /// The line that begins at `at`, with this name and value; `trimmed` is the value without
    /// the white space around it.
    pub(super) fn of(at: usize, name: &[u8], value: &[u8], trimmed: &[u8]) -> Self {
        let name_end = at + name.len();
        let space = value.len() - value.trim_ascii_start().len();
        // A value of white space only has no beginning.
        let value = name_end + 1 + if trimmed.is_empty() { 0 } else { space };
        Self {
            name: at,
            name_end,
            value,
            value_end: value + trimmed.len(),
        }
    }
}

/// The request whose head these bytes are.
pub(super) fn request(
    head: &Bytes,
    line: &RequestLine,
    http11: bool,
    fields: &[Span],
    names: &Names,
) -> Result<RequestHead, Kind> {
    let (method, target) = line.spans();
    let method = head.get(method).unwrap_or_default();
    Ok(RequestHead {
        method: Method::from_bytes(method).map_err(|_| Kind::Method)?,
        uri: Uri::from_maybe_shared(head.slice(target)).map_err(|_| Kind::TargetByte)?,
        version: match http11 {
            true => Version::HTTP_11,
            false => Version::HTTP_10,
        },
        headers: headers(head, fields, Kind::FieldName, names)?,
    })
}

/// The headers, or the trailers, of these lines.
pub(super) fn headers(
    bytes: &Bytes,
    fields: &[Span],
    invalid: Kind,
    names: &Names,
) -> Result<Headers, Kind> {
    let mut headers = Headers::with_capacity(fields.len() + SPARE_HEADERS);
    for span in fields {
        let name = bytes.get(span.name..span.name_end).unwrap_or_default();
        let name = names.read(name).map_err(|_| invalid)?;
        let value = bytes.slice(span.value..span.value_end);
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| Kind::FieldValue)?;
        headers.append(name, value);
    }
    Ok(headers)
}
