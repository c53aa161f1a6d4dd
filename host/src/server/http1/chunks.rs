//! The chunks of a chunked body, up to the trailer section (RFC 9112, 7.1). What extensions say
//! is not looked at.

use super::violation::Kind;

/// Bytes of the extension of one chunk.
const MAX_EXTENSION: usize = 256;
/// Bytes of all extensions of one body.
const MAX_EXTENSIONS: usize = 8 * 1024;
/// Digits of a chunk's size.
const MAX_DIGITS: u8 = 16;

/// Where in a chunked body the connection is.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Chunks {
    place: Place,
    size: u64,
    digits: u8,
    extension: usize,
    extensions: usize,
}

#[derive(Debug, Default, Clone, Copy)]
enum Place {
    #[default]
    Size,
    /// White space after the size: an extension must follow.
    Space,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
}

/// What stands after the framing that was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// So many bytes of data; all there are, or all of the chunk.
    Data(usize),
    /// The trailer section: the line of the last chunk has come.
    Trailers,
    /// Nothing: the bytes are at their end.
    More,
}

impl Chunks {
    /// Gives how many bytes at the beginning are framing, and what stands after them. Data that
    /// it names counts as taken.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<(usize, Next), Kind> {
        let mut rest = bytes;
        while let Some((byte, tail)) = rest.split_first() {
            match self.place {
                Place::Size => self.size_byte(*byte)?,
                Place::Space => self.space_byte(*byte)?,
                Place::Extension => self.extension_byte(*byte)?,
                Place::SizeLf => match byte {
                    b'\n' if self.size == 0 => {
                        return Ok((bytes.len() - tail.len(), Next::Trailers));
                    }
                    b'\n' => self.place = Place::Data,
                    _ => return Err(Kind::BareCr),
                },
                Place::Data => {
                    let there = self.size.min(rest.len() as u64);
                    self.size -= there;
                    if self.size == 0 {
                        self.place = Place::DataCr;
                    }
                    // At most the length of `rest`.
                    return Ok((bytes.len() - rest.len(), Next::Data(there as usize)));
                }
                Place::DataCr if *byte == b'\r' => self.place = Place::DataLf,
                Place::DataLf if *byte == b'\n' => {
                    *self = Self {
                        extensions: self.extensions,
                        ..Self::default()
                    }
                }
                Place::DataCr | Place::DataLf => return Err(Kind::ChunkEnd),
            }
            rest = tail;
        }
        Ok((bytes.len(), Next::More))
    }

    fn size_byte(&mut self, byte: u8) -> Result<(), Kind> {
        match byte {
            b'\r' if self.digits > 0 => self.place = Place::SizeLf,
            b';' if self.digits > 0 => {
                self.place = Place::Extension;
                self.extension_length()?;
            }
            b' ' | b'\t' if self.digits > 0 => {
                self.place = Place::Space;
                self.extension_length()?;
            }
            _ => {
                let digit = (byte as char).to_digit(16);
                let digit = digit.ok_or(Kind::of_byte(byte, Kind::ChunkSize))?;
                let size = self.size << 4 | u64::from(digit);
                if self.digits == MAX_DIGITS || i64::try_from(size).is_err() {
                    return Err(Kind::ChunkSize);
                }
                self.size = size;
                self.digits += 1;
            }
        }
        Ok(())
    }

    fn space_byte(&mut self, byte: u8) -> Result<(), Kind> {
        match byte {
            b' ' | b'\t' => {}
            b';' => self.place = Place::Extension,
            _ => return Err(Kind::of_byte(byte, Kind::ChunkSize)),
        }
        self.extension_length()
    }

    fn extension_byte(&mut self, byte: u8) -> Result<(), Kind> {
        match byte {
            b'\r' => self.place = Place::SizeLf,
            b'\t' | b' '..=b'~' | 0x80.. => self.extension_length()?,
            _ => return Err(Kind::of_byte(byte, Kind::ChunkExtension)),
        }
        Ok(())
    }

    fn extension_length(&mut self) -> Result<(), Kind> {
        self.extension += 1;
        self.extensions += 1;
        if self.extension > MAX_EXTENSION || self.extensions > MAX_EXTENSIONS {
            return Err(Kind::ChunkExtension);
        }
        Ok(())
    }
}
