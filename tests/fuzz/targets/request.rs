//! The reader of HTTP/1 requests: no panic, the same result however the bytes are cut, and
//! nothing that another parser refuses.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use sluice::server::http1::{HeadLimits, Kind, Piece, Reader};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 4096,
    lines: 32,
};

/// Heads, whether one is open, all bytes of bodies, and the violation.
type Outcome = (u64, bool, Vec<u8>, Option<(bool, Kind)>);

struct Feed {
    reader: Reader,
    heads: u64,
    in_body: bool,
    body: Vec<u8>,
}

impl Feed {
    fn new() -> Self {
        Self {
            reader: Reader::new(LIMITS, Rc::default(), b""),
            heads: 0,
            in_body: false,
            body: Vec::new(),
        }
    }

    fn scan(&mut self, bytes: &[u8]) -> Result<(), Kind> {
        self.reader.buffer().extend_from_slice(bytes);
        loop {
            if self.in_body {
                match self.reader.body()? {
                    None => return Ok(()),
                    Some(Piece::Data(data)) => self.body.extend_from_slice(&data),
                    Some(Piece::Trailers(_) | Piece::End) => self.in_body = false,
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
    (feed.heads, feed.reader.in_head(), feed.body, violation)
}

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, stream) = input;
    let whole = outcome([stream]);
    let (first, second) = stream.split_at(usize::from(cut).min(stream.len()));
    assert_eq!(outcome([first, second]), whole);
    let step = usize::from(cut) % 7 + 1;
    assert_eq!(outcome(stream.chunks(step)), whole);

    // Up to the end of the first head, everything was good.
    let mut feed = Feed::new();
    let end = stream
        .chunks(1)
        .take_while(|byte| feed.heads == 0 && feed.scan(byte).is_ok())
        .count();
    if let Some(head) = stream.get(..end).filter(|_| feed.heads == 1) {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        assert_eq!(
            request.parse(head),
            Ok(httparse::Status::Complete(head.len()))
        );
        assert!(
            request
                .path
                .is_some_and(|target| target.parse::<http::Uri>().is_ok())
        );
    }
});
