//! Plugins in the text format, for tests: the core module is written by hand,
//! and carries the type that the repository's WIT gives it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::{Artifact, BindError, Binding, Hook, Runtime, Slot};
use crate::capability::{CustomMetrics, OpenStore, Services, Stores};
use crate::config::model::{
    Consumer, Consumers, Grants, HostPattern, Matcher, MemoryStore, Name, OnError, PathPattern,
    Plugin, PluginLimits, PluginSource, Route, Secret, StoreKind,
};
use crate::exchange::{ClientAddress, Exchange, RequestState};
use crate::message::Headers;
use crate::rollout::Rollouts;
use crate::store::{MemoryConfig, Store};

/// Zeroes: `ok` with the first case, whatever the type.
pub(super) const OK: u32 = 512;

/// A plugin with the functions in `code`; `$on-request` and its like are
/// exported as hooks. `imports` are interface, function and core type. The
/// guest has two pages of memory and a `$realloc` that never frees.
pub(super) fn plugin(imports: &[(&str, &str, &str)], code: &str) -> Vec<u8> {
    plugin_with("", imports, code)
}

/// A plugin that also imports from the packages in `wit`.
pub(super) fn plugin_with(wit: &str, imports: &[(&str, &str, &str)], code: &str) -> Vec<u8> {
    let configure = if code.contains("(func $configure ") {
        String::new()
    } else {
        format!("(func $configure (param i32 i32) (result i32) (i32.const {OK}))")
    };
    let lifecycle = format!(
        r#"{configure}
        (func $describe (result i32) (i32.const 16))
        (data (i32.const 16) "\40\00\00\00\04\00\00\00\48\00\00\00\02\00\00\00")
        (data (i32.const 64) "Test")
        (data (i32.const 72) "{{}}")
        (export "sluice:plugin/lifecycle@0.1.0#describe" (func $describe))
        (export "sluice:plugin/lifecycle@0.1.0#configure" (func $configure))"#
    );
    module(wit, &["lifecycle"], imports, &format!("{lifecycle}{code}"))
}

/// The same without `lifecycle`, unless `exports` names it.
pub(super) fn bare(exports: &[&str], imports: &[(&str, &str, &str)], code: &str) -> Vec<u8> {
    module("", exports, imports, code)
}

/// `wit` has the packages of imports whose interface is a full name.
fn module(wit: &str, exports: &[&str], imports: &[(&str, &str, &str)], code: &str) -> Vec<u8> {
    let mut world = format!("package test:plugin; {wit} world test {{\n");
    let mut module = String::from("(module\n");
    let mut seen: Vec<&str> = Vec::new();
    for (interface, function, ty) in imports {
        let full = if interface.contains('/') {
            (*interface).to_owned()
        } else {
            format!("sluice:plugin/{interface}@0.1.0")
        };
        // `[method]output-stream.write` is called `$write`.
        let name = function.rsplit(['.', ']']).next().unwrap();
        module.push_str(&format!(
            "(import \"{full}\" \"{function}\" (func ${name} {ty}))\n"
        ));
        if !seen.contains(interface) {
            world.push_str(&format!("import {full};\n"));
            seen.push(interface);
        }
    }
    for interface in exports {
        world.push_str(&format!("export sluice:plugin/{interface}@0.1.0;\n"));
    }
    for hook in Hook::ALL {
        if code.contains(&format!("(func ${hook} ")) {
            world.push_str(&format!("export sluice:plugin/{hook}@0.1.0;\n"));
            module.push_str(&format!(
                "(export \"sluice:plugin/{hook}@0.1.0#{hook}\" (func ${hook}))\n"
            ));
        }
    }
    world.push('}');
    module.push_str(
        r#"(memory (export "memory") 2)
        (global $heap (mut i32) (i32.const 4096))
        (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
            (global.set $heap (i32.add (local.get $at) (local.get 3)))
            (local.get $at))"#,
    );
    module.push_str(code);
    module.push(')');
    typed(&wat::parse_str(&module).unwrap(), &world)
}

/// Puts the type of a world into a core module.
pub(super) fn typed(module: &[u8], world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    resolve.push_dir(wit).unwrap();
    let package = resolve.push_str("test.wit", world).unwrap();
    let world = resolve.select_world(&[package], Some("test")).unwrap();
    let mut module = module.to_vec();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

/// A plugin whose `on-request` has this body.
pub(super) fn on_request(imports: &[(&str, &str, &str)], body: &str) -> Vec<u8> {
    plugin(
        imports,
        &format!("(func $on-request (result i32) {body} (i32.const {OK}))"),
    )
}

/// An engine without a cache.
pub(super) fn runtime() -> Runtime {
    Runtime::new(None).unwrap()
}

/// A plugin's configuration: a small deadline, 1 MiB of memory, 64 KiB a call.
pub(super) fn configured() -> Plugin {
    Plugin {
        name: "test".into(),
        source: PluginSource::File("test.wasm".into()),
        sha256: None,
        on_error: OnError::Deny,
        on_error_status: 503,
        limits: PluginLimits {
            deadline: Duration::from_millis(20),
            memory: 1 << 20,
            host_call_bytes: 64 << 10,
            ..PluginLimits::default()
        },
        grants: Grants::default(),
        config: serde_json::json!({}),
        shown_config: serde_json::json!({}),
    }
}

/// A binding with [`configured`] and the consumer `alice`.
pub(super) fn binding(runtime: &Runtime, artifact: &Arc<Artifact>) -> Arc<Binding> {
    let (plugin, metrics) = (Arc::new(configured()), CustomMetrics::default());
    let binding = bound(artifact.clone(), &plugin, &consumers(), runtime, &metrics);
    Arc::new(binding.unwrap())
}

/// A plugin bound in a gateway that has the store `local`.
pub(super) fn bound(
    artifact: Arc<Artifact>,
    plugin: &Arc<Plugin>,
    consumers: &Arc<Consumers>,
    runtime: &Runtime,
    metrics: &CustomMetrics,
) -> Result<Binding, BindError> {
    let kind = StoreKind::Memory(MemoryStore::default());
    let store = Store::memory(MemoryConfig::default());
    let stores = [(Name::from("local"), Arc::new(OpenStore { kind, store }))].into();
    bound_with(&stores, artifact, plugin, consumers, runtime, metrics)
}

/// A plugin bound in a gateway that has these stores.
pub(super) fn bound_with(
    stores: &Stores,
    artifact: Arc<Artifact>,
    plugin: &Arc<Plugin>,
    consumers: &Arc<Consumers>,
    runtime: &Runtime,
    metrics: &CustomMetrics,
) -> Result<Binding, BindError> {
    let services = Services {
        consumers,
        stores,
        secrets: &[(Name::from("token"), Secret(Arc::from("s3cret")))].into(),
        metrics,
        rollouts: &Arc::new(Rollouts::in_memory()),
    };
    Binding::new(artifact, plugin, &services, runtime)
}

/// A slot with a plugin of these bytes.
pub(super) fn slot(bytes: &[u8]) -> Slot {
    let runtime = runtime();
    let artifact = runtime.load(bytes).unwrap();
    Slot::new(binding(&runtime, &artifact), None)
}

/// The consumer `alice`.
pub(super) fn consumers() -> Arc<Consumers> {
    let mut consumers = Consumers::default();
    let alice = Consumer::default();
    consumers.0.insert("alice".into(), Arc::new(alice));
    Arc::new(consumers)
}

/// `GET /orders?x=1` with `x-key: secret` and `x-raw: \xff`.
pub(super) fn exchange() -> Box<Exchange> {
    let mut headers = Headers::new();
    headers.insert(http::header::HOST, HeaderValue::from_static("example.com"));
    headers.insert(
        HeaderName::from_static("x-key"),
        HeaderValue::from_static("secret"),
    );
    headers.insert(
        HeaderName::from_static("x-raw"),
        HeaderValue::from_bytes(b"\xff").unwrap(),
    );
    let request = RequestState {
        method: Method::GET,
        https: false,
        target: "/orders?x=1".parse().unwrap(),
        headers,
    };
    let route = Route {
        name: "orders".into(),
        matcher: Matcher {
            host: HostPattern::Any,
            path: PathPattern {
                segments: Vec::new(),
                prefix: true,
            },
            methods: Vec::new(),
            headers: Vec::new(),
            query: Vec::new(),
        },
        plugins: vec!["test".into()],
        upstreams: vec!["one".into(), "two".into()],
        body_limit: 1 << 20,
    };
    let client = ClientAddress {
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        text: HeaderValue::from_static("127.0.0.1"),
    };
    let id = HeaderValue::from_static("id-1");
    Box::new(Exchange::new(
        request,
        id,
        Arc::new(route),
        Vec::new(),
        client,
        consumers(),
    ))
}
