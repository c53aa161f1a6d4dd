//! `hook-choice`: what a plugin does not need as it is configured.

use wasmtime::component::{ComponentType, Lift, LinkerInstance};
use wasmtime::{Result, StoreContextMut};

use crate::plugin;
use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;

/// `hook-choice.hook`
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "guests make them")]
#[allow(clippy::enum_variant_names, reason = "the hooks are called so")]
enum Hook {
    #[component(name = "on-request")]
    OnRequest,
    #[component(name = "on-request-body")]
    OnRequestBody,
    #[component(name = "on-response")]
    OnResponse,
    #[component(name = "on-response-body")]
    OnResponseBody,
    #[component(name = "on-log")]
    OnLog,
}

impl From<Hook> for plugin::Hook {
    fn from(hook: Hook) -> Self {
        match hook {
            Hook::OnRequest => plugin::Hook::OnRequest,
            Hook::OnRequestBody => plugin::Hook::OnRequestBody,
            Hook::OnResponse => plugin::Hook::OnResponse,
            Hook::OnResponseBody => plugin::Hook::OnResponseBody,
            Hook::OnLog => plugin::Hook::OnLog,
        }
    }
}

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("skip", |store: Store, (hook,): (Hook,)| {
        if store.data().starting {
            store.data().scope.hooks.skip(hook.into());
        }
        Ok(())
    })
}
