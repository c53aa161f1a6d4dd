//! The chunks of a response (RFC 9112, 7.1).

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;

use super::error::Error;
use super::head;
use crate::http1::strip_trailers;

/// Bytes of all chunk extensions of one body.
const MAX_EXTENSIONS: usize = 16 * 1024;
/// Bytes of white space after the sizes of one body's chunks.
const MAX_SPACE: usize = 16 * 1024;
/// Bytes of the trailer section.
const MAX_TRAILERS: usize = 16 * 1024;
/// Digits of a chunk's size.
const MAX_DIGITS: u8 = 16;

/// Where in a chunked body the connection is.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Chunks {
    place: Place,
    /// Of the chunk, what has not been taken.
    left: u64,
    digits: u8,
    extensions: usize,
    space: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Size,
    Space,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailers,
}

/// What comes next in a chunked body.
#[derive(Debug)]
pub(super) enum Piece {
    Data(Bytes),
    /// The end, with what was said there.
    End(Option<HeaderMap>),
}

impl Chunks {
    /// Takes the next piece from the bytes that have come; none where it takes more of them.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Piece>, Error> {
        self.skip_framing(buffer)?;
        match self.place {
            Place::Data if !buffer.is_empty() => {
                let there = buffer
                    .len()
                    .min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= there as u64;
                if self.left == 0 {
                    self.place = Place::DataCr;
                }
                Ok(Some(Piece::Data(buffer.split_to(there).freeze())))
            }
            Place::Trailers => trailers(buffer).map(|end| end.map(Piece::End)),
            _ => Ok(None),
        }
    }

    /// Whether all that is left of the body is here, and is its plain end. Takes it then.
    pub(super) fn ends_here(&mut self, buffer: &mut BytesMut) -> Result<bool, Error> {
        self.skip_framing(buffer)?;
        if self.place != Place::Trailers || !buffer.starts_with(b"\r\n") {
            return Ok(false);
        }
        buffer.advance(2);
        Ok(true)
    }

    /// Takes the framing at the beginning, up to data or the trailer section.
    fn skip_framing(&mut self, buffer: &mut BytesMut) -> Result<(), Error> {
        let mut taken = 0;
        for byte in buffer.iter() {
            if matches!(self.place, Place::Data | Place::Trailers) {
                break;
            }
            self.step(*byte)?;
            taken += 1;
        }
        buffer.advance(taken);
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<(), Error> {
        match (self.place, byte) {
            (Place::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => return self.digit(byte),
            (Place::Size, _) if self.digits == 0 => return Err(Error::Chunk("no chunk size")),
            (Place::Size | Place::Space | Place::Extension, b'\r') => self.place = Place::SizeLf,
            (Place::Size | Place::Space, b' ' | b'\t') => {
                self.place = Place::Space;
                self.space += 1;
                if self.space > MAX_SPACE {
                    return Err(Error::Chunk("too much white space"));
                }
            }
            (Place::Size | Place::Space, b';') => self.place = Place::Extension,
            (Place::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                self.extensions += 1;
                if self.extensions > MAX_EXTENSIONS {
                    return Err(Error::Chunk("too many chunk extensions"));
                }
            }
            (Place::SizeLf, b'\n') if self.left == 0 => self.place = Place::Trailers,
            (Place::SizeLf, b'\n') => self.place = Place::Data,
            (Place::DataCr, b'\r') => self.place = Place::DataLf,
            (Place::DataLf, b'\n') => {
                self.place = Place::Size;
                self.digits = 0;
            }
            (Place::DataCr | Place::DataLf, _) => {
                return Err(Error::Chunk("a chunk is longer than its size"));
            }
            _ => return Err(Error::Chunk("the line of a chunk size is not valid")),
        }
        Ok(())
    }

    fn digit(&mut self, byte: u8) -> Result<(), Error> {
        let digit = (byte as char).to_digit(16).unwrap_or(0);
        let size = self.left << 4 | u64::from(digit);
        self.digits += 1;
        if self.digits > MAX_DIGITS || i64::try_from(size).is_err() {
            return Err(Error::Chunk("a chunk size is too large"));
        }
        self.left = size;
        Ok(())
    }
}

/// The trailer section, once all of it has come.
fn trailers(buffer: &mut BytesMut) -> Result<Option<Option<HeaderMap>>, Error> {
    if buffer.starts_with(b"\r\n") {
        buffer.advance(2);
        return Ok(Some(None));
    }
    let Some(mut trailers) = head::parse_trailers(buffer, MAX_TRAILERS)? else {
        return Ok(None);
    };
    Ok(Some(strip_trailers(&mut trailers).then_some(trailers)))
}
