//! `identity`: read who is calling.

use wasmtime::component::LinkerInstance;
use wasmtime::{Result, StoreContextMut};

use super::types::Consumer;
use crate::exchange::Caller;
use crate::plugin::state::State;

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("caller", |store: StoreContextMut<'_, State>, (): ()| {
        let caller = store.data().exchange()?.caller.as_ref();
        Ok((caller.map(consumer),))
    })?;
    linker.func_wrap("id", |store: StoreContextMut<'_, State>, (): ()| {
        let caller = store.data().exchange()?.caller.as_ref();
        Ok((caller.map(|c| c.id.clone()),))
    })?;
    linker.func_wrap("groups", |store: StoreContextMut<'_, State>, (): ()| {
        let caller = store.data().exchange()?.caller.as_ref();
        Ok((caller.map_or_else(Vec::new, |c| c.consumer.groups.clone()),))
    })?;
    linker.func_wrap("credential", |store: StoreContextMut<'_, State>, (): ()| {
        let caller = store.data().exchange()?.caller.as_ref();
        let credential = caller.and_then(|c| c.credential.as_deref());
        Ok((credential.map(str::to_owned),))
    })
}

fn consumer(caller: &Caller) -> Consumer {
    Consumer {
        id: caller.id.to_string(),
        groups: caller.consumer.groups.clone(),
        attributes: caller.consumer.attributes.clone(),
        credential: caller.credential.as_deref().map(str::to_owned),
    }
}
