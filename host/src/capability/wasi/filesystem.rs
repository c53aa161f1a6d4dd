//! `wasi:filesystem`: there are no files. Toolchains import all of it anyway.

use wasmtime::component::types::{Component, ComponentItem};
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut, bail};

use super::io::{InputStream, IoError, OutputStream};
use crate::plugin::state::State;

/// A file or folder; none is ever made.
struct Descriptor;
/// A folder that is being read; none is ever made.
struct DirectoryEntryStream;

pub(super) fn preopens(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap(
        "get-directories",
        |_: StoreContextMut<'_, State>, (): ()| Ok((Vec::<(Resource<Descriptor>, String)>::new(),)),
    )
}

/// Defines what the component imports of `types`, in its own version: every
/// function takes a file, so none can be called.
pub(super) fn types(linker: &mut Linker<State>, component: &Component) -> Result<()> {
    let engine = linker.engine().clone();
    for (name, import) in component.imports(&engine) {
        let ComponentItem::ComponentInstance(ty) = import.ty else {
            continue;
        };
        if !name.starts_with("wasi:filesystem/types@") {
            continue;
        }
        linker.allow_shadowing(true);
        let mut instance = linker.instance(name)?;
        for (name, export) in ty.exports(&engine) {
            match export.ty {
                ComponentItem::ComponentFunc(_) => {
                    instance.func_new(name, |_, _, _, _| bail!("a plugin has no files"))?;
                }
                ComponentItem::Resource(_) => {
                    if let Some(ty) = resource(name) {
                        instance.resource(name, ty, |_, _| Ok(()))?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn resource(name: &str) -> Option<ResourceType> {
    Some(match name {
        "descriptor" => ResourceType::host::<Descriptor>(),
        "directory-entry-stream" => ResourceType::host::<DirectoryEntryStream>(),
        "error" => ResourceType::host::<IoError>(),
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        _ => return None,
    })
}
