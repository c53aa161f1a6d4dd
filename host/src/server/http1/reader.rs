//! The strict reader of what one client sends on one HTTP/1 connection: request smuggling
//! ends here.
//!
//! [`Reader`] follows the framing from head to body to the next head, pipelined ones
//! included, and names the first violation of RFC 9112. It forgives nothing that a neighbour
//! may read otherwise: bare line feeds, two framings at once, folded lines. How the bytes are
//! cut when they arrive makes no difference.

use std::rc::Rc;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;

use super::chunks::{Chunks, Next};
use super::field::{FieldLine, Line, trim};
use super::framing::{self, Framing, Head};
use super::parts::{self, Span};
use super::request_line::RequestLine;
use super::violation::Kind;
use crate::message::{Names, RequestHead};

/// Empty lines before a request line that are forgiven (RFC 9112, 2.2).
const MAX_EMPTY_LINES: u8 = 4;
/// The longest request line: what `http::Uri` holds, with room for a method and the version.
const MAX_REQUEST_LINE: usize = 65_000;
/// Bytes of a trailer section.
const MAX_TRAILERS: usize = 15 * 1024;
/// A piece of a body that is shorter is copied, so that the buffer can be used again.
const MIN_SHARED: usize = 4 * 1024;

/// The largest head that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of a whole head; half of them for the request line alone.
    pub bytes: usize,
    /// Header lines in a head, and lines in a trailer section.
    pub lines: usize,
}

/// Bytes that have arrived, and what they mean.
#[derive(Debug)]
pub struct Reader {
    limits: HeadLimits,
    names: Rc<Names>,
    place: Place,
    buffer: BytesMut,
    /// Where in the buffer the line begins that is being read.
    at: usize,
    /// This section's complete field lines.
    fields: Vec<Span>,
    request: RequestLine,
    field: FieldLine,
    head: Head,
    chunks: Chunks,
}

/// A request whose head has come.
#[derive(Debug)]
pub struct Request {
    /// Method, target, version and headers.
    pub head: RequestHead,
    /// Bytes of the body; none where it comes in chunks.
    pub length: Option<u64>,
}

/// A piece of a request's body.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Some bytes, at least one.
    Data(Bytes),
    /// The trailer section of a chunked body; nothing comes after it.
    Trailers(HeaderMap),
    /// There is no more.
    End,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// No message, after so many empty lines.
    Between(u8),
    RequestLine,
    Fields,
    Body(u64),
    Chunks,
    Trailers,
    Broken(Kind),
}

impl Reader {
    /// A reader at the beginning of a connection, of which these bytes have been read.
    pub fn new(limits: HeadLimits, names: Rc<Names>, first: &[u8]) -> Self {
        Self {
            limits,
            names,
            place: Place::Between(0),
            buffer: BytesMut::from(first),
            at: 0,
            fields: Vec::new(),
            request: RequestLine::default(),
            field: FieldLine::default(),
            head: Head::default(),
            chunks: Chunks::default(),
        }
    }

    /// Where bytes are put as they arrive.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Whether bytes have arrived that nobody has taken.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Gives the memory of an empty buffer back.
    pub fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Bytes of a head have come, but not all of it: the header time-out runs.
    pub fn in_head(&self) -> bool {
        matches!(self.place, Place::RequestLine | Place::Fields)
    }

    /// The body of the last request has not come to its end.
    pub fn in_body(&self) -> bool {
        matches!(
            self.place,
            Place::Body(_) | Place::Chunks | Place::Trailers | Place::Broken(_)
        )
    }

    /// What came breaks the rules: nothing after it can be trusted.
    pub fn is_broken(&self) -> bool {
        matches!(self.place, Place::Broken(_))
    }

    /// The next request, once its head has come. Call it when the body before has been read.
    ///
    /// # Errors
    /// The first violation. It is final: every later call gives it again.
    pub fn head(&mut self) -> Result<Option<Request>, Kind> {
        let found = self.scan_head();
        self.note(found)
    }

    /// The next piece of the last request's body, once it has come.
    ///
    /// # Errors
    /// The first violation. It is final: every later call gives it again.
    pub fn body(&mut self) -> Result<Option<Piece>, Kind> {
        let found = self.scan_body();
        self.note(found)
    }

    fn note<T>(&mut self, found: Result<T, Kind>) -> Result<T, Kind> {
        if let Err(kind) = &found {
            self.place = Place::Broken(*kind);
        }
        found
    }

    fn scan_head(&mut self) -> Result<Option<Request>, Kind> {
        if let Place::Between(empty) = self.place {
            if !self.skip_empty_lines(empty)? {
                return Ok(None);
            }
            self.place = Place::RequestLine;
            self.request = RequestLine::default();
        }
        if self.place == Place::RequestLine {
            let room = (self.limits.bytes / 2).min(MAX_REQUEST_LINE);
            let window = self.buffer.get(..room).unwrap_or(&self.buffer);
            let Some((length, opening)) = self.request.scan(window)? else {
                return match self.buffer.len() > room {
                    true => Err(Kind::LongRequestLine),
                    false => Ok(None),
                };
            };
            self.head = Head::new(opening);
            self.begin_fields(Place::Fields, length);
        }
        match self.place {
            Place::Fields => {}
            Place::Broken(kind) => return Err(kind),
            _ => return Ok(None),
        }
        if !self.scan_fields(self.limits.bytes, Kind::LongHead)? {
            return Ok(None);
        }
        let framing = self.head.finish()?;
        let bytes = Bytes::copy_from_slice(self.buffer.get(..self.at).unwrap_or_default());
        // A head that is refused stays.
        let head = parts::request(
            &bytes,
            &self.request,
            self.head.http11,
            &self.fields,
            &self.names,
        )?;
        self.buffer.advance(bytes.len());
        let length = match framing {
            Framing::Length(length) => {
                self.place = match length {
                    0 => Place::Between(0),
                    left => Place::Body(left),
                };
                Some(length)
            }
            Framing::Chunked => {
                self.place = Place::Chunks;
                self.chunks = Chunks::default();
                None
            }
        };
        Ok(Some(Request { head, length }))
    }

    /// Whether a request line begins at the buffer's beginning.
    fn skip_empty_lines(&mut self, mut empty: u8) -> Result<bool, Kind> {
        loop {
            match *self.buffer {
                [b'\r', ..] if empty == MAX_EMPTY_LINES => return Err(Kind::EmptyLines),
                [b'\r', b'\n', ..] => {
                    self.buffer.advance(2);
                    empty += 1;
                    self.place = Place::Between(empty);
                }
                [] | [b'\r'] => return Ok(false),
                [b'\r', ..] => return Err(Kind::BareCr),
                _ => return Ok(true),
            }
        }
    }

    fn begin_fields(&mut self, place: Place, at: usize) {
        self.place = place;
        self.at = at;
        self.fields.clear();
        self.field = FieldLine::default();
    }

    /// Whether the empty line has come that ends the section; `at` stands after it then.
    fn scan_fields(&mut self, limit: usize, too_long: Kind) -> Result<bool, Kind> {
        let trailers = self.place == Place::Trailers;
        loop {
            let room = limit.saturating_sub(self.at);
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            let is_full = self.fields.len() == self.limits.lines;
            if is_full && room > 0 && rest.first().is_some_and(|b| *b != b'\r') {
                return Err(Kind::ManyFields);
            }
            let window = rest.get(..room).unwrap_or(rest);
            let Some((length, line)) = self.field.scan(window)? else {
                return match rest.len() > room {
                    true => Err(too_long),
                    false => Ok(false),
                };
            };
            if let Line::Field(name, value) = line {
                if !trailers {
                    self.head.field(name, value)?;
                } else if framing::is_forbidden_trailer(name) {
                    return Err(Kind::Trailer);
                }
                self.fields
                    .push(Span::of(self.at, name, value, trim(value)));
            }
            self.at += length;
            self.field = FieldLine::default();
            if line == Line::End {
                return Ok(true);
            }
        }
    }

    fn scan_body(&mut self) -> Result<Option<Piece>, Kind> {
        loop {
            match self.place {
                Place::Between(_) | Place::RequestLine | Place::Fields => {
                    return Ok(Some(Piece::End));
                }
                Place::Broken(kind) => return Err(kind),
                _ if self.buffer.is_empty() => return Ok(None),
                Place::Body(left) => {
                    let there = left.min(self.buffer.len() as u64);
                    self.place = match left - there {
                        0 => Place::Between(0),
                        left => Place::Body(left),
                    };
                    // At most the length of the buffer.
                    return Ok(Some(Piece::Data(self.take(there as usize))));
                }
                Place::Chunks => {
                    let (framing, next) = self.chunks.scan(&self.buffer)?;
                    self.buffer.advance(framing);
                    match next {
                        Next::Data(there) => return Ok(Some(Piece::Data(self.take(there)))),
                        Next::Trailers => self.begin_fields(Place::Trailers, 0),
                        Next::More => return Ok(None),
                    }
                }
                Place::Trailers => {
                    let limit = self.limits.bytes.min(MAX_TRAILERS);
                    if !self.scan_fields(limit, Kind::LongTrailers)? {
                        return Ok(None);
                    }
                    let bytes =
                        Bytes::copy_from_slice(self.buffer.get(..self.at).unwrap_or_default());
                    self.buffer.advance(bytes.len());
                    self.place = Place::Between(0);
                    if self.fields.is_empty() {
                        return Ok(Some(Piece::End));
                    }
                    let trailers =
                        parts::headers(&bytes, &self.fields, Kind::Trailer, &self.names)?;
                    return Ok(Some(Piece::Trailers(trailers.into())));
                }
            }
        }
    }

    fn take(&mut self, length: usize) -> Bytes {
        if length >= MIN_SHARED {
            return self.buffer.split_to(length).freeze();
        }
        let piece = Bytes::copy_from_slice(self.buffer.get(..length).unwrap_or_default());
        self.buffer.advance(piece.len());
        piece
    }
}
