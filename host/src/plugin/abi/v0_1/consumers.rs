//! `consumers`: the consumers of the configuration, for plugins that authenticate.

use http::HeaderValue;
use wasmtime::component::{ComponentType, LinkerInstance, Lower, WasmList, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::capability::{clock, consumers};
use crate::config::model::{self, Name};
use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;

/// `consumers.credential`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Credential {
    #[component(name = "id")]
    id: String,
    #[component(name = "consumer")]
    consumer: Name,
    #[component(name = "prefix")]
    prefix: String,
    #[component(name = "sha256")]
    sha256: Vec<u8>,
    #[component(name = "not-before")]
    not_before: Option<u64>,
    #[component(name = "expires")]
    expires: Option<u64>,
}

/// `consumers.shown`
#[derive(ComponentType, Lower, Clone, Copy)]
#[component(variant)]
enum Shown {
    #[component(name = "none")]
    None,
    #[component(name = "several")]
    Several,
    #[component(name = "unknown")]
    Unknown,
    #[component(name = "known")]
    Known(u32),
}

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("credentials", |store: Store, (): ()| {
        let all = consumers::credentials(&store.data().scope.consumers);
        Ok((all.into_iter().map(credential).collect::<Vec<_>>(),))
    })?;
    linker.func_wrap("find", |store: Store, (key,): (WasmList<u8>,)| {
        let keys = &store.data().scope.keys;
        Ok((keys.find(key.as_le_slice(&store), clock::unix_seconds),))
    })?;
    linker.func_wrap("find-in-header", |store: Store, (name,): (WasmStr,)| {
        let (name, state) = (name.to_str(&store)?, store.data());
        let headers = &state.exchange()?.request.headers;
        let found = state
            .names
            .with(&name, |name| Ok(shown(state, name.lines(headers))));
        Ok((found.unwrap_or(Shown::None),))
    })?;
    linker.func_wrap("groups", |store: Store, (consumer,): (WasmStr,)| {
        let consumer = consumer.to_str(&store)?;
        let groups = consumers::groups(&store.data().scope.consumers, &consumer);
        Ok((groups.map(<[String]>::to_vec),))
    })
}

fn shown<'h>(state: &State, mut lines: impl Iterator<Item = &'h HeaderValue>) -> Shown {
    match (lines.next(), lines.next()) {
        (Some(_), Some(_)) => Shown::Several,
        (Some(key), None) if !key.is_empty() => {
            let found = state.scope.keys.find(key.as_bytes(), clock::unix_seconds);
            found.map_or(Shown::Unknown, Shown::Known)
        }
        _ => Shown::None,
    }
}

fn credential((consumer, credential): (&Name, &model::Credential)) -> Credential {
    Credential {
        id: credential.id.clone(),
        consumer: consumer.clone(),
        prefix: credential.prefix.clone(),
        sha256: credential.sha256.to_vec(),
        not_before: credential.not_before,
        expires: credential.expires,
    }
}
