//! `identity-edit`: say who is calling.

use wasmtime::component::{LinkerInstance, WasmStr};
use wasmtime::{Result, StoreContextMut};

use super::types::{Consumer, edited};
use crate::plugin::state::{State, edit};

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap(
        "identify",
        |mut store: Store, (consumer, credential): (WasmStr, Option<WasmStr>)| {
            edit(&mut store, |store, exchange| {
                let consumer = consumer.to_str(store)?;
                let credential = credential.map(|c| c.to_str(store)).transpose()?;
                Ok(edited(exchange.identify(&consumer, credential.as_deref())))
            })
        },
    )?;
    linker.func_wrap("set-caller", |mut store: Store, (who,): (Consumer,)| {
        edit(&mut store, |_, exchange| {
            let (id, credential) = (&who.id, who.credential.as_deref());
            let done = exchange.set_caller(id, who.groups, who.attributes, credential);
            Ok(edited(done))
        })
    })
}
