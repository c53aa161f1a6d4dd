//! A component whose exports the engine finds fast.
//!
//! At every call of an export the engine looks up the core function behind it. One that its
//! module defines is searched for in tables of the compiled code, and its reference is made anew;
//! one that its module imports is a field that is read. So a module that does nothing but import
//! those functions, and export them again under their names, is put between them and the exports.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    Alias, Component, ComponentSectionId, Encode, EntityType, ExportKind, ExportSection,
    ImportSection, InstanceSection, Module, ModuleArg, ModuleSection, RawSection, TypeSection,
};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ExternalKind, FuncType, Instance, Parser, Payload, TypeRef,
};

/// What the functions are imported from.
const FROM: &str = "plugin";

/// One section of the component.
struct Section<'a> {
    id: u8,
    range: Range<usize>,
    /// Its entries and where each begins, where it holds aliases.
    aliases: Vec<(usize, ComponentAlias<'a>)>,
}

/// What is known of a component's core.
#[derive(Default)]
struct Survey<'a> {
    sections: Vec<Section<'a>>,
    modules: Vec<Range<usize>>,
    /// The module of each core instance, where it is an instance of one.
    instances: Vec<Option<u32>>,
    /// Where each core function was taken from an instance: the section, and the entry there.
    functions: Vec<Option<(usize, usize)>>,
    /// The core functions behind exports.
    lifted: BTreeSet<u32>,
}

/// The same component, with its exports behind such a module. None where it is of a shape that
/// this cannot be told of; it works as it is then.
pub(super) fn through(component: &[u8]) -> Option<Vec<u8>> {
    let survey = Survey::of(component)?;
    let places: BTreeSet<_> = survey
        .lifted
        .iter()
        .filter_map(|index| *survey.functions.get(*index as usize)?)
        .collect();
    let (first, _) = *places.first()?;
    let (instance, _) = survey.taken(places.first()?)?;
    let names: BTreeMap<_, _> = places
        .iter()
        .filter_map(|place| Some((*place, survey.taken(place)?)))
        .filter(|(_, (from, _))| *from == instance)
        .map(|(place, (_, name))| (place, name))
        .collect();
    // A module or an instance that comes later would have another number than before.
    let mut later = survey.sections.iter().skip(first);
    if later.any(Section::is_core) {
        return None;
    }
    let module = *survey.instances.get(instance as usize)?;
    let module = survey.modules.get(module? as usize)?;
    let between = between(component.get(module.clone())?, names.values().copied())?;
    let (own_module, own_instance) = (survey.modules.len(), survey.instances.len());

    let mut whole = Component::new();
    for (at, section) in survey.sections.iter().enumerate() {
        if at == first {
            whole.section(&ModuleSection(&between));
            let mut instances = InstanceSection::new();
            let from = [(FROM, ModuleArg::Instance(instance))];
            instances.instantiate(u32::try_from(own_module).ok()?, from);
            whole.section(&instances);
        }
        let name = |entry| names.get(&(at, entry)).copied();
        let data = match (0..section.aliases.len()).any(|entry| name(entry).is_some()) {
            true => &section.redirected(component, u32::try_from(own_instance).ok()?, name)?,
            false => component.get(section.range.clone())?,
        };
        whole.section(&RawSection {
            id: section.id,
            data,
        });
    }
    Some(whole.finish())
}

impl Section<'_> {
    /// Whether it defines core modules or instances of them.
    fn is_core(&self) -> bool {
        [
            ComponentSectionId::CoreModule,
            ComponentSectionId::CoreInstance,
        ]
        .map(u8::from)
        .contains(&self.id)
    }

    /// The section's bytes, with the entries that have a `name` taken from `instance`.
    fn redirected<'n>(
        &self,
        component: &[u8],
        instance: u32,
        name: impl Fn(usize) -> Option<&'n str>,
    ) -> Option<Vec<u8>> {
        let mut data = Vec::new();
        self.aliases.len().encode(&mut data);
        let mut ends = self.aliases.iter().skip(1).map(|(begin, _)| *begin);
        for (entry, (begin, _)) in self.aliases.iter().enumerate() {
            let end = ends.next().unwrap_or(self.range.end);
            match name(entry) {
                Some(name) => Alias::CoreInstanceExport {
                    instance,
                    kind: ExportKind::Func,
                    name,
                }
                .encode(&mut data),
                None => data.extend_from_slice(component.get(*begin..end)?),
            }
        }
        Some(data)
    }
}

impl<'a> Survey<'a> {
    fn of(component: &'a [u8]) -> Option<Self> {
        let mut survey = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(component) {
            let payload = payload.ok()?;
            if depth == 0 {
                survey.note(&payload)?;
            }
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                // Something inside could mean a module of ours by its number.
                Payload::ComponentAliasSection(aliases) if depth > 0 => {
                    for alias in aliases {
                        if names_module(&alias.ok()?) {
                            return None;
                        }
                    }
                }
                _ => {}
            }
        }
        Some(survey)
    }

    fn note(&mut self, payload: &Payload<'a>) -> Option<()> {
        let Some((id, range)) = payload.as_section() else {
            return Some(());
        };
        let range = place(range.start)?..place(range.end)?;
        let at = self.sections.len();
        let mut aliases = Vec::new();
        match payload {
            Payload::ModuleSection { .. } => self.modules.push(range.clone()),
            Payload::InstanceSection(instances) => {
                for instance in instances.clone() {
                    self.instances.push(match instance.ok()? {
                        Instance::Instantiate { module_index, .. } => Some(module_index),
                        Instance::FromExports(_) => None,
                    });
                }
            }
            Payload::ComponentAliasSection(all) => {
                for (entry, alias) in all.clone().into_iter_with_offsets().enumerate() {
                    let (begin, alias) = alias.ok()?;
                    if names_module(&alias) {
                        return None;
                    }
                    if takes_function(&alias) {
                        self.functions.push(Some((at, entry)));
                    }
                    aliases.push((place(begin)?, alias));
                }
            }
            Payload::ComponentCanonicalSection(all) => {
                for function in all.clone() {
                    match function.ok()? {
                        CanonicalFunction::Lift {
                            core_func_index, ..
                        } => {
                            self.lifted.insert(core_func_index);
                        }
                        _ => self.functions.push(None),
                    }
                }
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    if let wasmparser::ComponentTypeRef::Module(_) = import.ok()?.ty {
                        return None;
                    }
                }
            }
            // It speaks of instances and functions by their numbers.
            Payload::CustomSection(custom) if custom.name() == "component-name" => return Some(()),
            _ => {}
        }
        self.sections.push(Section { id, range, aliases });
        Some(())
    }

    /// The instance and the name that a function was taken from there.
    fn taken(&self, (section, entry): &(usize, usize)) -> Option<(u32, &'a str)> {
        match self.sections.get(*section)?.aliases.get(*entry)? {
            (
                _,
                ComponentAlias::CoreInstanceExport {
                    instance_index,
                    name,
                    ..
                },
            ) => Some((*instance_index, name)),
            _ => None,
        }
    }
}

fn place(offset: u64) -> Option<usize> {
    usize::try_from(offset).ok()
}

fn takes_function(alias: &ComponentAlias<'_>) -> bool {
    matches!(
        alias,
        ComponentAlias::CoreInstanceExport {
            kind: ExternalKind::Func,
            ..
        }
    )
}

/// Whether it gives a core module another number.
fn names_module(alias: &ComponentAlias<'_>) -> bool {
    matches!(
        alias,
        ComponentAlias::InstanceExport {
            kind: wasmparser::ComponentExternalKind::Module,
            ..
        } | ComponentAlias::Outer {
            kind: wasmparser::ComponentOuterAliasKind::CoreModule,
            ..
        }
    )
}

/// The module that stands between: it imports and exports these functions of `module`.
fn between<'n>(module: &[u8], names: impl Iterator<Item = &'n str>) -> Option<Module> {
    let types = types_of(module)?;
    let (mut own_types, mut imports) = (TypeSection::new(), ImportSection::new());
    let mut exports = ExportSection::new();
    let names: BTreeSet<_> = names.collect();
    for (index, name) in (0..).zip(&names) {
        let function = RoundtripReencoder
            .func_type(types.get(name)?.clone())
            .ok()?;
        own_types.ty().func_type(&function);
        imports.import(FROM, name, EntityType::Function(index));
        exports.export(name, ExportKind::Func, index);
    }
    let mut module = Module::new();
    module
        .section(&own_types)
        .section(&imports)
        .section(&exports);
    Some(module)
}

/// The types of a module's exported functions.
fn types_of(module: &[u8]) -> Option<BTreeMap<&str, FuncType>> {
    let (mut types, mut functions, mut exported) = (Vec::new(), Vec::new(), BTreeMap::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::TypeSection(all) => {
                for function in all.into_iter_err_on_gc_types() {
                    types.push(function.ok()?);
                }
            }
            Payload::ImportSection(all) => {
                for import in all.into_imports() {
                    if let TypeRef::Func(index) | TypeRef::FuncExact(index) = import.ok()?.ty {
                        functions.push(index);
                    }
                }
            }
            Payload::FunctionSection(all) => {
                for index in all {
                    functions.push(index.ok()?);
                }
            }
            Payload::ExportSection(all) => {
                for export in all {
                    let export = export.ok()?;
                    if export.kind == ExternalKind::Func {
                        exported.insert(export.name, export.index);
                    }
                }
            }
            _ => {}
        }
    }
    let function = |index: u32| types.get(*functions.get(index as usize)? as usize).cloned();
    let named = exported.into_iter();
    named
        .map(|(name, index)| Some((name, function(index)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasmtime::component::{Component, Linker};
    use wasmtime::{Engine, Store};

    use super::*;

    /// Two functions behind exports, and one that is none, of an instance before another.
    const USUAL: &str = r#"(component
        (core module $main
            (func (export "one") (result i32) i32.const 1)
            (func (export "inner"))
            (func (export "add") (param i32 i32) (result i32)
                (i32.add (local.get 0) (local.get 1))))
        (core instance $main (instantiate $main))
        (alias core export $main "inner" (core func $inner))
        (core module $other (import "" "inner" (func)))
        (core instance (instantiate $other
            (with "" (instance (export "inner" (func $inner))))))
        (type $one (func (result u32)))
        (alias core export $main "one" (core func $one))
        (func (export "one") (type $one) (canon lift (core func $one)))
        (type $add (func (param "a" u32) (param "b" u32) (result u32)))
        (alias core export $main "add" (core func $add))
        (func (export "add") (type $add) (canon lift (core func $add))))"#;

    fn answers(component: &[u8]) -> (u32, u32) {
        let engine = Engine::default();
        let component = Component::new(&engine, component).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine)
            .instantiate(&mut store, &component)
            .unwrap();
        let one = instance
            .get_typed_func::<(), (u32,)>(&mut store, "one")
            .unwrap();
        let add = instance
            .get_typed_func::<(u32, u32), (u32,)>(&mut store, "add")
            .unwrap();
        let (one,) = one.call(&mut store, ()).unwrap();
        let (sum,) = add.call(&mut store, (2, 3)).unwrap();
        (one, sum)
    }

    #[test]
    fn what_is_exported_stays_what_it_was() {
        let component = wat::parse_str(USUAL).unwrap();
        let through = through(&component).unwrap();
        assert_eq!(answers(&component), (1, 5));
        assert_eq!(answers(&through), (1, 5));
        // Both functions, and no more, are handed over by the third module.
        let survey = Survey::of(&through).unwrap();
        assert_eq!(survey.modules.len(), 3);
        let between = &through[survey.modules[2].clone()];
        let names: Vec<_> = types_of(between).unwrap().into_keys().collect();
        assert_eq!(names, ["add", "one"]);
        for index in &survey.lifted {
            let place = survey.functions[*index as usize].unwrap();
            assert_eq!(survey.taken(&place).unwrap().0, 3);
        }
    }

    #[test]
    fn what_is_built_otherwise_is_left_alone() {
        let late = USUAL.replace(
            "(type $add (func",
            "(core module $late) (core instance (instantiate $late)) (type $add (func",
        );
        let outer = USUAL.replace(
            "(type $add (func",
            "(component (alias outer 1 $main (core module))) (type $add (func",
        );
        for other in [late.as_str(), outer.as_str(), "(component)"] {
            let component = wat::parse_str(other).unwrap();
            assert!(through(&component).is_none(), "{other}");
        }
    }

    #[test]
    fn the_builtin_plugins_are_of_the_usual_shape() {
        for name in crate::plugin::builtin::names() {
            let component = crate::plugin::builtin::find(name).unwrap();
            assert!(through(component).is_some(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_damaged_component_is_no_panic(changes in prop::collection::vec((any::<u16>(), any::<u8>()), 1..4)) {
            let mut component = wat::parse_str(USUAL).unwrap();
            for (at, byte) in changes {
                let at = usize::from(at) % component.len();
                component[at] = byte;
            }
            let _ = through(&component);
        }
    }
}
