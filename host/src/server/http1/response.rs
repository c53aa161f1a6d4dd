//! The head of a response as bytes, and how its body is framed (RFC 9112, 6.3).

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Version};
use http_body::SizeHint;

use crate::http1::{Output, strip_trailers};
use crate::message::{Headers, ResponseHead};

/// What the request says about its response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The request was HEAD.
    pub(super) head: bool,
    /// The client speaks HTTP/1.1, not 1.0.
    pub(super) http11: bool,
    /// The client would use the connection again.
    pub(super) keep_alive: bool,
    /// The client takes trailers (RFC 9110, 10.1.4).
    pub(super) trailers: bool,
    /// The client waits for `100 Continue`.
    pub(super) expects: bool,
}

/// How a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is no body, whatever the head says.
    None,
    /// So many bytes are still to come.
    Length(u64),
    Chunked,
    /// HTTP/1.0: the end of the connection is the end of the body.
    UntilClose,
}

/// The body has more bytes than were announced, or fewer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrongLength;

impl Asked {
    pub(super) fn of(version: Version, method: &Method, headers: &Headers) -> Self {
        let http11 = version == Version::HTTP_11;
        let keep_alive = match headers.contains_key(header::CONNECTION) {
            false => http11,
            true if lists(headers, header::CONNECTION, b"close") => false,
            true => http11 || lists(headers, header::CONNECTION, b"keep-alive"),
        };
        Self {
            head: method == Method::HEAD,
            http11,
            keep_alive,
            trailers: headers.contains_key(header::TE) && lists(headers, header::TE, b"trailers"),
            expects: http11
                && headers
                    .get(header::EXPECT)
                    .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue")),
        }
    }
}

/// Whether the header's list has this word.
fn lists(headers: &Headers, name: HeaderName, word: &[u8]) -> bool {
    headers
        .get_all(name)
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}

/// How the body of this response is framed; the headers are made to say so.
pub(super) fn frame(head: &mut ResponseHead, body: &SizeHint, asked: Asked) -> Framing {
    let (status, headers) = (head.status, &mut head.headers);
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::TRANSFER_ENCODING);
    }
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        headers.remove(header::CONTENT_LENGTH);
        return Framing::None;
    }
    if asked.head || status == StatusCode::NOT_MODIFIED {
        return Framing::None;
    }
    if let Some(length) = body.exact() {
        set_length(headers, length);
        return Framing::Length(length);
    }
    headers.remove(header::CONTENT_LENGTH);
    if asked.http11 {
        headers.insert(
            header::TRANSFER_ENCODING,
            HeaderValue::from_static("chunked"),
        );
        Framing::Chunked
    } else {
        Framing::UntilClose
    }
}

/// The upstream's own word stays where it is right, since it costs nothing.
fn set_length(headers: &mut Headers, length: u64) {
    if !headers.says_length(length) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Adds the head. `date` is for a response that has none of its own.
pub(super) fn write_head(
    out: &mut Output,
    status: StatusCode,
    headers: &Headers,
    connection: Option<&'static str>,
    date: &[u8],
) {
    out.reserve(256 + headers.len() * 40);
    match status {
        StatusCode::OK => out.text(b"HTTP/1.1 200 OK\r\n"),
        status => write_status(out, status),
    }
    out.lines(headers.iter());
    if let Some(connection) = connection {
        out.line("connection", connection.as_bytes());
    }
    if !headers.contains_key(header::DATE) {
        out.line("date", date);
    }
    out.text(b"\r\n");
}

/// Adds the head of an interim response.
pub(super) fn write_interim(out: &mut Output, status: StatusCode, headers: &Headers) {
    write_status(out, status);
    out.lines(headers.iter());
    out.text(b"\r\n");
}

fn write_status(out: &mut Output, status: StatusCode) {
    out.text(b"HTTP/1.1 ");
    out.text(status.as_str().as_bytes());
    out.text(b" ");
    out.text(status.canonical_reason().unwrap_or_default().as_bytes());
    out.text(b"\r\n");
}

impl Framing {
    /// Adds a piece of the body, where there is room.
    pub(super) fn data(&mut self, out: &mut Output, data: Bytes) -> Result<(), WrongLength> {
        match self {
            _ if data.is_empty() => {}
            Self::None => {}
            Self::UntilClose => out.piece(data, b""),
            Self::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(WrongLength)?;
                out.piece(data, b"");
            }
            Self::Chunked => out.chunk(data),
        }
        Ok(())
    }

    /// Adds what ends the body, where there is room.
    pub(super) fn end(
        self,
        out: &mut Output,
        trailers: Option<HeaderMap>,
    ) -> Result<(), WrongLength> {
        match self {
            Self::Length(1..) => return Err(WrongLength),
            Self::Length(0) | Self::None | Self::UntilClose => {}
            Self::Chunked => {
                let mut trailers = trailers.unwrap_or_default();
                strip_trailers(&mut trailers);
                out.last_chunk(&trailers);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(head: bool, http11: bool) -> Asked {
        Asked {
            head,
            http11,
            keep_alive: true,
            trailers: false,
            expects: false,
        }
    }

    fn framed(
        status: u16,
        headers: &[(&str, &str)],
        body: SizeHint,
        asked: Asked,
    ) -> (Framing, String) {
        let mut head = ResponseHead {
            status: StatusCode::from_u16(status).unwrap(),
            headers: Headers::new(),
        };
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            head.headers.append(name, value.parse().unwrap());
        }
        let framing = frame(&mut head, &body, asked);
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}\r\n", value.to_str().unwrap())
        };
        (framing, head.headers.iter().map(line).collect())
    }

    #[test]
    fn every_response_says_where_its_body_ends() {
        let exact = SizeHint::with_exact;
        let table = [
            (
                200,
                vec![],
                exact(5),
                asked(false, true),
                Framing::Length(5),
                "content-length: 5\r\n",
            ),
            (
                200,
                vec![("content-length", "7")],
                exact(5),
                asked(false, true),
                Framing::Length(5),
                "content-length: 5\r\n",
            ),
            (
                200,
                vec![("content-length", "7")],
                SizeHint::default(),
                asked(false, true),
                Framing::Chunked,
                "transfer-encoding: chunked\r\n",
            ),
            (
                200,
                vec![],
                SizeHint::default(),
                asked(false, false),
                Framing::UntilClose,
                "",
            ),
            (
                204,
                vec![("content-length", "0")],
                exact(0),
                asked(false, true),
                Framing::None,
                "",
            ),
            (
                304,
                vec![("content-length", "9")],
                exact(0),
                asked(false, true),
                Framing::None,
                "content-length: 9\r\n",
            ),
            (
                200,
                vec![("content-length", "9")],
                exact(0),
                asked(true, true),
                Framing::None,
                "content-length: 9\r\n",
            ),
            (
                200,
                vec![("transfer-encoding", "gzip")],
                exact(0),
                asked(false, true),
                Framing::Length(0),
                "content-length: 0\r\n",
            ),
        ];
        for (status, headers, body, asked, framing, lines) in table {
            let found = framed(status, &headers, body, asked);
            assert_eq!(found, (framing, lines.to_owned()), "{status} {headers:?}");
        }
    }

    #[test]
    fn who_says_close_is_not_kept() {
        let of = |version, value: &[&'static str]| {
            let mut headers = Headers::new();
            for value in value {
                headers.append(header::CONNECTION, HeaderValue::from_static(value));
            }
            Asked::of(version, &Method::GET, &headers).keep_alive
        };
        assert!(of(Version::HTTP_11, &[]));
        assert!(of(Version::HTTP_11, &["keep-alive"]));
        assert!(!of(Version::HTTP_11, &["x, Close"]));
        assert!(!of(Version::HTTP_11, &["keep-alive", "close"]));
        assert!(!of(Version::HTTP_10, &[]));
        assert!(of(Version::HTTP_10, &["Keep-Alive"]));
    }
}
