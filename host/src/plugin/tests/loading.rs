//! Which files are plugins, and what the cache is for.

use std::fs;
use std::sync::Arc;

use super::super::testing::{
    OK, bare, binding, bound, configured, consumers, on_request, plugin, runtime, typed,
};
use super::super::{
    Artifact, BindError, Binding, Digest, Hook, Instance, LoadError, OnRequest, Runtime, Slot,
    StartError,
};
use crate::capability::CustomMetrics;
use crate::config::model::{Consumers, Grants, Plugin, PluginSource};

fn refused(bytes: &[u8]) -> LoadError {
    runtime().load(bytes).unwrap_err()
}

fn nothing() -> Vec<u8> {
    on_request(&[], "")
}

#[test]
fn a_plugin_says_what_it_is() {
    let bytes = on_request(
        &[("request", "method", "(param i32)")],
        "(call $method (i32.const 256))",
    );
    let artifact = runtime().load(&bytes).unwrap();
    assert_eq!(
        artifact.hooks().iter().collect::<Vec<_>>(),
        [Hook::OnRequest]
    );
    let own: Vec<_> = artifact.imports().iter().map(String::as_str).collect();
    assert_eq!(own.last(), Some(&"sluice:plugin/request@0.1.0"));
    assert_eq!(
        (artifact.summary(), artifact.config_schema()),
        ("Test", "{}")
    );
    assert_eq!(artifact.digest(), Digest::of(&bytes));
    assert!(artifact.compiled_size() > 0);
    let shown = super::super::Inspection::of(&artifact).to_string();
    assert!(
        shown.contains("on-request") && shown.contains("Test"),
        "{shown}"
    );
}

#[test]
fn a_file_that_is_no_component_is_named_for_what_it_is() {
    for (bytes, what) in [
        (&b""[..], "empty"),
        (b"#!/bin/sh", "does not begin like WebAssembly"),
        (b"(component)", "text format"),
        (b"\0asm\x01\0\0\0", "core module"),
    ] {
        let error = refused(bytes);
        assert!(matches!(error, LoadError::NotAComponent(_)), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn a_file_that_was_cut_is_refused_wherever_it_was_cut() {
    let component = wit_component::ComponentEncoder::default()
        .module(&nothing())
        .unwrap()
        .encode()
        .unwrap();
    assert!(runtime().load(&component).is_ok());
    let runtime = runtime();
    for end in (9..component.len())
        .step_by(97)
        .chain([component.len() - 1])
    {
        assert!(runtime.load(&component[..end]).is_err(), "{end}");
    }
    let error = refused(&component[..component.len() / 2]);
    assert_eq!(error, LoadError::Truncated);
}

#[test]
fn a_component_without_lifecycle_or_hooks_is_refused() {
    let code = format!("(func $on-request (result i32) (i32.const {OK}))");
    assert_eq!(refused(&bare(&[], &[], &code)), LoadError::NoLifecycle);
    assert_eq!(refused(&plugin(&[], "")), LoadError::NoHooks);
}

#[test]
fn an_unknown_import_is_named_with_its_neighbour() {
    let error = |wit: &str, import: &str| {
        let world = format!("package test:a; {wit} world test {{ import {import}; }}");
        let (module, _) = import.split_once('{').unwrap_or((import, ""));
        let wat = format!("(module (import \"{module}\" \"f\" (func)))");
        refused(&typed(&wat::parse_str(wat).unwrap(), &world)).to_string()
    };
    let i = "{ interface i { f: func(); } }";
    let e = error(&format!("package wasi:http@0.2.3 {i}"), "wasi:http/i@0.2.3");
    assert!(e.contains("no network"), "{e}");
    let e = error(&format!("package acme:x@1.0.0 {i}"), "acme:x/i@1.0.0");
    assert!(e.contains("acme:x/i@1.0.0"), "{e}");
    let e = error(
        &format!("package sluice:plugin@0.2.0 {i}"),
        "sluice:plugin/i@0.2.0",
    );
    assert!(e.contains("speaks sluice:plugin@0.1.0"), "{e}");
    let near = "package sluice:plugin@0.1.9 { interface requests { f: func(); } }";
    let e = error(near, "sluice:plugin/requests@0.1.9");
    assert!(e.contains("nearest is `request`"), "{e}");
}

#[test]
fn a_plugin_that_cannot_describe_itself_is_refused() {
    let code = r#"(func $on-request (result i32) (i32.const 512))
        (func $d (result i32) unreachable)
        (export "sluice:plugin/lifecycle@0.1.0#describe" (func $d))
        (func $c (param i32 i32) (result i32) (i32.const 512))
        (export "sluice:plugin/lifecycle@0.1.0#configure" (func $c))"#;
    let error = refused(&bare(&["lifecycle"], &[], code));
    assert!(matches!(error, LoadError::Describe(_)), "{error:?}");
}

#[test]
fn the_same_bytes_are_one_artifact() {
    let runtime = runtime();
    let (a, b) = (
        runtime.load(&nothing()).unwrap(),
        runtime.load(&nothing()).unwrap(),
    );
    assert!(Arc::ptr_eq(&a, &b));
    assert_eq!(runtime.compiled(), 1);
    drop((a, b));
    assert!(runtime.load(&nothing()).is_ok());
    assert_eq!(runtime.compiled(), 2);
}

#[test]
fn a_second_start_compiles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let runtime = Runtime::new(Some(&folder.path().join("a/b"))).unwrap();
        let artifact = runtime.load(&nothing()).unwrap();
        assert!(works(&runtime, &artifact));
        runtime.compiled()
    };
    assert_eq!(start(), 1);
    assert_eq!(start(), 0);
}

fn works(runtime: &Runtime, artifact: &Arc<Artifact>) -> bool {
    let slot = Slot::new(binding(runtime, artifact), None);
    slot.call(super::super::testing::exchange(), &OnRequest)
        .1
        .is_ok()
}

#[test]
fn a_damaged_cache_file_is_compiled_anew() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let runtime = Runtime::new(Some(folder.path())).unwrap();
        let artifact = runtime.load(&nothing()).unwrap();
        assert!(works(&runtime, &artifact));
        runtime.compiled()
    };
    assert_eq!(start(), 1);
    let file = fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let whole = fs::read(file.path()).unwrap();
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    for damaged in [&whole[..whole.len() - 1], &whole[..3], b"", &altered] {
        fs::write(file.path(), damaged).unwrap();
        assert_eq!(start(), 1);
        assert_eq!(start(), 0);
    }
}

#[test]
fn a_folder_that_others_can_write_to_is_no_cache() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let runtime = Runtime::new(Some(folder.path())).unwrap();
    assert!(runtime.load(&nothing()).is_ok());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn reads_consumers() -> Vec<u8> {
    on_request(
        &[("consumers", "credentials", "(param i32)")],
        "(call $credentials (i32.const 256))",
    )
}

fn bind(
    runtime: &Runtime,
    bytes: &[u8],
    plugin: &Plugin,
    consumers: &Arc<Consumers>,
) -> Result<Binding, BindError> {
    let artifact = runtime.load(bytes).unwrap();
    let metrics = CustomMetrics::default();
    bound(
        artifact,
        &Arc::new(plugin.clone()),
        consumers,
        runtime,
        &metrics,
    )
}

#[test]
fn consumers_take_a_grant_unless_the_plugin_is_built_in() {
    let (runtime, mut plugin) = (runtime(), configured());
    let error = bind(&runtime, &reads_consumers(), &plugin, &consumers()).unwrap_err();
    assert!(error.to_string().contains("consumers = true"), "{error}");
    plugin.grants = Grants {
        consumers: true,
        ..Grants::default()
    };
    assert!(bind(&runtime, &reads_consumers(), &plugin, &consumers()).is_ok());
    plugin.grants = Grants::default();
    plugin.source = PluginSource::Builtin("test".into());
    assert!(bind(&runtime, &reads_consumers(), &plugin, &consumers()).is_ok());
}

#[test]
fn bindings_are_the_same_when_all_that_they_read_is_equal() {
    let (runtime, plugin) = (runtime(), configured());
    let nobody = Arc::<Consumers>::default();
    let make = |bytes: &[u8], plugin: &Plugin, consumers: &Arc<Consumers>| {
        bind(&runtime, bytes, plugin, consumers).unwrap()
    };
    let old = make(&nothing(), &plugin, &consumers());
    assert!(
        old.same_as(&make(&nothing(), &plugin, &nobody)),
        "it does not read consumers"
    );
    let mut changed = plugin.clone();
    changed.limits.memory += 1;
    assert!(!old.same_as(&make(&nothing(), &changed, &nobody)));
    changed = plugin.clone();
    changed.config = serde_json::json!({ "a": 1 });
    assert!(!old.same_as(&make(&nothing(), &changed, &nobody)));
    assert!(!old.same_as(&make(&on_request(&[], "nop"), &plugin, &nobody)));
    let granted = Plugin {
        grants: Grants {
            consumers: true,
            ..Grants::default()
        },
        ..plugin
    };
    let old = make(&reads_consumers(), &granted, &consumers());
    assert!(old.same_as(&make(&reads_consumers(), &granted, &consumers())));
    assert!(!old.same_as(&make(&reads_consumers(), &granted, &nobody)));
}

#[test]
fn a_plugin_may_refuse_its_configuration() {
    // One problem: at 128, message at 130.
    let code = format!(
        r#"(data (i32.const 128) "/awrong")
        (func $configure (param i32 i32) (result i32)
            (i32.store (i32.const 600) (i32.const 1))
            (i32.store (i32.const 604) (i32.const 620))
            (i32.store (i32.const 608) (i32.const 1))
            (i32.store (i32.const 620) (i32.const 128))
            (i32.store (i32.const 624) (i32.const 2))
            (i32.store (i32.const 628) (i32.const 130))
            (i32.store (i32.const 632) (i32.const 5))
            (i32.const 600))
        (func $on-request (result i32) (i32.const {OK}))"#
    );
    let runtime = runtime();
    let artifact = runtime.load(&plugin(&[], &code)).unwrap();
    let Err(error) = binding(&runtime, &artifact).instantiate() else {
        panic!("it was accepted")
    };
    assert_eq!(
        error,
        StartError::Problems(vec![("/a".into(), "wrong".into())])
    );
    assert_eq!(error.to_string(), "refuses its configuration: /a: wrong");
}

#[test]
fn problems_of_a_configuration_are_bounded_and_name_no_secret() {
    // 60 problems, all the same: at 128, message at 130.
    let code = format!(
        r#"(data (i32.const 128) "/a'hunter2'\nERROR forged")
        (func $configure (param i32 i32) (result i32)
            (local $n i32)
            (i32.store (i32.const 600) (i32.const 1))
            (i32.store (i32.const 604) (i32.const 1024))
            (i32.store (i32.const 608) (i32.const 60))
            (loop $next
                (i32.store (i32.add (i32.const 1024) (local.get $n)) (i32.const 128))
                (i32.store (i32.add (i32.const 1028) (local.get $n)) (i32.const 2))
                (i32.store (i32.add (i32.const 1032) (local.get $n)) (i32.const 130))
                (i32.store (i32.add (i32.const 1036) (local.get $n)) (i32.const 22))
                (local.set $n (i32.add (local.get $n) (i32.const 16)))
                (br_if $next (i32.lt_u (local.get $n) (i32.const 960))))
            (i32.const 600))
        (func $on-request (result i32) (i32.const {OK}))"#
    );
    let (runtime, mut plugin_config) = (runtime(), configured());
    plugin_config.config = serde_json::json!({ "a": "hunter2" });
    plugin_config.shown_config = serde_json::json!({ "a": "${PASSWORD}" });
    let bytes = plugin(&[], &code);
    let binding = bind(&runtime, &bytes, &plugin_config, &consumers()).unwrap();
    let Err(StartError::Problems(problems)) = binding.instantiate() else {
        panic!("it was accepted")
    };
    let shown = r"'${PASSWORD}'\nERROR forged";
    assert_eq!(problems[49], ("/a".into(), shown.into()));
    let more = "there are 10 more problems";
    assert_eq!(problems[50..], [(String::new(), more.into())]);
    // What a worker says, where it has to make an instance.
    let slot = Slot::new(Arc::new(binding), None);
    let (_, result) = slot.call(super::super::testing::exchange(), &OnRequest);
    let said = result.unwrap_err().to_string();
    assert!(
        said.contains("${PASSWORD}") && said.ends_with("and 46 more"),
        "{said}"
    );
    assert!(!said.contains("hunter2") && !said.contains('\n'), "{said}");
}

#[test]
fn instances_can_move_between_threads() {
    fn moves<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    moves::<Instance>();
    moves::<Slot>();
    is_shared::<Binding>();
    is_shared::<Runtime>();
    is_shared::<CustomMetrics>();
}
