//! The head of a response, and the trailer section: from bytes to headers.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderName};
use http::{StatusCode, Version};
use httparse::{Header, ParserConfig, Status};

use super::error::Error;
use super::framing::Lines;
use crate::http1::SPARE_HEADERS;
use crate::message::{Headers, Names};

/// Lines of a head or a trailer section.
pub(super) const MAX_LINES: usize = 100;

/// A response as its head says.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: Headers,
    pub(super) lines: Lines,
}

/// Where a name and its value stand.
type Span = (u32, u32, u32, u32);

/// Takes a head from the beginning of `buffer`, once all of it has come.
pub(super) fn parse(buffer: &mut BytesMut, names: &Names) -> Result<Option<Head>, Error> {
    let mut spans = [Span::default(); MAX_LINES];
    let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; MAX_LINES];
    let mut response = httparse::Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        buffer,
        &mut fields,
    );
    let length = match parsed.map_err(Error::Head)? {
        Status::Complete(length) => length,
        Status::Partial => return Ok(None),
    };
    let status = StatusCode::from_u16(response.code.unwrap_or_default());
    let status = status.map_err(|_| Error::Head(httparse::Error::Status))?;
    let version = match response.version {
        Some(1) => Version::HTTP_11,
        _ => Version::HTTP_10,
    };
    let count = note_spans(buffer, response.headers, &mut spans);
    let mut lines = Lines::default();
    let text = buffer.split_to(length).freeze();
    let headers = collect(
        &text,
        spans.get(..count).unwrap_or_default(),
        |name| names.read(name),
        &mut lines,
    )?;
    Ok(Some(Head {
        status,
        version,
        headers,
        lines,
    }))
}

/// Takes a trailer section of at most `limit` bytes, once all of it has come.
pub(super) fn parse_trailers(
    buffer: &mut BytesMut,
    limit: usize,
) -> Result<Option<HeaderMap>, Error> {
    let mut spans = [Span::default(); MAX_LINES];
    let mut fields = [httparse::EMPTY_HEADER; MAX_LINES];
    let too_large = Error::Chunk("the trailers are too large");
    let (length, count) = match httparse::parse_headers(buffer, &mut fields) {
        Ok(Status::Complete((length, _))) if length > limit => return Err(too_large),
        Ok(Status::Complete((length, found))) => (length, note_spans(buffer, found, &mut spans)),
        Ok(Status::Partial) if buffer.len() > limit => return Err(too_large),
        Ok(Status::Partial) => return Ok(None),
        Err(_) => return Err(Error::Chunk("the trailers are not valid")),
    };
    let text = buffer.split_to(length).freeze();
    let spans = spans.get(..count).unwrap_or_default();
    let trailers = collect(&text, spans, HeaderName::from_bytes, &mut Lines::default())?;
    Ok(Some(trailers.into()))
}

/// Writes down where `fields` stand in `text`, of which they are parts. Gives their number.
fn note_spans(text: &[u8], fields: &[Header<'_>], spans: &mut [Span; MAX_LINES]) -> usize {
    let base = text.as_ptr() as usize;
    // The buffer is bounded far below 4 GiB.
    let place = |part: &[u8]| {
        let start = part.as_ptr() as usize - base;
        (start as u32, (start + part.len()) as u32)
    };
    for (field, span) in fields.iter().zip(spans.iter_mut()) {
        let (name, name_end) = place(field.name.as_bytes());
        let (value, value_end) = match field.value {
            [] => (name, name),
            value => place(value),
        };
        *span = (name, name_end, value, value_end);
    }
    fields.len()
}

/// The lines at `spans`; no value is copied.
fn collect(
    text: &Bytes,
    spans: &[Span],
    name: impl Fn(&[u8]) -> Result<HeaderName, InvalidHeaderName>,
    lines: &mut Lines,
) -> Result<Headers, Error> {
    let mut headers = Headers::with_capacity(spans.len() + SPARE_HEADERS);
    for (start, end, value, value_end) in spans {
        let written = text.get(*start as usize..*end as usize);
        let name = name(written.unwrap_or_default()).map_err(|_| Error::Field)?;
        let value = text.slice(*value as usize..*value_end as usize);
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| Error::Field)?;
        lines.note(&name, &value);
        headers.append(name, value);
    }
    Ok(headers)
}
