//! What a component's type says: which hooks it has, and what it can reach.

use wasmtime::Engine;
use wasmtime::component::types::{Component, ComponentItem};

use super::abi::v0_1;
use super::{Hook, LoadError};
use crate::capability::wasi;

/// Packages that toolchains know and no plugin gets.
const REFUSED: [(&str, &str); 2] = [
    ("wasi:sockets", "a plugin has no network"),
    ("wasi:http", "a plugin has no network"),
];

/// The part of a component's type that concerns the host.
pub(super) struct World {
    /// Every import, as the type has it.
    pub(super) imports: Vec<String>,
    /// The exported hooks, with the full names of their interfaces.
    pub(super) hooks: Vec<(Hook, String)>,
    /// The full name of the lifecycle interface.
    pub(super) lifecycle: String,
    /// It imports some of WASI.
    pub(super) wasi: bool,
}

/// `namespace:package/interface@version`
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    pub(super) package: &'a str,
    pub(super) interface: &'a str,
    pub(super) version: &'a str,
}

impl<'a> Name<'a> {
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let (package, rest) = name.split_once('/')?;
        let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
        Some(Self {
            package,
            interface,
            version,
        })
    }
}

/// The bare name of an interface of this gateway's package.
pub(super) fn own_interface(name: &str) -> Option<&str> {
    let name = Name::parse(name)?;
    (name.package == v0_1::PACKAGE).then_some(name.interface)
}

impl World {
    /// Reads a component's type.
    pub(super) fn read(ty: &Component, engine: &Engine) -> Result<Self, LoadError> {
        let mut problems = Vec::new();
        let mut imports = Vec::new();
        for (name, item) in ty.imports(engine) {
            if let Err(problem) = check_import(name, &item.ty) {
                problems.push(problem);
            }
            imports.push(name.to_owned());
        }
        let (mut hooks, mut lifecycle) = (Vec::new(), None);
        for (name, _) in ty.exports(engine) {
            match export(name) {
                Ok(Some(Export::Lifecycle)) => lifecycle = Some(name.to_owned()),
                Ok(Some(Export::Hook(hook))) => hooks.push((hook, name.to_owned())),
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(LoadError::WrongWorld(problems));
        }
        let lifecycle = lifecycle.ok_or(LoadError::NoLifecycle)?;
        if hooks.is_empty() {
            return Err(LoadError::NoHooks);
        }
        let wasi = imports.iter().any(|name| name.starts_with("wasi:"));
        Ok(Self {
            imports,
            hooks,
            lifecycle,
            wasi,
        })
    }
}

fn check_import(full: &str, ty: &ComponentItem) -> Result<(), String> {
    let Some(name) =
        Name::parse(full).filter(|_| matches!(ty, ComponentItem::ComponentInstance(_)))
    else {
        return Err(format!("it imports `{full}`, which no host of plugins has"));
    };
    if name.package == v0_1::PACKAGE {
        check_version(full, name.version)?;
        let known: Vec<_> = v0_1::imports().collect();
        if known.contains(&name.interface) {
            return Ok(());
        }
        return Err(unknown("imports", full, name.interface, &known));
    }
    if let Some((_, why)) = REFUSED.iter().find(|(package, _)| *package == name.package) {
        return Err(format!("it imports {full}: {why}"));
    }
    if wasi::PACKAGES.contains(&name.package) {
        if name.version.starts_with("0.2.") {
            return Ok(());
        }
        return Err(format!("it imports {full}: this gateway knows WASI 0.2"));
    }
    Err(format!("it imports {full}, which plugins cannot"))
}

enum Export {
    Lifecycle,
    Hook(Hook),
}

/// What an export is; nothing where it belongs to another package.
fn export(full: &str) -> Result<Option<Export>, String> {
    let Some(name) = Name::parse(full).filter(|n| n.package == v0_1::PACKAGE) else {
        return Ok(None);
    };
    check_version(full, name.version)?;
    if name.interface == v0_1::LIFECYCLE {
        return Ok(Some(Export::Lifecycle));
    }
    if let Some(hook) = Hook::named(name.interface) {
        return Ok(Some(Export::Hook(hook)));
    }
    let mut known = vec![v0_1::LIFECYCLE];
    known.extend(Hook::ALL.map(Hook::name));
    Err(unknown("exports", full, name.interface, &known))
}

fn check_version(full: &str, version: &str) -> Result<(), String> {
    if v0_1::speaks(version) {
        return Ok(());
    }
    Err(format!(
        "it was built with {full}, and this gateway speaks {}@{}",
        v0_1::PACKAGE,
        v0_1::VERSION
    ))
}

fn unknown(verb: &str, full: &str, found: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), name))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match near {
        Some((_, name)) => {
            format!("it {verb} {full}, which is unknown here; the nearest is `{name}`")
        }
        None => format!("it {verb} {full}, which is unknown here"),
    }
}
