//! What a head says about the message: its host, and how its body is framed (RFC 9112, 6).

use super::authority::is_authority;
use super::field::trim;
use super::request_line::Opening;
use super::violation::Kind;

/// What the lines of a head have said so far.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Head {
    pub(super) http11: bool,
    names_host: bool,
    has_host: bool,
    length: Option<u64>,
    chunked: bool,
}

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes, perhaps none.
    Length(u64),
    /// Chunks.
    Chunked,
}

impl Head {
    pub(super) fn new(opening: Opening) -> Self {
        Self {
            http11: opening.http11,
            names_host: opening.names_host,
            ..Self::default()
        }
    }

    /// Takes one header line.
    pub(super) fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Kind> {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.host(trim(value)),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(trim(value)),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.transfer_encoding(trim(value))
            }
            _ => Ok(()),
        }
    }

    /// How the body is framed, at the end of the head.
    pub(super) fn finish(&self) -> Result<Framing, Kind> {
        if self.http11 && !self.has_host {
            return Err(Kind::NoHost);
        }
        Ok(match self.chunked {
            true => Framing::Chunked,
            false => Framing::Length(self.length.unwrap_or(0)),
        })
    }

    fn host(&mut self, value: &[u8]) -> Result<(), Kind> {
        if self.has_host {
            return Err(Kind::ManyHosts);
        }
        self.has_host = true;
        // An empty Host is what a client without an authority sends (RFC 9112, 3.2).
        let good = is_authority(value, false) || (value.is_empty() && !self.names_host);
        if good { Ok(()) } else { Err(Kind::Host) }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Kind> {
        if self.length.is_some() {
            return Err(Kind::ManyContentLengths);
        }
        if self.chunked {
            return Err(Kind::TwoFramings);
        }
        self.length = Some(parse_length(value).ok_or(Kind::ContentLength)?);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Kind> {
        if !self.http11 {
            return Err(Kind::TransferEncodingIn10);
        }
        if self.length.is_some() {
            return Err(Kind::TwoFramings);
        }
        if self.chunked {
            return Err(Kind::TransferEncoding);
        }
        if !is_chunked(value) {
            return Err(unknown_coding(value));
        }
        self.chunked = true;
        Ok(())
    }
}

/// Whether this header would change framing or routing if it were a trailer (RFC 9110, 6.5.1).
pub(super) fn is_forbidden_trailer(name: &[u8]) -> bool {
    [&b"host"[..], b"content-length", b"transfer-encoding"]
        .iter()
        .any(|forbidden| name.eq_ignore_ascii_case(forbidden))
}

fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    let length = value.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then_some(byte.wrapping_sub(b'0'))?;
        sum.checked_mul(10)?.checked_add(digit.into())
    })?;
    i64::try_from(length).is_ok().then_some(length)
}

fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}

/// Tells a list of codings that ends in `chunked`, which could be decoded, from what could not.
fn unknown_coding(value: &[u8]) -> Kind {
    let mut codings = value.rsplit(|b| *b == b',').map(trim);
    let ends_well = codings.next().is_some_and(is_chunked);
    if ends_well && codings.all(|c| !c.is_empty() && !is_chunked(c)) {
        Kind::TransferCoding
    } else {
        Kind::TransferEncoding
    }
}
