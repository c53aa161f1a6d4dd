//! `wasi:random`: all of it from the operating system.

use wasmtime::component::LinkerInstance;
use wasmtime::{Error, Result, StoreContextMut, bail};

use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;
type Linker<'a> = LinkerInstance<'a, State>;

/// The most that one call can ask for; WASI has no way to give less.
const MAX_BYTES: u64 = 64 << 10;

pub(super) fn random(linker: &mut Linker<'_>) -> Result<()> {
    source(linker, "get-random-bytes", "get-random-u64")
}

pub(super) fn insecure(linker: &mut Linker<'_>) -> Result<()> {
    source(
        linker,
        "get-insecure-random-bytes",
        "get-insecure-random-u64",
    )
}

pub(super) fn insecure_seed(linker: &mut Linker<'_>) -> Result<()> {
    linker.func_wrap("insecure-seed", |mut store: Store, (): ()| {
        let numbers = &mut store.data_mut().random;
        let mut next = || numbers.next().map_err(Error::new);
        Ok(((next()?, next()?),))
    })
}

fn source(linker: &mut Linker<'_>, bytes: &str, number: &str) -> Result<()> {
    linker.func_wrap(bytes, |_: Store, (count,): (u64,)| {
        if count > MAX_BYTES {
            bail!("the plugin asked for {count} random bytes; {MAX_BYTES} is the most");
        }
        let mut bytes = vec![0; usize::try_from(count)?];
        getrandom::fill(&mut bytes).map_err(Error::new)?;
        Ok((bytes,))
    })?;
    linker.func_wrap(number, |mut store: Store, (): ()| {
        let next = store.data_mut().random.next();
        Ok((next.map_err(Error::new)?,))
    })
}
