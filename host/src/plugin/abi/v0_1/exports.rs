//! Finding what a component exports: once by name when it is loaded, and by
//! index when it is instantiated.

use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, TypedFunc,
};
use wasmtime::{Result, StoreContextMut, bail, error::Context as _};

use super::hooks::{Configure, Describe, OnBody, OnHead, OnLog};
use crate::plugin::Hook;
use crate::plugin::state::State;

/// Where the functions of a component are.
pub(crate) struct Exports {
    describe: ComponentExportIndex,
    configure: ComponentExportIndex,
    hooks: Vec<(Hook, ComponentExportIndex)>,
}

/// The functions of one instance.
pub struct Calls {
    pub(crate) describe: Describe,
    pub(crate) configure: Configure,
    pub(crate) on_request: Option<OnHead>,
    pub(crate) on_request_body: Option<OnBody>,
    pub(crate) on_response: Option<OnHead>,
    pub(crate) on_response_body: Option<OnBody>,
    pub(crate) on_log: Option<OnLog>,
}

impl Exports {
    /// Finds them: `lifecycle` and `hooks` are the full names of the
    /// interfaces, as the component's type has them.
    pub(crate) fn find(
        component: &Component,
        lifecycle: &str,
        hooks: &[(Hook, String)],
    ) -> Result<Self> {
        let find = |interface: &str, function: &str| {
            let instance = component.get_export_index(None, interface);
            match instance.and_then(|i| component.get_export_index(Some(&i), function)) {
                Some(index) => Ok(index),
                None => bail!("`{interface}` has no function `{function}`"),
            }
        };
        Ok(Self {
            describe: find(lifecycle, "describe")?,
            configure: find(lifecycle, "configure")?,
            hooks: hooks
                .iter()
                .map(|(hook, interface)| Ok((*hook, find(interface, hook.name())?)))
                .collect::<Result<_>>()?,
        })
    }

    /// Takes them from an instance, and checks their types.
    pub(crate) fn take(
        &self,
        mut store: StoreContextMut<'_, State>,
        instance: &Instance,
    ) -> Result<Calls> {
        let describe = instance.get_typed_func(&mut store, self.describe);
        let configure = instance.get_typed_func(&mut store, self.configure);
        Ok(Calls {
            describe: describe.context("`describe` has another type")?,
            configure: configure.context("`configure` has another type")?,
            on_request: self.hook(&mut store, instance, Hook::OnRequest)?,
            on_request_body: self.hook(&mut store, instance, Hook::OnRequestBody)?,
            on_response: self.hook(&mut store, instance, Hook::OnResponse)?,
            on_response_body: self.hook(&mut store, instance, Hook::OnResponseBody)?,
            on_log: self.hook(&mut store, instance, Hook::OnLog)?,
        })
    }

    fn hook<P, R>(
        &self,
        store: &mut StoreContextMut<'_, State>,
        instance: &Instance,
        hook: Hook,
    ) -> Result<Option<TypedFunc<P, R>>>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let Some((_, index)) = self.hooks.iter().find(|(h, _)| *h == hook) else {
            return Ok(None);
        };
        let function = instance.get_typed_func(store, index);
        function
            .map(Some)
            .with_context(|| format!("`{hook}` has another type"))
    }
}
