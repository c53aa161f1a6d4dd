//! Loading a plugin's file: whatever the bytes, an artifact or the reason why not.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sluice::plugin::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new(None).expect("an engine"));

fuzz_target!(|bytes: &[u8]| {
    let _ = RUNTIME.load(bytes);
});
