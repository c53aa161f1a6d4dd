//! The request line: `method SP target SP HTTP/1.x CR LF` (RFC 9112, 3).

use std::ops::Range;

use memchr::memchr2;

use super::authority::is_authority;
use super::class::{target_len, token_len};
use super::violation::Kind;

/// How far a request line has been checked, so that none of its bytes is checked twice.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct RequestLine {
    checked: usize,
    /// Where the space after the method stands; 0 before it has come.
    method_end: usize,
    /// Where the space after the target stands; 0 before it has come.
    target_end: usize,
    names_host: bool,
}

/// What the rest of the head must fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// HTTP/1.1, not 1.0.
    pub(super) http11: bool,
    /// The target names the host itself.
    pub(super) names_host: bool,
}

impl RequestLine {
    /// Where the method and the target stand, once the line has come.
    pub(super) fn spans(&self) -> (Range<usize>, Range<usize>) {
        (0..self.method_end, self.method_end + 1..self.target_end)
    }

    /// `line` begins where the request line does, and holds more at each call. Gives the
    /// line's length once its end has come. The first byte that is wrong decides the error,
    /// however the line is cut.
    pub(super) fn scan(&mut self, line: &[u8]) -> Result<Option<(usize, Opening)>, Kind> {
        if self.method_end == 0 {
            let at = self.checked + token_len(line.get(self.checked..).unwrap_or_default());
            self.checked = at;
            match line.get(at) {
                None => return Ok(None),
                Some(b' ') if at > 0 => self.method_end = at,
                Some(byte) => return Err(Kind::of_byte(*byte, Kind::Method)),
            }
            self.checked = at + 1;
        }
        if self.target_end == 0 {
            let at = self.checked + target_len(line.get(self.checked..).unwrap_or_default());
            self.checked = at;
            let method = line.get(..self.method_end).unwrap_or_default();
            let target = line.get(self.method_end + 1..at).unwrap_or_default();
            match line.get(at) {
                None => return Ok(None),
                Some(b' ') => self.names_host = check_form(method, target)?,
                Some(b'\r') => return Err(Kind::Version),
                Some(b'#') => return Err(Kind::Fragment),
                Some(byte) => return Err(Kind::of_byte(*byte, Kind::TargetByte)),
            }
            self.target_end = at;
        }
        let rest = line.get(self.target_end + 1..).unwrap_or_default();
        Ok(scan_version(rest)?.map(|http11| {
            let opening = Opening {
                http11,
                names_host: self.names_host,
            };
            (self.target_end + 1 + VERSION_LINE.len(), opening)
        }))
    }
}

const VERSION_LINE: &[u8; 10] = b"HTTP/1.1\r\n";

/// Whether the version is 1.1, once it and the line's end have come.
fn scan_version(rest: &[u8]) -> Result<Option<bool>, Kind> {
    match rest.first_chunk() {
        Some(VERSION_LINE) => return Ok(Some(true)),
        Some(b"HTTP/1.0\r\n") => return Ok(Some(false)),
        _ => {}
    }
    for (at, (byte, expected)) in rest.iter().zip(VERSION_LINE).enumerate() {
        let kind = match (at, *byte) {
            (_, byte) if byte == *expected => continue,
            (7, b'0'..=b'9') => continue,
            (5, b'0'..=b'9') => Kind::MajorVersion,
            (9, _) => Kind::BareCr,
            (_, byte) => Kind::of_byte(byte, Kind::Version),
        };
        return Err(kind);
    }
    // A later minor version of HTTP/1 can be served as the highest that is known (RFC 9110, 2.5).
    Ok((rest.len() >= VERSION_LINE.len()).then_some(true))
}

/// Whether the target, which fits the method, names a host (RFC 9112, 3.2).
fn check_form(method: &[u8], target: &[u8]) -> Result<bool, Kind> {
    let names_host = match (method, target) {
        (b"CONNECT", target) => {
            return match is_authority(target, true) {
                true => Ok(true),
                false => Err(Kind::TargetForm),
            };
        }
        (_, [b'/', ..]) => false,
        (b"OPTIONS", b"*") => return Ok(false),
        (_, target) => {
            let after_scheme = after_scheme(target).ok_or(Kind::TargetForm)?;
            let end = after_scheme.iter().position(|b| matches!(b, b'/' | b'?'));
            let authority = after_scheme.get(..end.unwrap_or(after_scheme.len()));
            if !is_authority(authority.unwrap_or_default(), false) {
                return Err(Kind::TargetForm);
            }
            true
        }
    };
    if memchr2(b'`', b'"', target).is_some() && !holds_in_uri(target) {
        return Err(Kind::TargetByte);
    }
    Ok(names_host)
}

fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = target.split_at_checked(4)?;
    let rest = match rest {
        [b's' | b'S', rest @ ..] => rest,
        rest => rest,
    };
    if scheme.eq_ignore_ascii_case(b"http") {
        rest.strip_prefix(b"://")
    } else {
        None
    }
}

/// `http::Uri` takes a bare `"` in a path but not in a query, and a bare `` ` `` the other way round.
fn holds_in_uri(target: &[u8]) -> bool {
    let query = target.iter().position(|b| *b == b'?');
    let (path, query) = target.split_at(query.unwrap_or(target.len()));
    !path.contains(&b'`') && !query.contains(&b'"')
}
