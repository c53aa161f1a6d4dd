//! `kv`: bytes by key, in the stores that were granted.

use bytes::Bytes;
use wasmtime::component::{ComponentType, LinkerInstance, Lower};
use wasmtime::{Result, StoreContextMut};

use super::Pace;
use super::types::StoreError;
use crate::capability::Scope;
use crate::config::model::StoreKind;
use crate::plugin::state::{State, wait};
use crate::store;

type Store<'a> = StoreContextMut<'a, State>;
type Answer<T> = (std::result::Result<T, StoreError>,);
type Named = (String, String);
type Set = (String, String, Bytes, Option<u64>);
type Swap = (String, String, Option<Bytes>, Bytes, Option<u64>);

/// `kv.reach`
#[derive(ComponentType, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
enum Reach {
    #[component(name = "process")]
    Process,
    #[component(name = "server")]
    Server,
}

pub(super) fn link(linker: &mut LinkerInstance<'_, State>, pace: Pace) -> Result<()> {
    linker.func_wrap("reach-of", |store: Store, (name,): (String,)| {
        Ok((reach(&store.data().scope, &name),))
    })?;
    match pace {
        Pace::AtOnce => at_once(linker),
        Pace::Waiting => waiting(linker),
    }
}

fn at_once(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("get", |store: Store, (name, key): Named| {
        Ok(with(&store, &name, |kv, space| {
            kv.get_now(space, key.as_bytes())
        }))
    })?;
    linker.func_wrap("set", |store: Store, (name, key, value, ttl): Set| {
        Ok(with(&store, &name, |kv, space| {
            kv.set_now(space, key.as_bytes(), value, ttl)
        }))
    })?;
    linker.func_wrap("delete", |store: Store, (name, key): Named| {
        Ok(with(&store, &name, |kv, space| {
            kv.delete_now(space, key.as_bytes())
        }))
    })?;
    linker.func_wrap(
        "compare-and-set",
        |store: Store, (name, key, expected, value, ttl): Swap| {
            Ok(with(&store, &name, |kv, space| {
                kv.compare_and_set_now(space, key.as_bytes(), expected.as_deref(), value, ttl)
            }))
        },
    )
}

fn waiting(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap_async("get", |mut store: Store, (name, key): Named| {
        Box::new(async move {
            let ask = |kv: store::Store, space| async move { kv.get(space, key.into()).await };
            ask_for(&mut store, &name, ask).await
        })
    })?;
    linker.func_wrap_async("set", |mut store: Store, (name, key, value, ttl): Set| {
        Box::new(async move {
            let ask = |kv: store::Store, space| async move {
                kv.set(space, key.into(), value, ttl).await
            };
            ask_for(&mut store, &name, ask).await
        })
    })?;
    linker.func_wrap_async("delete", |mut store: Store, (name, key): Named| {
        Box::new(async move {
            let ask = |kv: store::Store, space| async move { kv.delete(space, key.into()).await };
            ask_for(&mut store, &name, ask).await
        })
    })?;
    linker.func_wrap_async(
        "compare-and-set",
        |mut store: Store, (name, key, expected, value, ttl): Swap| {
            Box::new(async move {
                let ask = |kv: store::Store, space| async move {
                    kv.compare_and_set(space, key.into(), expected, value, ttl)
                        .await
                };
                ask_for(&mut store, &name, ask).await
            })
        },
    )
}

/// By what the operator wrote: `check` opens no server.
fn reach(scope: &Scope, name: &str) -> std::result::Result<Reach, String> {
    match scope.kv.get(name).map(|open| &open.kind) {
        Some(StoreKind::Memory(_)) => Ok(Reach::Process),
        Some(StoreKind::Redis(_)) => Ok(Reach::Server),
        None => Err(scope.no_store(name)),
    }
}

/// Asks a store in memory. Keys are in the space of the plugin's name.
fn with<T>(
    store: &Store,
    name: &str,
    ask: impl FnOnce(&store::Store, &str) -> std::result::Result<T, store::StoreError>,
) -> Answer<T> {
    let scope = &store.data().scope;
    match scope.kv.get(name) {
        Some(open) => (ask(&open.store, &scope.name).map_err(Into::into),),
        None => (Err(StoreError::NotGranted),),
    }
}

/// Asks a store that may answer only after a while: never before the plugin serves.
async fn ask_for<T, F>(
    store: &mut Store<'_>,
    name: &str,
    ask: impl FnOnce(store::Store, std::sync::Arc<str>) -> F,
) -> Result<Answer<T>>
where
    F: Future<Output = std::result::Result<T, store::StoreError>>,
{
    let state = store.data();
    let Some(open) = state.scope.kv.get(name) else {
        return Ok((Err(StoreError::NotGranted),));
    };
    if state.starting && open.store.waits() {
        let why = "`configure` cannot wait for a store".to_owned();
        return Ok((Err(StoreError::Unavailable(why)),));
    }
    let asked = ask(open.store.clone(), state.scope.name.clone());
    Ok((wait(store, asked).await?.map_err(Into::into),))
}
