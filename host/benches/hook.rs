//! What one hook call costs, on one core and with every protection on.
//!
//! `cargo bench -p sluice --bench hook` prints the CPU time of a call: the
//! median of 30 rounds. With `-- PART` it does so for the hooks whose line has
//! this part only; with `-- FILE CONFIG [NAME:VALUE]` for the
//! plugin in a file (an absolute path), its configuration as JSON and a header
//! that the request has; and how long compiling and loading it takes.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Method};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use sluice::capability::{CustomMetrics, OpenStore, Services};
use sluice::config::model::{
    Consumer, Consumers, Credential, Grants, HostPattern, Matcher, MemoryStore, OnError,
    PathPattern, Plugin, PluginLimits, PluginSource, Route, StoreKind,
};
use sluice::exchange::{Caller, ClientAddress, Exchange, Phase, RequestState};
use sluice::message::Headers;
use sluice::plugin::{
    Binding, Digest, HeadVerdict, HookCall, OnRequest, OnResponse, Runtime, Slot, builtin,
};
use sluice::rollout::Rollouts;
use sluice::store::{MemoryConfig, Store};
use wit_component::{StringEncoding, embed_component_metadata};

/// As in the gateway.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEYS: usize = 1000;
const ROUNDS: usize = 30;
const BATCHES: u32 = 100;
/// Exchanges that are made ahead: few, so that they stay in the cache.
const CALLS: u32 = 32;

fn main() {
    // Cargo adds a flag of its own.
    let given: Vec<_> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let given: Vec<_> = given.iter().map(String::as_str).collect();
    match given[..] {
        [] => shipped(""),
        [part] => shipped(part),
        [file, config] => from_file(file, config, None),
        [file, config, header] => {
            let header = header.split_once(':').expect("a header as NAME:VALUE");
            from_file(file, config, Some(header));
        }
        _ => panic!("expected nothing, PART, or FILE CONFIG [NAME:VALUE]"),
    }
}

fn shipped(part: &str) {
    let runtime = Runtime::new(None).expect("the engine starts");
    let (all, known) = (consumers(), key(KEYS / 2));
    let noop = slot(&runtime, "noop", &noop(), json!({}));
    measure(
        part,
        "on-request that does nothing",
        &noop,
        OnRequest,
        || exchange(None, &all),
    );
    let builtin = |name, config| {
        let bytes = builtin::find(name).expect("it ships with the gateway");
        slot(&runtime, name, bytes, config)
    };
    let auth = builtin("key-auth", json!({}));
    let with_key = |key| exchange(Some(("x-api-key", key)), &all);
    measure(part, "key-auth, allowed", &auth, OnRequest, || {
        with_key(&known)
    });
    measure(part, "key-auth, unknown key", &auth, OnRequest, || {
        with_key("k_000500-wrong")
    });
    measure(part, "key-auth, no key", &auth, OnRequest, || {
        exchange(None, &all)
    });
    let limits = json!([{ "name": "hourly", "amount": 1_000_000_000_000_u64, "window": "1h" }]);
    let quota = builtin("quota", json!({ "limits": limits }));
    measure(part, "quota, on-request", &quota, OnRequest, || {
        called(&all)
    });
    let (seen, _) = quota.call(called(&all), &OnRequest);
    measure(part, "quota, on-response", &quota, OnResponse, || {
        answered(&seen, &all)
    });
    let shape = builtin(
        "transform",
        json!({
            "request": { "add": { "headers": { "x-team": "payments" } }, "remove": { "headers": ["cookie"] } },
            "response": { "remove": { "headers": ["server"] } },
        }),
    );
    measure(part, "transform, on-request", &shape, OnRequest, || {
        exchange(None, &all)
    });
    measure(part, "transform, on-response", &shape, OnResponse, || {
        answered(&exchange(None, &all), &all)
    });
    let variants = json!([
        { "upstream": "orders", "weight": 90 },
        { "upstream": "orders-v2", "weight": 10 },
    ]);
    let canary = builtin(
        "canary",
        json!({ "variants": variants, "sticky": "client-address" }),
    );
    measure(part, "canary, on-request", &canary, OnRequest, || {
        exchange(None, &all)
    });
    if part.is_empty() {
        print("key-auth, a new instance", new_instance(&auth));
    }
}

fn from_file(file: &str, config: &str, header: Option<(&str, &str)>) {
    let bytes = std::fs::read(file).expect("a plugin's file");
    let config = serde_json::from_str(config).expect("a configuration as JSON");
    let cache = tempfile::tempdir().expect("a folder");
    let runtime = || Runtime::new(Some(cache.path())).expect("the engine starts");
    for what in ["compiled", "from the compile cache"] {
        let (runtime, begun) = (runtime(), Instant::now());
        black_box(runtime.load(&bytes).expect("a plugin"));
        print(what, begun.elapsed());
    }
    let (all, slot) = (consumers(), slot(&runtime(), "file", &bytes, config));
    print("a new instance", new_instance(&slot));
    measure("", "on-request", &slot, OnRequest, || exchange(None, &all));
    if let Some((name, value)) = header {
        let what = format!("on-request, {name}: {value}");
        measure("", &what, &slot, OnRequest, || {
            exchange(Some((name, value)), &all)
        });
    }
    let memory = slot.memory_bytes();
    println!("{} bytes, {memory} bytes of memory", bytes.len());
}

/// CPU time of instantiating and configuring, once the code is compiled.
fn new_instance(slot: &Slot) -> Duration {
    let binding = slot.binding();
    let begun = cpu();
    for _ in 0..100 {
        black_box(binding.instantiate().expect("it was configured before"));
    }
    (cpu() - begun) / 100
}

fn print(what: &str, time: Duration) {
    // In one unit where a tenth of the next one counts.
    match time.as_micros() {
        0..10 => println!("{what:<32} {:>7}ns", time.as_nanos()),
        _ => println!("{what:<32} {time:>9.1?}"),
    }
}

/// Calls a hook for one exchange after another, each of them new.
fn measure<C: HookCall<Verdict = HeadVerdict>>(
    part: &str,
    what: &str,
    slot: &Slot,
    hook: C,
    exchange: impl Fn() -> Box<Exchange>,
) {
    if !what.contains(part) {
        return;
    }
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let mut spent = Duration::ZERO;
        for _ in 0..BATCHES {
            let fresh: Vec<_> = (0..CALLS).map(|_| exchange()).collect();
            let mut done = Vec::with_capacity(fresh.len());
            let begun = cpu();
            for exchange in fresh {
                done.push(slot.call(exchange, &hook));
            }
            spent += cpu() - begun;
            for (_, verdict) in black_box(done) {
                match verdict {
                    Ok(HeadVerdict::Next | HeadVerdict::Respond(_)) => {}
                    other => panic!("{what}: {other:?}"),
                }
            }
        }
        rounds.push(spent / (BATCHES * CALLS));
    }
    rounds.sort_unstable();
    print(what, rounds[ROUNDS / 2]);
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        now.tv_sec.cast_unsigned(),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

fn slot(runtime: &Runtime, name: &str, bytes: &[u8], config: serde_json::Value) -> Slot {
    let plugin = Plugin {
        name: name.into(),
        source: PluginSource::Builtin(name.into()),
        sha256: None,
        on_error: OnError::Deny,
        on_error_status: 503,
        limits: PluginLimits {
            deadline: Duration::from_millis(50),
            // A Python needs most of this.
            memory: 64 << 20,
            host_call_bytes: 8 << 20,
            ..PluginLimits::default()
        },
        grants: Grants::default(),
        shown_config: config.clone(),
        config,
    };
    let artifact = runtime.load(bytes).expect("a plugin");
    let kind = StoreKind::Memory(MemoryStore::default());
    let store = Store::memory(MemoryConfig::default());
    let services = Services {
        consumers: &consumers(),
        stores: &[("local".into(), Arc::new(OpenStore { kind, store }))].into(),
        secrets: &[].into(),
        metrics: &CustomMetrics::default(),
        rollouts: &Arc::new(Rollouts::in_memory()),
    };
    let binding = Binding::new(artifact, &Arc::new(plugin), &services, runtime);
    Slot::new(Arc::new(binding.expect("all is granted")), None)
}

fn key(n: usize) -> String {
    format!("k_{n:06}-0123456789abcdef0123456789abcdef")
}

fn consumers() -> Arc<Consumers> {
    let mut consumers = Consumers::default();
    for n in 0..KEYS {
        let credential = Credential {
            id: format!("key-{n}"),
            prefix: format!("k_{n:06}"),
            sha256: Digest::of(key(n).as_bytes()).0,
            not_before: None,
            expires: None,
        };
        let consumer = Consumer {
            groups: vec!["users".into()],
            credentials: vec![credential],
            ..Consumer::default()
        };
        consumers
            .0
            .insert(format!("consumer-{n}").into(), Arc::new(consumer));
    }
    Arc::new(consumers)
}

/// A request with 12 header lines, and room for those that a gateway adds.
fn exchange(header: Option<(&str, &str)>, consumers: &Arc<Consumers>) -> Box<Exchange> {
    let mut headers = Headers::with_capacity(24);
    for (name, value) in [
        ("host", "api.example.com"),
        ("user-agent", "bench/1.0"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip, br"),
        ("accept-language", "en"),
        ("cache-control", "no-cache"),
        ("content-type", "application/json"),
        ("cookie", "a=b; c=d"),
        ("origin", "https://example.com"),
        ("referer", "https://example.com/"),
        ("x-request-id", "0123456789abcdef"),
    ] {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if let Some((name, value)) = header {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        headers.insert(name, value.parse().expect("visible ASCII"));
    }
    let request = RequestState {
        method: Method::GET,
        https: true,
        target: "/orders/17?expand=lines".parse().expect("a target"),
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
        plugins: vec!["key-auth".into()],
        upstreams: vec!["orders".into(), "orders-v2".into()],
        body_limit: 1 << 20,
    };
    let client = ClientAddress {
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        text: HeaderValue::from_static("127.0.0.1"),
    };
    let id = HeaderValue::from_static("0123456789abcdef");
    Box::new(Exchange::new(
        request,
        id,
        Arc::new(route),
        Vec::new(),
        client,
        consumers.clone(),
    ))
}

/// The same, once it is known who calls.
fn called(consumers: &Arc<Consumers>) -> Box<Exchange> {
    let mut exchange = exchange(None, consumers);
    exchange.caller = Some(Caller {
        id: "consumer-500".into(),
        consumer: consumers.0["consumer-500"].clone(),
        credential: Some("key-500".into()),
    });
    exchange
}

/// The same with a response of 8 header lines, and what the plugin noted in `seen`.
fn answered(seen: &Exchange, consumers: &Arc<Consumers>) -> Box<Exchange> {
    let mut exchange = called(consumers);
    exchange.copy_notes(seen);
    exchange.phase = Phase::Response;
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-length", "2"),
        ("date", "Sat, 01 Jan 2028 00:00:00 GMT"),
        ("server", "bench"),
        ("etag", "\"1\""),
        ("cache-control", "no-store"),
        ("vary", "accept"),
        ("x-request-id", "0123456789abcdef"),
    ] {
        let headers = &mut exchange.response.headers;
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    exchange
}

/// A plugin by hand: its hook returns `ok(next)`, which is zeroes.
fn noop() -> Vec<u8> {
    const MODULE: &str = r#"(module
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
        (func $zero (result i32) (i32.const 512))
        (export "sluice:plugin/lifecycle@0.1.0#describe" (func $zero))
        (export "sluice:plugin/on-request@0.1.0#on-request" (func $zero))
        (func (export "sluice:plugin/lifecycle@0.1.0#configure") (param i32 i32) (result i32)
            (i32.const 512)))"#;
    const WORLD: &str = "package bench:noop; world noop {
        export sluice:plugin/lifecycle@0.1.0;
        export sluice:plugin/on-request@0.1.0; }";
    let mut resolve = wit_parser::Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    resolve.push_dir(wit).expect("the repository's WIT");
    let package = resolve.push_str("noop.wit", WORLD).expect("a world");
    let world = resolve.select_world(&[package], None).expect("one world");
    let mut module = wat::parse_str(MODULE).expect("a module");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("fits");
    module
}
