//! `request`: read the request in flight.

use wasmtime::component::{LinkerInstance, WasmStr};
use wasmtime::{Result, StoreContextMut};

use super::types::{count, fields, values};
use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("method", |store: Store, (): ()| {
        Ok((store.data().exchange()?.request.method.to_string(),))
    })?;
    linker.func_wrap("scheme", |store: Store, (): ()| {
        let https = store.data().exchange()?.request.https;
        Ok((if https { "https" } else { "http" },))
    })?;
    linker.func_wrap("authority", |store: Store, (): ()| {
        Ok((store.data().exchange()?.authority().to_owned(),))
    })?;
    linker.func_wrap("path", |store: Store, (): ()| {
        Ok((store.data().exchange()?.request.target.path().to_owned(),))
    })?;
    linker.func_wrap("query", |store: Store, (): ()| {
        let target = &store.data().exchange()?.request.target;
        Ok((target.query().map(str::to_owned),))
    })?;
    linker.func_wrap("header", |store: Store, (name,): (WasmStr,)| {
        let name = name.to_str(&store)?;
        let headers = &store.data().exchange()?.request.headers;
        Ok((headers.get(&*name).map(|v| v.as_bytes().to_vec()),))
    })?;
    linker.func_wrap("header-count", |store: Store, (name,): (WasmStr,)| {
        let name = name.to_str(&store)?;
        Ok((count(&store.data().exchange()?.request.headers, &name),))
    })?;
    linker.func_wrap("header-values", |store: Store, (name,): (WasmStr,)| {
        let name = name.to_str(&store)?;
        Ok((values(&store.data().exchange()?.request.headers, &name),))
    })?;
    linker.func_wrap("headers", |store: Store, (): ()| {
        Ok((fields(&store.data().exchange()?.request.headers),))
    })?;
    linker.func_wrap("capture", |store: Store, (name,): (WasmStr,)| {
        let name = name.to_str(&store)?;
        let capture = store.data().exchange()?.capture(&name);
        Ok((capture.map(str::to_owned),))
    })
}
