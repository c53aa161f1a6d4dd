//! `secrets`: what the operator named and granted.

use wasmtime::component::{LinkerInstance, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("get", |store: Store, (name,): (WasmStr,)| {
        let name = name.to_str(&store)?;
        let secret = store.data().scope.secrets.get(&*name);
        Ok((secret.map(|secret| secret.as_bytes().to_vec()),))
    })
}
