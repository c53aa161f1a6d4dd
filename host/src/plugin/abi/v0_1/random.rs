//! `random`: randomness that is fit for secrets, for plugins without WASI.

use wasmtime::component::LinkerInstance;
use wasmtime::{Result, StoreContextMut};

use crate::capability::random;
use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("bytes", |_: Store, (count,): (u32,)| {
        Ok((random::bytes(count).map_err(wasmtime::Error::new)?,))
    })?;
    linker.func_wrap("next-u64", |mut store: Store, (): ()| {
        let next = store.data_mut().random.next();
        Ok((next.map_err(wasmtime::Error::new)?,))
    })
}
