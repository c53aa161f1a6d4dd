//! The reader against a table of attacks, against every way to cut a stream, and against
//! another parser.

use std::rc::Rc;

use proptest::prelude::*;

use super::{HeadLimits, Kind, Piece, Reader};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 512,
    lines: 8,
};

/// What a whole stream comes to: completed heads, whether a head is open, and the violation.
type Outcome = (u64, bool, Option<(bool, Kind)>);

/// A reader, and what came of the bytes that it got.
struct Feed {
    reader: Reader,
    heads: u64,
    in_body: bool,
    body: Vec<u8>,
    trailers: usize,
}

impl Feed {
    fn new() -> Self {
        Self {
            reader: Reader::new(LIMITS, Rc::default(), b""),
            heads: 0,
            in_body: false,
            body: Vec::new(),
            trailers: 0,
        }
    }

    fn scan(&mut self, bytes: &[u8]) -> Result<(), Kind> {
        self.reader.buffer().extend_from_slice(bytes);
        loop {
            if self.in_body {
                match self.reader.body()? {
                    None => return Ok(()),
                    Some(Piece::Data(data)) => self.body.extend_from_slice(&data),
                    Some(Piece::Trailers(trailers)) => {
                        self.trailers += trailers.len();
                        self.in_body = false;
                    }
                    Some(Piece::End) => self.in_body = false,
                }
            } else {
                let Some(request) = self.reader.head()? else {
                    return Ok(());
                };
                self.heads += 1;
                self.in_body = request.length != Some(0);
            }
        }
    }
}

fn outcome<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut feed = Feed::new();
    let kind = chunks.into_iter().find_map(|c| feed.scan(c).err());
    let violation = kind.map(|kind| (feed.in_body, kind));
    (feed.heads, feed.reader.in_head(), violation)
}

/// Scans in one chunk, cut in two at every place, and byte by byte: all must agree.
fn scan_every_way(stream: &[u8]) -> Outcome {
    let whole = outcome([stream]);
    for cut in 0..=stream.len() {
        let (first, second) = stream.split_at(cut);
        assert_eq!(outcome([first, second]), whole, "cut at {cut}");
    }
    assert_eq!(outcome(stream.chunks(1)), whole, "byte by byte");
    whole
}

fn violation(stream: &[u8]) -> Option<(bool, Kind)> {
    scan_every_way(stream).2
}

#[test]
fn a_head_that_breaks_a_rule_is_refused() {
    let long_value = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(600)
    );
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(300));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(8));
    let table: &[(&str, Kind)] = &[
        ("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", Kind::EmptyLines),
        ("\rGET / HTTP/1.1\r\n", Kind::BareCr),
        ("\nGET / HTTP/1.1\r\n", Kind::BareLf),
        (" GET / HTTP/1.1\r\n", Kind::Method),
        ("G(T / HTTP/1.1\r\n", Kind::Method),
        ("GET\t/ HTTP/1.1\r\n", Kind::Method),
        ("\0GET / HTTP/1.1\r\n", Kind::Nul),
        ("GET\r\n", Kind::Method),
        ("\x16\x03\x01\x02", Kind::Method),
        ("GET  / HTTP/1.1\r\n", Kind::TargetForm),
        ("GET /\r\n\r\n", Kind::Version),
        ("GET /\n\n", Kind::BareLf),
        ("GET /\t HTTP/1.1\r\n", Kind::TargetByte),
        ("GET /\u{e4} HTTP/1.1\r\n", Kind::TargetByte),
        ("GET /\x7f HTTP/1.1\r\n", Kind::TargetByte),
        ("GET /a\\b HTTP/1.1\r\n", Kind::TargetByte),
        ("GET /<b> HTTP/1.1\r\n", Kind::TargetByte),
        ("GET /`a HTTP/1.1\r\n", Kind::TargetByte),
        ("GET /?\" HTTP/1.1\r\n", Kind::TargetByte),
        ("GET /\0 HTTP/1.1\r\n", Kind::Nul),
        ("GET /#top HTTP/1.1\r\n", Kind::Fragment),
        ("GET * HTTP/1.1\r\n", Kind::TargetForm),
        ("GET a.example HTTP/1.1\r\n", Kind::TargetForm),
        ("GET a.example:80 HTTP/1.1\r\n", Kind::TargetForm),
        ("GET ftp://a/ HTTP/1.1\r\n", Kind::TargetForm),
        ("GET http:/a HTTP/1.1\r\n", Kind::TargetForm),
        ("GET http:///a HTTP/1.1\r\n", Kind::TargetForm),
        ("GET http://u@a/ HTTP/1.1\r\n", Kind::TargetForm),
        ("CONNECT / HTTP/1.1\r\n", Kind::TargetForm),
        ("CONNECT a.example HTTP/1.1\r\n", Kind::TargetForm),
        ("GET /  HTTP/1.1\r\n", Kind::Version),
        ("GET / http/1.1\r\n", Kind::Version),
        ("GET / HTTP/1.x\r\n", Kind::Version),
        ("GET / HTTP/1.11\r\n", Kind::Version),
        ("GET / HTTP/1.1 \r\n", Kind::Version),
        ("GET / HTTP/2.0\r\n", Kind::MajorVersion),
        ("GET / HTTP/0.9\r\n", Kind::MajorVersion),
        ("PRI / HTTP/2.0\r\n", Kind::MajorVersion),
        ("GET / HTTP/1.1\n", Kind::BareLf),
        ("GET / HTTP/1.1\rHost: a\r\n", Kind::BareCr),
        (&long_line, Kind::LongRequestLine),
        (&long_value, Kind::LongHead),
        (&many, Kind::ManyFields),
    ];
    for (stream, kind) in table {
        let found = violation(stream.as_bytes());
        assert_eq!(found, Some((false, *kind)), "{stream:?}");
    }
}

#[test]
fn a_header_that_breaks_a_rule_is_refused() {
    let table: &[(&str, Kind)] = &[
        ("\r\n", Kind::NoHost),
        ("Host: a\r\nHost: a\r\n", Kind::ManyHosts),
        ("Host: a b\r\n", Kind::Host),
        ("Host: a/b\r\n", Kind::Host),
        ("Host: a, b\r\n", Kind::Host),
        ("Host: u@a\r\n", Kind::Host),
        ("Host: a:99999\r\n", Kind::Host),
        ("Host: a\x01\r\n", Kind::FieldValue),
        ("Host: a\0\r\n", Kind::Nul),
        ("X: \x7f\r\n", Kind::FieldValue),
        ("X: a\rb\r\n", Kind::BareCr),
        ("X: a\nY: b\r\n", Kind::BareLf),
        ("X : a\r\n", Kind::SpaceBeforeColon),
        ("X\t: a\r\n", Kind::SpaceBeforeColon),
        ("X: a\r\n b\r\n", Kind::Folded),
        ("\tX: a\r\n", Kind::Folded),
        ("X\r\n", Kind::FieldName),
        (": a\r\n", Kind::FieldName),
        ("X\u{e4}: a\r\n", Kind::FieldName),
        ("X(: a\r\n", Kind::FieldName),
        ("X\n", Kind::BareLf),
        ("\n", Kind::BareLf),
        ("\rX: a\r\n", Kind::BareCr),
        ("Content-Length:\r\n", Kind::ContentLength),
        ("Content-Length: +1\r\n", Kind::ContentLength),
        ("Content-Length: -1\r\n", Kind::ContentLength),
        ("Content-Length: 1, 1\r\n", Kind::ContentLength),
        ("Content-Length: 0x1\r\n", Kind::ContentLength),
        ("Content-Length: 1 1\r\n", Kind::ContentLength),
        (
            "Content-Length: 9223372036854775808\r\n",
            Kind::ContentLength,
        ),
        (
            "Content-Length: 00000000000000000001\r\n",
            Kind::ContentLength,
        ),
        (
            "Content-Length: 1\r\ncontent-length: 1\r\n",
            Kind::ManyContentLengths,
        ),
        (
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            Kind::TwoFramings,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            Kind::TwoFramings,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Kind::TransferEncoding,
        ),
        ("Transfer-Encoding: identity\r\n", Kind::TransferEncoding),
        ("Transfer-Encoding:\r\n", Kind::TransferEncoding),
        (
            "Transfer-Encoding: chunked, chunked\r\n",
            Kind::TransferEncoding,
        ),
        (
            "Transfer-Encoding: chunked, gzip\r\n",
            Kind::TransferEncoding,
        ),
        ("Transfer-Encoding: , chunked\r\n", Kind::TransferEncoding),
        ("Transfer-Encoding: \x0bchunked\r\n", Kind::FieldValue),
        ("Transfer-Encoding: xchunked\r\n", Kind::TransferEncoding),
        ("Transfer-Encoding: chunked;a=b\r\n", Kind::TransferEncoding),
        (
            "Transfer-Encoding: gzip , Chunked\r\n",
            Kind::TransferCoding,
        ),
    ];
    for (line, kind) in table {
        let stream = format!("GET / HTTP/1.1\r\n{line}");
        let found = violation(stream.as_bytes());
        assert_eq!(found, Some((false, *kind)), "{line:?}");
    }
    let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(violation(old), Some((false, Kind::TransferEncodingIn10)));
    let empty_host = b"GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n";
    assert_eq!(violation(empty_host), Some((false, Kind::Host)));
}

#[test]
fn a_body_whose_framing_is_broken_is_refused() {
    let long = format!("1;{}\r\na\r\n", "e".repeat(256));
    let many = format!("{}0", format!("1;{}\r\na\r\n", "e".repeat(250)).repeat(33));
    let trailers = format!("0\r\n{}", "Abc: d\r\n".repeat(9));
    let long_trailer = format!("0\r\nA: {}\r\n\r\n", "x".repeat(600));
    let table: &[(&str, Kind)] = &[
        ("\r\n", Kind::ChunkSize),
        (";a\r\n", Kind::ChunkSize),
        ("g\r\n", Kind::ChunkSize),
        ("0x1\r\n", Kind::ChunkSize),
        ("-1\r\n", Kind::ChunkSize),
        ("1 \r\n", Kind::ChunkSize),
        (" 1\r\n", Kind::ChunkSize),
        ("8000000000000000\r\n", Kind::ChunkSize),
        ("00000000000000001\r\n", Kind::ChunkSize),
        ("1\na\r\n", Kind::BareLf),
        ("1\ra\r\n", Kind::BareCr),
        ("1;a\nb\r\n", Kind::BareLf),
        ("1\t\r\n", Kind::ChunkSize),
        ("1 2\r\n", Kind::ChunkSize),
        ("1 \n", Kind::BareLf),
        ("1;a\x01b\r\n", Kind::ChunkExtension),
        ("1;\x7f\r\n", Kind::ChunkExtension),
        (&long, Kind::ChunkExtension),
        (&many, Kind::ChunkExtension),
        ("1\r\nab\r\n", Kind::ChunkEnd),
        ("1\r\na\n", Kind::ChunkEnd),
        ("1\r\na\rx", Kind::ChunkEnd),
        ("0\r\nX : a\r\n", Kind::SpaceBeforeColon),
        ("0\r\n b\r\n", Kind::Folded),
        ("0\r\nX: a\n", Kind::BareLf),
        ("0\r\n\n", Kind::BareLf),
        ("0\r\nContent-Length: 1\r\n\r\n", Kind::Trailer),
        ("0\r\nTRANSFER-encoding: chunked\r\n\r\n", Kind::Trailer),
        ("0\r\nHost: a\r\n\r\n", Kind::Trailer),
        (&trailers, Kind::ManyFields),
        (&long_trailer, Kind::LongTrailers),
    ];
    for (body, kind) in table {
        let stream =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert_eq!(
            violation(stream.as_bytes()),
            Some((true, *kind)),
            "{body:?}"
        );
    }
}

#[test]
fn what_rfc_9112_allows_passes() {
    let table: &[(&str, u64)] = &[
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        ("GET / HTTP/1.0\r\n\r\n", 1),
        ("\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nhost:a\r\n\r\n\r\n", 1),
        ("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", 1),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 1),
        (
            "POST / HTTP/1.9\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             3 \t;a=b\r\nabc\r\n1; c = \"\td\u{e4}\"\r\n\0\r\n0\t;x\r\n\r\n",
            1,
        ),
        (
            "GET HTTPS://a.example:8443?x=/y HTTP/1.1\r\nHost: a.example\r\n\r\n",
            1,
        ),
        (
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
            1,
        ),
        (
            "GET /a{b}|^\"?`c`[] HTTP/1.1\r\nHOST: [::1]:80\r\nX:\t a\tb \u{e4}\r\nEmpty:\r\n\r\n",
            1,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \t3 \r\n\r\n\r\n\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
            2,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tChunked \r\n\r\n3;a=\"b c\"\r\n\0\r\n\r\nA\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            2,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n000\r\nX-Sum: 1\r\nY:\r\n\r\nGET / HTTP/1.0\r\n\r\n",
            2,
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\nabc",
            1,
        ),
    ];
    for (stream, heads) in table {
        let (found, _, violation) = scan_every_way(stream.as_bytes());
        assert_eq!((found, violation), (*heads, None), "{stream:?}");
    }
}

#[test]
fn a_request_is_what_its_bytes_say() {
    let mut reader = Reader::new(
        LIMITS,
        Rc::default(),
        b"\r\nPUT /a?b=%20 HTTP/1.0\r\nX-A:\t b\tc \r\n",
    );
    assert!(reader.head().unwrap().is_none());
    reader.buffer().extend_from_slice(b"x-a:\r\nY: \t \r\n\r\n");
    let request = reader.head().unwrap().unwrap();
    assert_eq!(request.length, Some(0));
    assert_eq!(request.head.method, http::Method::PUT);
    assert_eq!(request.head.uri, "/a?b=%20");
    assert_eq!(request.head.version, http::Version::HTTP_10);
    let values: Vec<_> = request.head.headers.get_all("x-a").collect();
    assert_eq!(values, ["b\tc", ""]);
    assert_eq!(request.head.headers["y"], "");
}

#[test]
fn a_body_comes_out_as_it_went_in() {
    let mut feed = Feed::new();
    feed.scan(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;e\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-Sum: 1\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    )
    .unwrap();
    assert_eq!(feed.body, b"abc0123456789abcdefhi");
    assert_eq!((feed.heads, feed.trailers), (2, 1));
    assert!(!feed.reader.in_body() && feed.reader.is_empty());
}

#[test]
fn a_violation_is_final() {
    let mut feed = Feed::new();
    let first = feed
        .scan(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/3.0")
        .unwrap_err();
    assert_eq!(first.status(), 505);
    assert!(feed.reader.is_broken());
    assert_eq!(feed.scan(b"GET / HTTP/1.1\r\n"), Err(first));
}

#[test]
fn empty_lines_and_bodies_are_no_head() {
    let mut feed = Feed::new();
    feed.scan(b"\r\n\r").unwrap();
    assert!(!feed.reader.in_head());
    feed.scan(b"\nP").unwrap();
    assert!(feed.reader.in_head());
    feed.scan(b"OST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r")
        .unwrap();
    assert!(feed.reader.in_head());
    feed.scan(b"\n").unwrap();
    assert!(!feed.reader.in_head() && feed.reader.in_body());
    feed.scan(b"hi").unwrap();
    feed.reader.release();
    assert_eq!(feed.reader.buffer().capacity(), 0);
}

#[test]
fn a_head_of_exactly_the_limit_passes() {
    let around = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
    for (more, passes) in [(0, true), (1, false)] {
        let value = "x".repeat(LIMITS.bytes - around + more);
        let stream = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {value}\r\n\r\n");
        assert_eq!(violation(stream.as_bytes()).is_none(), passes);
    }
    for (lines, passes) in [(7, true), (8, false)] {
        let stream = format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "A: b\r\n".repeat(lines)
        );
        assert_eq!(violation(stream.as_bytes()).is_none(), passes);
    }
}

/// Streams that get far: pieces of HTTP in any order, with stray bytes between them.
fn almost_http() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "GET / HTTP/1.1\r\n", "POST /a?b HTTP/1.1\r\n", "GET http://a/b HTTP/1.0\r\n", "OPTIONS * HTTP/1.1\r\n",
            "Host: a\r\n", "Host:\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "X-A: b c\r\n",
            "\r\n", "\r\n\r\n", "5\r\n", "hello", "0\r\n", "0\r\n\r\n", "1;e\r\nx\r\n", "\r", "\n", " ", "\t", ":", "\0",
        ]).prop_map(|s| s.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        2 => Just(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec()),
        2 => Just(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".to_vec()),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(chunks: Vec<Vec<u8>>) {
        outcome(chunks.iter().map(Vec::as_slice));
    }

    #[test]
    fn how_a_stream_is_cut_makes_no_difference(
        stream in almost_http(),
        mut cuts in prop::collection::vec(0_usize..400, 0..12),
    ) {
        cuts.sort_unstable();
        let mut rest = stream.as_slice();
        let mut chunks = Vec::new();
        let mut before = 0;
        for cut in cuts {
            let (chunk, tail) = rest.split_at((cut - before).min(rest.len()));
            chunks.push(chunk);
            rest = tail;
            before = cut;
        }
        chunks.push(rest);
        prop_assert_eq!(outcome(chunks), outcome([stream.as_slice()]));
    }

    #[test]
    fn another_parser_takes_what_the_reader_takes(
        method in "[A-Z]{1,7}",
        target in r#"(/|\*|https?://[a-z.:@%,~0-9]{0,9}/?)?[!-~]{0,12}"#,
        lines in prop::collection::vec(r"[ -~]{0,9}: ?[\t -~\x80-\xff]{0,9}", 0..5),
    ) {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n");
        for line in &lines {
            head += line;
            head += "\r\n";
        }
        head += "\r\n";
        let (heads, _, violation) = outcome([head.as_bytes()]);
        if heads == 1 && violation.is_none() {
            let mut fields = [httparse::EMPTY_HEADER; 16];
            let mut request = httparse::Request::new(&mut fields);
            let parsed = request.parse(head.as_bytes());
            prop_assert_eq!(parsed, Ok(httparse::Status::Complete(head.len())));
            prop_assert_eq!(request.headers.len(), lines.len() + 1);
            let uri = target.parse::<http::Uri>();
            prop_assert!(uri.is_ok(), "{:?}", uri);
        }
    }
}
