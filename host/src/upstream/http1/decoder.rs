//! The body of a response, taken from the bytes that have come.

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

use super::chunks::{Chunks, Piece};
use super::error::Error;

/// What is to come of a body.
#[derive(Debug)]
pub(super) enum Decoder {
    /// Nothing.
    Ended,
    /// So many bytes, at least one.
    Length(u64),
    Chunked(Chunks),
    /// All up to the end of the connection.
    UntilClose,
}

impl Decoder {
    /// Takes the next frame from `buffer`. None is the end where [`Decoder::is_ended`] says so,
    /// and takes more bytes otherwise.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame<Bytes>>, Error> {
        match self {
            Self::Ended => Ok(None),
            _ if buffer.is_empty() => Ok(None),
            Self::Length(left) => {
                let there = buffer
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= there as u64;
                if *left == 0 {
                    *self = Self::Ended;
                }
                Ok(Some(Frame::data(buffer.split_to(there).freeze())))
            }
            Self::Chunked(chunks) => match chunks.next(buffer)? {
                Some(Piece::Data(data)) => {
                    // The end is known with the last data where it came with it. What is wrong
                    // there is found again when the next frame is asked for.
                    let mut ahead = *chunks;
                    match ahead.ends_here(buffer) {
                        Ok(true) => *self = Self::Ended,
                        Ok(false) => *chunks = ahead,
                        Err(_) => {}
                    }
                    Ok(Some(Frame::data(data)))
                }
                Some(Piece::End(trailers)) => {
                    *self = Self::Ended;
                    Ok(trailers.map(Frame::trailers))
                }
                None => Ok(None),
            },
            Self::UntilClose => Ok(Some(Frame::data(buffer.split().freeze()))),
        }
    }

    /// The connection has come to its end.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        match self {
            Self::Ended | Self::UntilClose => {
                *self = Self::Ended;
                Ok(())
            }
            Self::Length(_) | Self::Chunked(_) => Err(Error::BodyBrokenOff(None)),
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ended => SizeHint::with_exact(0),
            Self::Length(left) => SizeHint::with_exact(*left),
            Self::Chunked(_) | Self::UntilClose => SizeHint::default(),
        }
    }
}
