//! The strict reader before the HTTP/1 codec: request smuggling ends here.
//!
//! The codec behind it forgives what its neighbours may read otherwise: bare line feeds, two
//! framings at once, folded lines. [`Guard`] looks at the same bytes first. It follows the
//! framing from head to body to the next head, pipelined ones included, and names the first
//! violation of RFC 9112 before the codec has seen it. How the bytes are cut into chunks
//! makes no difference.
//!
//! A head that comes in one chunk is checked in place. Only a line that is cut by the end of
//! a chunk is copied, and the copy is given back at the end of the head.

mod authority;
mod chunk;
mod class;
mod field;
mod head;
mod request_line;
mod violation;

#[cfg(test)]
mod tests;

use memchr::memchr;

use chunk::Chunks;
use field::{FieldLine, Line};
use head::{Framing, Head};
use request_line::RequestLine;
pub use violation::{Kind, Violation};

/// Empty lines before a request line that are forgiven (RFC 9112, 2.2).
const MAX_EMPTY_LINES: u8 = 4;
/// The longest request line: what `http::Uri` holds, with room for a method and the version.
const MAX_REQUEST_LINE: usize = 65_000;
/// Bytes of a trailer section. What reads the body behind the guard takes 16 KiB.
const MAX_TRAILERS: usize = 15 * 1024;

/// The largest head that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of a whole head; half of them for the request line alone.
    pub bytes: usize,
    /// Header lines in a head, and lines in a trailer section.
    pub lines: usize,
}

/// Follows the bytes that one client sends on one HTTP/1 connection.
#[derive(Debug)]
pub struct Guard {
    limits: HeadLimits,
    place: Place,
    heads: u64,
    /// The beginning of a line whose end has not come yet.
    carry: Vec<u8>,
    /// Bytes of this section's complete lines.
    used: usize,
    /// This section's complete field lines.
    lines: usize,
    request: RequestLine,
    field: FieldLine,
    head: Head,
    chunks: Chunks,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// No message: empty lines so far, and whether one more has half come.
    Between {
        empty: u8,
        cr: bool,
    },
    RequestLine,
    Fields,
    Body(u64),
    Chunks,
    Trailers,
    Tunnel,
    Broken {
        in_body: bool,
        kind: Kind,
    },
}

impl Place {
    const START: Self = Self::Between {
        empty: 0,
        cr: false,
    };
}

impl Guard {
    /// A guard at the beginning of a connection.
    pub fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            place: Place::START,
            heads: 0,
            carry: Vec::new(),
            used: 0,
            lines: 0,
            request: RequestLine::default(),
            field: FieldLine::default(),
            head: Head::default(),
            chunks: Chunks::default(),
        }
    }

    /// Looks at the next bytes of the connection.
    ///
    /// # Errors
    /// The first violation. It is final: every later call gives it again, with offset 0.
    pub fn scan(&mut self, chunk: &[u8]) -> Result<(), Violation> {
        let mut message_start = 0;
        let mut rest = chunk;
        while !rest.is_empty() {
            let taken = self.step(rest).map_err(|kind| {
                let in_body = match self.place {
                    Place::Broken { in_body, .. } => in_body,
                    place => matches!(place, Place::Chunks | Place::Trailers),
                };
                self.place = Place::Broken { in_body, kind };
                Violation {
                    message_start,
                    in_body,
                    kind,
                }
            })?;
            rest = rest.get(taken..).unwrap_or_default();
            if self.place == Place::START {
                message_start = chunk.len() - rest.len();
            }
        }
        Ok(())
    }

    /// Bytes of a head have come, but not all of it: the header time-out runs.
    pub fn in_head(&self) -> bool {
        matches!(self.place, Place::RequestLine | Place::Fields)
    }

    /// From here on the bytes are not HTTP, since the connection was upgraded.
    pub fn tunnel(&mut self) {
        self.place = Place::Tunnel;
        self.carry = Vec::new();
    }

    /// How many heads have been completed.
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Checks bytes of one place, and gives how many they are. `rest` is not empty.
    fn step(&mut self, rest: &[u8]) -> Result<usize, Kind> {
        match self.place {
            Place::Between { empty, cr } => self.between(rest, empty, cr),
            Place::RequestLine => self.request_line(rest),
            Place::Fields => self.fields(rest),
            Place::Body(left) => {
                let there = rest.len() as u64;
                self.place = match left > there {
                    true => Place::Body(left - there),
                    false => Place::START,
                };
                // At most the length of `rest`.
                Ok(left.min(there) as usize)
            }
            Place::Chunks => {
                let (taken, last) = self.chunks.scan(rest)?;
                if last {
                    self.begin_section(Place::Trailers);
                }
                Ok(taken)
            }
            Place::Trailers => self.trailers(rest),
            Place::Tunnel => Ok(rest.len()),
            Place::Broken { kind, .. } => Err(kind),
        }
    }

    fn between(&mut self, rest: &[u8], empty: u8, cr: bool) -> Result<usize, Kind> {
        match (rest.first(), cr) {
            (Some(b'\n'), true) => {
                let empty = empty + 1;
                self.place = Place::Between { empty, cr: false };
            }
            (Some(_), true) => return Err(Kind::BareCr),
            (Some(b'\r'), false) if empty == MAX_EMPTY_LINES => return Err(Kind::EmptyLines),
            (Some(b'\r'), false) => self.place = Place::Between { empty, cr: true },
            _ => {
                self.begin_section(Place::RequestLine);
                self.request = RequestLine::default();
                return self.request_line(rest);
            }
        }
        Ok(1)
    }

    fn begin_section(&mut self, place: Place) {
        self.place = place;
        self.used = 0;
        self.lines = 0;
        self.field = FieldLine::default();
    }

    fn request_line(&mut self, rest: &[u8]) -> Result<usize, Kind> {
        let room = (self.limits.bytes / 2).min(MAX_REQUEST_LINE);
        let request = &mut self.request;
        let line = take_line(&mut self.carry, rest, room, Kind::LongRequestLine, |line| {
            request.scan(line)
        })?;
        let Some((taken, len, opening)) = line else {
            return Ok(rest.len());
        };
        self.used = len;
        self.head = Head::new(opening);
        self.place = Place::Fields;
        Ok(taken)
    }

    fn fields(&mut self, rest: &[u8]) -> Result<usize, Kind> {
        let limit = self.limits.bytes;
        let head = &mut self.head;
        let section = Section {
            carry: &mut self.carry,
            used: &mut self.used,
            lines: &mut self.lines,
            line: &mut self.field,
            limit,
            max_lines: self.limits.lines,
            too_long: Kind::LongHead,
        };
        let (taken, ended) = section.scan(rest, |name, value| head.field(name, value))?;
        if ended {
            self.place = match self.head.finish()? {
                Framing::Length(0) => Place::START,
                Framing::Length(length) => Place::Body(length),
                Framing::Chunked => {
                    self.chunks = Chunks::default();
                    Place::Chunks
                }
            };
            self.heads += 1;
            self.carry = Vec::new();
        }
        Ok(taken)
    }

    fn trailers(&mut self, rest: &[u8]) -> Result<usize, Kind> {
        let section = Section {
            carry: &mut self.carry,
            used: &mut self.used,
            lines: &mut self.lines,
            line: &mut self.field,
            limit: self.limits.bytes.min(MAX_TRAILERS),
            max_lines: self.limits.lines,
            too_long: Kind::LongTrailers,
        };
        let (taken, ended) =
            section.scan(rest, |name, _| match head::is_forbidden_trailer(name) {
                true => Err(Kind::Trailer),
                false => Ok(()),
            })?;
        if ended {
            self.place = Place::START;
            self.carry = Vec::new();
        }
        Ok(taken)
    }
}

/// A header or trailer section that is being read.
struct Section<'g> {
    carry: &'g mut Vec<u8>,
    used: &'g mut usize,
    lines: &'g mut usize,
    line: &'g mut FieldLine,
    limit: usize,
    max_lines: usize,
    too_long: Kind,
}

impl Section<'_> {
    /// Gives how many bytes of `rest` belong to the section, and whether its end is among them.
    fn scan(
        self,
        rest: &[u8],
        mut field: impl FnMut(&[u8], &[u8]) -> Result<(), Kind>,
    ) -> Result<(usize, bool), Kind> {
        let mut at = 0;
        while let Some(rest) = rest.get(at..).filter(|rest| !rest.is_empty()) {
            let room = self.limit - (*self.used).min(self.limit);
            let full = *self.lines == self.max_lines;
            let begins = self.carry.is_empty() && room > 0;
            if begins && full && rest.first() != Some(&b'\r') {
                return Err(Kind::ManyFields);
            }
            let line = &mut *self.line;
            let found = take_line(self.carry, rest, room, self.too_long, |bytes| {
                let Some((len, found)) = line.scan(bytes)? else {
                    return Ok(None);
                };
                if let Line::Field(name, value) = found {
                    field(name, value)?;
                }
                Ok(Some((len, found == Line::End)))
            })?;
            let Some((taken, len, ended)) = found else {
                return Ok((at + rest.len(), false));
            };
            at += taken;
            *self.used += len;
            *self.lines += 1;
            *self.line = FieldLine::default();
            if ended {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }
}

/// Hands `scan` one line, in place where all of it is in `rest`, and else in `carry`. Gives how
/// many bytes of `rest` it took, the line's length, and what `scan` found; none where the end of
/// the line has not come. `scan` sees at most `room` bytes.
fn take_line<T>(
    carry: &mut Vec<u8>,
    rest: &[u8],
    room: usize,
    too_long: Kind,
    mut scan: impl FnMut(&[u8]) -> Result<Option<(usize, T)>, Kind>,
) -> Result<Option<(usize, usize, T)>, Kind> {
    if carry.is_empty() {
        let window = rest.get(..room).unwrap_or(rest);
        if let Some((len, found)) = scan(window)? {
            return Ok(Some((len, len, found)));
        }
        if window.len() < rest.len() {
            return Err(too_long);
        }
        carry.extend_from_slice(window);
        return Ok(None);
    }
    let line = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
    let taken = line.min(room.saturating_sub(carry.len()));
    carry.extend_from_slice(rest.get(..taken).unwrap_or_default());
    if let Some((len, found)) = scan(carry)? {
        carry.clear();
        return Ok(Some((taken, len, found)));
    }
    match taken < rest.len() {
        true => Err(too_long),
        false => Ok(None),
    }
}
