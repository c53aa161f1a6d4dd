//! What becomes of the bytes of a response, and that it does not matter how they are cut.

use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{Error, Reader};

/// What a client would get.
#[derive(Debug, PartialEq, Eq, Clone)]
struct Outcome {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    trailers: Vec<(String, String)>,
    /// Whether another request may follow; or what is wrong.
    end: Result<bool, String>,
}

fn lines<'h>(
    headers: impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)>,
) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), text(value.as_bytes()));
    headers.map(line).collect()
}

/// Reads one response from `pieces`, and then the end of the connection.
fn read<'a>(asked_head: bool, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut reader = Reader::new(Rc::default());
    reader.expect(asked_head);
    let mut found = Outcome {
        status: 0,
        headers: Vec::new(),
        body: Vec::new(),
        trailers: Vec::new(),
        end: Ok(false),
    };
    for piece in pieces {
        reader.buffer().extend_from_slice(piece);
        if let Err(why) = step(&mut reader, &mut found) {
            // A head that is not at its end is not parsed at every byte: the words may differ.
            let head = found.status == 0;
            found.end = Err(if head {
                "no head".into()
            } else {
                why.to_string()
            });
            return found;
        }
    }
    found.end = match found.status {
        0 => Err("no head".into()),
        _ if reader.is_ended() => Ok(reader.is_reusable()),
        _ => reader.end().map(|()| false).map_err(|why| why.to_string()),
    };
    found
}

fn step(reader: &mut Reader, found: &mut Outcome) -> Result<(), Error> {
    if found.status == 0 {
        let Some(head) = reader.head()? else {
            return Ok(());
        };
        found.status = head.status.as_u16();
        found.headers = lines(head.headers.iter());
    }
    while let Some(frame) = reader.frame()? {
        match frame.into_data() {
            Ok(data) => found.body.extend_from_slice(&data),
            Err(frame) => found.trailers = lines(frame.into_trailers().unwrap_or_default().iter()),
        }
    }
    Ok(())
}

fn get(bytes: &str) -> Outcome {
    read(false, [bytes.as_bytes()])
}

#[test]
fn a_body_ends_where_the_head_says() {
    for (head, rest, body, reusable) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n",
            "hello",
            "hello",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n",
            "hellomore",
            "hello",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n",
            "hello",
            "hello",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n",
            "hello",
            "hello",
            true,
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n", "", "", true),
        ("HTTP/1.1 200\r\ncontent-length: 0\r\n", "", "", true),
        ("HTTP/1.1 200 OK\r\n", "hello", "hello", false),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n",
            "hello",
            "hello",
            false,
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 5\r\nConnection: Keep-Alive\r\n",
            "hello",
            "hello",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: x, Close\r\n",
            "hello",
            "hello",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\nconnection: keep-alive\r\n",
            "hello",
            "hello",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "hello",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n",
            "2;a=\"b\"\r\nhe\r\n003 \t\r\nllo\r\n0 ;x\r\n\r\n",
            "hello",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 99\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "hello",
            false,
        ),
        ("HTTP/1.1 204 No Content\r\n", "", "", true),
        (
            "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n",
            "hello",
            "",
            false,
        ),
        (
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n",
            "",
            "",
            true,
        ),
        ("HTTP/1.1 101 Switching Protocols\r\n", "", "", false),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n",
            "",
            "",
            true,
        ),
    ] {
        let found = get(&format!("{head}\r\n{rest}"));
        assert_eq!(found.end, Ok(reusable), "{head:?}");
        assert_eq!(String::from_utf8_lossy(&found.body), body, "{head:?}");
    }
}

#[test]
fn an_answer_to_head_has_the_length_and_no_body() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n";
    let found = read(true, [head.as_bytes()]);
    assert_eq!(found.end, Ok(true));
    assert_eq!(found.headers, [("content-length".into(), "1234".into())]);
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(read(true, [chunked.as_bytes()]).end, Ok(true));
}

#[test]
fn only_one_length_is_told_and_none_beside_chunks() {
    let twice = get("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na");
    assert_eq!(twice.headers, [("content-length".into(), "1".into())]);
    let both =
        get("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(
        both.headers,
        [("transfer-encoding".into(), "chunked".into())]
    );
}

#[test]
fn trailers_come_at_the_end_without_those_that_are_framing() {
    let found = get(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\
         X-Sum: 1\r\ncontent-length: 7\r\nx-sum: 2\r\n\r\n",
    );
    assert_eq!(found.end, Ok(true));
    assert_eq!(
        found.trailers,
        [("x-sum".into(), "1".into()), ("x-sum".into(), "2".into())]
    );
}

#[test]
fn what_is_not_framed_for_certain_is_refused() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let long = "x".repeat(20_000);
    for bad in [
        "complete garbage\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/1.1 200 OK\r\nspace : 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: 1\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: \x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\ncontent-length: 4, 5\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\ncontent-length: +4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\ncontent-length: 0x4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 4,\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775808\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: 1\r\n",
        &format!("{chunked}5\r\nhello\r\n0\r\n"),
        &format!("{chunked}5\r\nhello\r\n"),
        &format!("{chunked}5\r\nhell"),
        &format!("{chunked}5\r\nhello!\r\n0\r\n\r\n"),
        &format!("{chunked}5\nhello\r\n0\r\n\r\n"),
        &format!("{chunked}\r\nhello\r\n0\r\n\r\n"),
        &format!("{chunked};x\r\nhello\r\n0\r\n\r\n"),
        &format!("{chunked}-5\r\nhello\r\n0\r\n\r\n"),
        &format!("{chunked}0x5\r\nhello\r\n0\r\n\r\n"),
        &format!("{chunked}5 5\r\nhello\r\n0\r\n\r\n"),
        &format!("{chunked}5;\n\r\nhello\r\n0\r\n\r\n"),
        &format!("{chunked}8000000000000000\r\n"),
        &format!("{chunked}00000000000000005\r\nhello\r\n0\r\n\r\n"),
        &format!("{chunked}5;{long}\r\nhello\r\n0\r\n\r\n"),
        &format!("{chunked}0\r\nno colon\r\n\r\n"),
        &format!("{chunked}0\r\nx: {long}\r\n\r\n"),
        &format!("{chunked}0\r\n{}\r\n", "x: 1\r\n".repeat(101)),
        &format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: 1\r\n".repeat(101)),
        &format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(300_000)),
        &format!(
            "{}HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 102 Processing\r\n\r\n".repeat(65)
        ),
    ] {
        let found = get(bad);
        let shown = &bad[..bad.len().min(100)];
        assert!(found.end.is_err(), "{shown:?}: {found:?}");
    }
}

#[test]
fn a_response_follows_the_other() {
    let mut reader = Reader::new(Rc::default());
    for _ in 0..3 {
        reader.expect(false);
        reader
            .buffer()
            .extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na");
        let mut found = get("");
        step(&mut reader, &mut found).expect("a response");
        assert_eq!((found.status, &found.body[..]), (200, &b"a"[..]));
        assert!(reader.is_reusable());
    }
}

#[test]
fn the_end_is_known_with_the_last_data_that_it_came_with() {
    for bytes in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ] {
        let mut reader = Reader::new(Rc::default());
        reader.expect(false);
        reader.buffer().extend_from_slice(bytes.as_bytes());
        reader.head().expect("a head").expect("all of it");
        let frame = reader.frame().expect("a body").expect("a frame");
        assert_eq!(frame.into_data().ok(), Some(Bytes::from_static(b"a")));
        assert!(reader.is_ended());
    }
}

/// Parts of responses, put together at random: some of the results are valid.
fn responses() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just("HTTP/1.1 200 OK\r\n"),
        Just("HTTP/1.1 103 Early Hints\r\n\r\n"),
        Just("HTTP/1.0 204 No Content\r\n"),
        Just("content-length: 5\r\n"),
        Just("transfer-encoding: chunked\r\n"),
        Just("connection: close\r\n"),
        Just("x-y: z\r\n"),
        Just("\r\n"),
        Just("\n"),
        Just("\r"),
        Just("hello"),
        Just("5\r\nhello\r\n"),
        Just("5 ;e=f\r\nhello\r\n"),
        Just("0\r\n\r\n"),
        Just("0\r\nx-t: 1\r\n\r\n"),
        Just("f"),
        Just("\0"),
    ];
    let random = prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat().into_bytes());
    let head = prop_oneof![
        Just(""),
        Just("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        Just("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n"),
    ];
    (head, random).prop_map(|(head, rest)| [head.as_bytes(), &rest].concat())
}

proptest! {
    #[test]
    fn it_does_not_matter_how_the_bytes_are_cut(
        bytes in responses(),
        asked_head: bool,
        cuts in prop::collection::vec(1..20_usize, 1..40),
    ) {
        let whole = read(asked_head, [&bytes[..]]);
        prop_assert_eq!(&read(asked_head, bytes.chunks(1)), &whole);
        let mut rest = &bytes[..];
        let pieces: Vec<&[u8]> = cuts
            .iter()
            .cycle()
            .map_while(|cut| {
                let (piece, tail) = rest.split_at((*cut).min(rest.len()));
                rest = tail;
                (!piece.is_empty()).then_some(piece)
            })
            .collect();
        prop_assert_eq!(&read(asked_head, pieces), &whole);
    }

    #[test]
    fn no_bytes_are_too_strange(bytes: Vec<u8>, asked_head: bool) {
        let whole = read(asked_head, [&bytes[..]]);
        prop_assert!(whole.body.len() <= bytes.len());
    }

    #[test]
    fn chunks_give_the_data_that_was_put_into_them(
        data in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..10),
        step in 1..30_usize,
    ) {
        let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for chunk in &data {
            bytes.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        let found = read(false, bytes.chunks(step));
        prop_assert_eq!(found.body, data.concat());
        prop_assert_eq!(found.end, Ok(true));
    }
}
