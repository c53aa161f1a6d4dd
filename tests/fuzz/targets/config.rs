//! The configuration loader: whatever the text, problems and no panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sluice::config::load_text;

fuzz_target!(|text: &str| {
    // What other files hold is not the fuzzer's to find.
    if text.contains("include") || text.contains("${") || text.contains("\\u") {
        return;
    }
    let _ = load_text("fuzz.toml", text, Path::new("/nonexistent"));
});
