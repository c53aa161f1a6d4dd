//! Where the body of a response ends, and whether the connection lives on (RFC 9112, 6.3 and 9.3).

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{StatusCode, Version};

use super::chunks::Chunks;
use super::decoder::Decoder;
use super::error::Error;
use crate::message::Headers;

/// What the lines of a head say about framing.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Lines {
    length: Option<Length>,
    coding: Option<Coding>,
    close: bool,
    keep_alive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    /// Bytes, said once.
    Once(u64),
    /// The same, said several times.
    Often(u64),
    Invalid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    Other,
}

impl Lines {
    /// Takes account of one line.
    pub(super) fn note(&mut self, name: &HeaderName, value: &HeaderValue) {
        match *name {
            CONTENT_LENGTH => {
                for part in value.as_bytes().split(|b| *b == b',') {
                    self.length = Some(match (self.length, digits(part.trim_ascii())) {
                        (None, Some(new)) => Length::Once(new),
                        (Some(Length::Once(old) | Length::Often(old)), Some(new)) if old == new => {
                            Length::Often(old)
                        }
                        _ => Length::Invalid,
                    });
                }
            }
            TRANSFER_ENCODING => {
                let chunked = value
                    .as_bytes()
                    .trim_ascii()
                    .eq_ignore_ascii_case(b"chunked");
                self.coding = Some(match (self.coding, chunked) {
                    (None, true) => Coding::Chunked,
                    _ => Coding::Other,
                });
            }
            CONNECTION => {
                for token in value.as_bytes().split(|b| *b == b',') {
                    let token = token.trim_ascii();
                    self.close |= token.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            _ => {}
        }
    }

    /// What follows the head, and whether another request may follow that. Leaves in `headers`
    /// only what is true of the body.
    pub(super) fn settle(
        self,
        status: StatusCode,
        version: Version,
        asked_head: bool,
        headers: &mut Headers,
    ) -> Result<(Decoder, bool), Error> {
        let mut keep = !self.close && (version == Version::HTTP_11 || self.keep_alive);
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok((Decoder::Ended, false));
        }
        let length = match self.length {
            Some(Length::Invalid) => return Err(Error::Length),
            Some(Length::Often(length)) => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
                Some(length)
            }
            Some(Length::Once(length)) => Some(length),
            None => None,
        };
        if self.coding.is_some() && length.is_some() {
            // RFC 9112, 6.3: this may be an attempt to smuggle a response.
            headers.remove(CONTENT_LENGTH);
            keep = false;
        }
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
        if asked_head || bodiless {
            return Ok((Decoder::Ended, keep));
        }
        match (self.coding, length) {
            // HTTP/1.0 knows no transfer codings.
            (Some(Coding::Chunked), _) if version == Version::HTTP_11 => {
                Ok((Decoder::Chunked(Chunks::default()), keep))
            }
            (Some(_), _) => Err(Error::Coding),
            (None, Some(0)) => Ok((Decoder::Ended, keep)),
            (None, Some(length)) => Ok((Decoder::Length(length), keep)),
            (None, None) => Ok((Decoder::UntilClose, false)),
        }
    }
}

/// Digits and nothing else; at most what fits a file size.
pub(super) fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    i64::try_from(number).is_ok().then_some(number)
}
