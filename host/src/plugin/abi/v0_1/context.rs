//! `context`: what is known about the exchange besides its messages.

use wasmtime::component::{LinkerInstance, WasmList, WasmStr};
use wasmtime::{Result, StoreContextMut};

use super::types::edited;
use crate::plugin::state::{State, edit};

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("request-id", |store: Store, (): ()| {
        let id = store.data().exchange()?.request_id.to_str();
        Ok((id.unwrap_or_default().to_owned(),))
    })?;
    linker.func_wrap("route", |store: Store, (): ()| {
        Ok((store.data().exchange()?.route.name.clone(),))
    })?;
    linker.func_wrap("client-address", |store: Store, (): ()| {
        let text = store.data().exchange()?.client.text.to_str();
        Ok((text.unwrap_or_default().to_owned(),))
    })?;
    linker.func_wrap("get", |store: Store, (key,): (WasmStr,)| {
        let (key, state) = (key.to_str(&store)?, store.data());
        let note = state.exchange()?.note(&state.scope.name, &key);
        Ok((note.map(<[u8]>::to_vec),))
    })?;
    linker.func_wrap(
        "set",
        |mut store: Store, (key, value): (WasmStr, WasmList<u8>)| {
            edit(&mut store, |store, exchange| {
                let (key, value) = (key.to_str(store)?, value.as_le_slice(store));
                let plugin = &store.data().scope.name;
                Ok(edited(exchange.set_note(plugin, &key, value)))
            })
        },
    )?;
    linker.func_wrap(
        "tag",
        |mut store: Store, (key, value): (WasmStr, WasmStr)| {
            edit(&mut store, |store, exchange| {
                let (key, value) = (key.to_str(store)?, value.to_str(store)?);
                let plugin = &store.data().scope.name;
                Ok(edited(exchange.tag(plugin, &key, &value)))
            })
        },
    )
}
