//! Responses of an upstream: no panic, the same result however the bytes are cut, and never more
//! body than there are bytes.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use sluice::upstream::http1::Reader;

/// Heads as they were printed, the bodies, and whether another request may follow; what was wrong
/// in a head is told apart from what was wrong in a body only.
type Outcome = (String, Vec<u8>, Result<bool, bool>);

fn outcome<'a>(asked_head: bool, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut reader = Reader::new(Rc::default());
    reader.expect(asked_head);
    let (mut seen, mut body) = (String::new(), Vec::new());
    for piece in pieces {
        reader.buffer().extend_from_slice(piece);
        if seen.is_empty() {
            match reader.head() {
                Ok(Some(head)) => seen = format!("{head:?}"),
                Ok(None) => continue,
                Err(_) => return (seen, body, Err(false)),
            }
        }
        loop {
            match reader.frame() {
                Ok(Some(frame)) => match frame.into_data() {
                    Ok(data) => body.extend_from_slice(&data),
                    Err(frame) => seen.push_str(&format!("{:?}", frame.trailers_ref())),
                },
                Ok(None) => break,
                Err(_) => return (seen, body, Err(true)),
            }
        }
    }
    let end = match (seen.is_empty(), reader.is_ended()) {
        (true, _) => Err(false),
        (false, true) => Ok(reader.is_reusable()),
        (false, false) => reader.end().map(|()| false).map_err(|_| true),
    };
    (seen, body, end)
}

fuzz_target!(|input: (bool, u16, &[u8])| {
    let (asked_head, cut, stream) = input;
    let whole = outcome(asked_head, [stream]);
    assert!(whole.1.len() <= stream.len());
    let (first, second) = stream.split_at(usize::from(cut).min(stream.len()));
    assert_eq!(outcome(asked_head, [first, second]), whole);
    let step = usize::from(cut) % 7 + 1;
    assert_eq!(outcome(asked_head, stream.chunks(step)), whole);
});
