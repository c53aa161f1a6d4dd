//! `response-edit`: change the response before it goes to the client.

use wasmtime::component::{LinkerInstance, WasmList, WasmStr};
use wasmtime::{Result, StoreContextMut};

use super::apply;
use super::types::edited;
use crate::plugin::state::{State, edit};

type Store<'a> = StoreContextMut<'a, State>;
type Line = (WasmStr, WasmList<u8>);

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    apply::link::<apply::Response>(linker)?;
    linker.func_wrap("set-status", |mut store: Store, (status,): (u16,)| {
        edit(&mut store, |_, exchange| {
            Ok(edited(exchange.set_status(status)))
        })
    })?;
    linker.func_wrap("set-header", |mut store: Store, (name, value): Line| {
        edit(&mut store, |store, exchange| {
            let (name, value) = (name.to_str(store)?, value.as_le_slice(store));
            let names = &store.data().names;
            Ok(edited(names.with(&name, |name| {
                exchange.set_response_header(name, value)
            })))
        })
    })?;
    linker.func_wrap("append-header", |mut store: Store, (name, value): Line| {
        edit(&mut store, |store, exchange| {
            let (name, value) = (name.to_str(store)?, value.as_le_slice(store));
            let names = &store.data().names;
            Ok(edited(names.with(&name, |name| {
                exchange.append_response_header(name, value)
            })))
        })
    })?;
    linker.func_wrap("add-header", |mut store: Store, (name, value): Line| {
        edit(&mut store, |store, exchange| {
            let (name, value) = (name.to_str(store)?, value.as_le_slice(store));
            let names = &store.data().names;
            Ok(edited(names.with(&name, |name| {
                exchange.add_response_header(name, value)
            })))
        })
    })?;
    linker.func_wrap("remove-header", |mut store: Store, (name,): (WasmStr,)| {
        edit(&mut store, |store, exchange| {
            let (name, names) = (name.to_str(store)?, &store.data().names);
            Ok(edited(
                names.with(&name, |name| exchange.remove_response_header(name)),
            ))
        })
    })
}
