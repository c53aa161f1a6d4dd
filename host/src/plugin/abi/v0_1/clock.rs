//! `clock`: time, for plugins without WASI.

use std::time::Instant;

use wasmtime::component::LinkerInstance;
use wasmtime::{Result, StoreContextMut};

use crate::capability::clock;
use crate::plugin::state::State;

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    let start = Instant::now();
    linker.func_wrap("unix-ms", |_: StoreContextMut<'_, State>, (): ()| {
        Ok((clock::unix_ms(),))
    })?;
    linker.func_wrap(
        "monotonic-ns",
        move |_: StoreContextMut<'_, State>, (): ()| Ok((clock::monotonic_ns(start),)),
    )
}
