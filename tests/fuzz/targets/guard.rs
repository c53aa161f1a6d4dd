//! The request guard: no panic, the same result however the bytes are cut, and nothing
//! that the codec's parser refuses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice::server::guard::{Guard, HeadLimits, Kind};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 4096,
    lines: 32,
};

type Outcome = (u64, bool, Option<(bool, Kind)>);

fn outcome<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut guard = Guard::new(LIMITS);
    let violation = chunks.into_iter().find_map(|c| guard.scan(c).err());
    let violation = violation.map(|v| (v.in_body, v.kind));
    (guard.heads(), guard.in_head(), violation)
}

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, stream) = input;
    let whole = outcome([stream]);
    let (first, second) = stream.split_at(usize::from(cut).min(stream.len()));
    assert_eq!(outcome([first, second]), whole);
    let step = usize::from(cut) % 7 + 1;
    assert_eq!(outcome(stream.chunks(step)), whole);

    // Up to the end of the first head, everything was good.
    let mut guard = Guard::new(LIMITS);
    let end = stream
        .chunks(1)
        .take_while(|byte| guard.heads() == 0 && guard.scan(byte).is_ok())
        .count();
    if let Some(head) = stream.get(..end).filter(|_| guard.heads() == 1) {
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
