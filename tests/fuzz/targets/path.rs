//! Normalising of request targets: no panic, stable, and nothing left that an upstream reads otherwise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice::proxy::path::{decode, needs_work, normalise, normalise_parsed};

fuzz_target!(|target: &str| {
    let once = normalise(target);
    if let Ok(parsed) = target.parse()
        && !target.contains('#')
        && target.starts_with('/')
    {
        assert_eq!(normalise_parsed(parsed), once);
    }
    let Ok(once) = once else { return };
    assert_eq!(needs_work(once.path()), Ok(false));
    assert_eq!(normalise(once.as_str()).as_ref(), Ok(&once));
    assert_eq!(once.query(), target.split_once('?').map(|(_, query)| query));
    let mut segments = once.path().split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        assert!(!segment.is_empty() || segments.peek().is_none());
        let text = decode(segment);
        assert!(!matches!(&*text, "." | "..") && !text.contains(['/', '\\', '\0']));
    }
});
