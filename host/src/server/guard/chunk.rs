//! The chunks of a chunked body, up to the trailer section (RFC 9112, 7.1).

use super::violation::Kind;

/// Bytes of the extension of one chunk.
const MAX_EXTENSION: usize = 256;
/// Bytes of all extensions of one body. What reads the body behind the guard takes 16 KiB.
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
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
}

impl Chunks {
    /// Gives how many bytes belong to chunks, and whether the line of the last chunk is among them.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<(usize, bool), Kind> {
        let mut rest = bytes;
        while let Some((byte, tail)) = rest.split_first() {
            match self.place {
                Place::Size => self.size_byte(*byte)?,
                Place::Extension => self.extension_byte(*byte)?,
                Place::SizeLf => match byte {
                    b'\n' if self.size == 0 => return Ok((bytes.len() - tail.len(), true)),
                    b'\n' => self.place = Place::Data,
                    _ => return Err(Kind::BareCr),
                },
                Place::Data => {
                    let there = rest.len() as u64;
                    if self.size > there {
                        self.size -= there;
                        return Ok((bytes.len(), false));
                    }
                    // The size is at most the length of `rest` here.
                    rest = rest.get(self.size as usize..).unwrap_or_default();
                    self.place = Place::DataCr;
                    continue;
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
        Ok((bytes.len(), false))
    }

    fn size_byte(&mut self, byte: u8) -> Result<(), Kind> {
        match byte {
            b'\r' if self.digits > 0 => self.place = Place::SizeLf,
            b';' if self.digits > 0 => {
                self.place = Place::Extension;
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

    fn extension_byte(&mut self, byte: u8) -> Result<(), Kind> {
        match byte {
            b'\r' => self.place = Place::SizeLf,
            b' '..=b'~' => self.extension_length()?,
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
