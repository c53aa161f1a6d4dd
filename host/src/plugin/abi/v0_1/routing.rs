//! `routing`: choose among the upstreams that the route declares.

use wasmtime::component::{LinkerInstance, WasmStr};
use wasmtime::{Result, StoreContextMut};

use super::types::edited;
use crate::plugin::state::{State, edit};

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("choices", |store: Store, (): ()| {
        Ok((store.data().exchange()?.route.upstreams.clone(),))
    })?;
    linker.func_wrap("chosen", |store: Store, (): ()| {
        let exchange = store.data().exchange()?;
        let chosen = exchange.route.upstreams.get(exchange.upstream);
        Ok((chosen.map_or("", |name| name).to_owned(),))
    })?;
    linker.func_wrap("choose", |mut store: Store, (upstream,): (WasmStr,)| {
        edit(&mut store, |store, exchange| {
            Ok(edited(exchange.choose_upstream(&upstream.to_str(store)?)))
        })
    })?;
    linker.func_wrap("available", |store: Store, (upstream,): (WasmStr,)| {
        let upstream = upstream.to_str(&store)?;
        Ok((store.data().exchange()?.is_available(&upstream),))
    })
}
