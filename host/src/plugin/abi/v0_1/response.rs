//! `response`: read the response in flight.

use wasmtime::component::{LinkerInstance, WasmStr};
use wasmtime::{Result, StoreContextMut};

use super::types::{count, fields, values};
use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("status", |store: Store, (): ()| {
        Ok((store.data().exchange()?.response.status.as_u16(),))
    })?;
    linker.func_wrap("upstream", |store: Store, (): ()| {
        Ok((store.data().exchange()?.response.upstream.clone(),))
    })?;
    linker.func_wrap("header", |store: Store, (name,): (WasmStr,)| {
        let name = name.to_str(&store)?;
        let headers = &store.data().exchange()?.response.headers;
        Ok((headers.get(&*name).map(|v| v.as_bytes().to_vec()),))
    })?;
    linker.func_wrap("header-count", |store: Store, (name,): (WasmStr,)| {
        let name = name.to_str(&store)?;
        Ok((count(&store.data().exchange()?.response.headers, &name),))
    })?;
    linker.func_wrap("header-values", |store: Store, (name,): (WasmStr,)| {
        let name = name.to_str(&store)?;
        Ok((values(&store.data().exchange()?.response.headers, &name),))
    })?;
    linker.func_wrap("headers", |store: Store, (): ()| {
        Ok((fields(&store.data().exchange()?.response.headers),))
    })
}
