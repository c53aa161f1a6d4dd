//! What the model holds for what an operator writes.

use std::time::Duration;

use serde_json::json;

use super::super::model::{
    AccessLog, Condition, HostPattern, OnError, PluginSource, Protocol, Segment,
};
use super::{LISTENER, valid};

#[test]
fn every_key_reaches_the_model() {
    let loaded = valid(
        r#"
        access_log.output = "logs/access.log"
        [listeners.public]
        address = "[::1]:8080"
        trusted_proxies = ["10.1.2.3/8", "::1"]
        forwarded = true
        limits = { connections = 7, header_bytes = "64KB", headers = 8, streams = 9 }
        timeouts = { header = "1s", idle = "2s", body = "3s", write = "4s" }
        [admin]
        address = "127.0.0.1:1"
        [runtime]
        workers = 2
        compile_cache = "off"
        history = 0
        watch = false
        drain = "0s"
        [upstreams.u]
        targets = ["A.example:80", "[::1]:81"]
        protocol = "http2"
        balance = "least-request"
        host = "b.example:8443"
        timeouts = { connect = "1ms", response = "2ms", idle = "3ms" }
        pool = { connections = 1, idle_timeout = "4ms", pending = 0 }
        [plugins.p]
        source = "plugins/p.wasm"
        sha256 = "00ff000000000000000000000000000000000000000000000000000000000010"
        on_error = "skip"
        on_error_status = 599
        limits = { deadline = "1ms", memory = "64KiB", host_call_bytes = "1KiB" }
        grants = { consumers = true }
        [[routes]]
        name = "r"
        match = { host = "*.Example.com", path = "/a/{id}/*", methods = ["POST", "GET"], headers = { X-B = "*", x-a = "1" }, query = { q = "*" } }
        plugins = ["p"]
        upstreams = ["u"]
        body_limit = "2MiB"
        [consumers.c]
        groups = ["z", "a"]
        attributes = { b = "2", a = "1" }
        credentials = [{ id = "c-1", prefix = "abcd", sha256 = "00ff000000000000000000000000000000000000000000000000000000000010", not_before = 1970-01-01T00:00:01Z, expires = 1970-01-01T01:00:00+00:59 }]
        "#,
    );
    let config = loaded.config;
    assert_eq!(config.access_log, AccessLog::File("logs/access.log".into()));
    let listener = &config.listeners["public"];
    assert_eq!(listener.address.to_string(), "[::1]:8080");
    let proxies: Vec<String> = listener
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(proxies, ["10.0.0.0/8", "::1/128"]);
    assert!(listener.forwarded);
    assert_eq!(listener.limits.connections, 7);
    assert_eq!(listener.limits.header_bytes, 64_000);
    assert_eq!((listener.limits.headers, listener.limits.streams), (8, 9));
    let timeouts = &listener.timeouts;
    let all = [
        timeouts.header,
        timeouts.idle,
        timeouts.body,
        timeouts.write,
    ];
    assert_eq!(all, [1, 2, 3, 4].map(Duration::from_secs));
    assert_eq!(config.admin.map(|a| a.address.port()), Some(1));
    let runtime = config.runtime;
    assert_eq!(
        (runtime.workers, runtime.history, runtime.watch),
        (2, 0, false)
    );
    assert_eq!(
        (runtime.compile_cache, runtime.drain),
        (None, Duration::ZERO)
    );
    let upstream = &config.upstreams["u"];
    let targets: Vec<String> = upstream.targets.iter().map(ToString::to_string).collect();
    assert_eq!(targets, ["a.example:80", "[::1]:81"]);
    assert_eq!(upstream.protocol, Protocol::Http2);
    assert_eq!(upstream.host.as_ref().unwrap(), "b.example:8443");
    let all = [
        upstream.timeouts.connect,
        upstream.timeouts.response,
        upstream.timeouts.idle,
        upstream.pool.idle_timeout,
    ];
    assert_eq!(all, [1, 2, 3, 4].map(Duration::from_millis));
    assert_eq!((upstream.pool.connections, upstream.pool.pending), (1, 0));
    let plugin = &config.plugins["p"];
    assert_eq!(plugin.source, PluginSource::File("plugins/p.wasm".into()));
    let digest = plugin.sha256.unwrap();
    assert_eq!((digest[0], digest[1], digest[31]), (0, 255, 16));
    assert_eq!(
        (plugin.on_error, plugin.on_error_status),
        (OnError::Skip, 599)
    );
    assert_eq!(plugin.limits.deadline, Duration::from_millis(1));
    assert_eq!(
        (plugin.limits.memory, plugin.limits.host_call_bytes),
        (65_536, 1024)
    );
    assert!(plugin.grants.consumers);
    assert_eq!(plugin.config, json!({}));
    let route = &config.routes[0];
    assert_eq!(
        route.matcher.host,
        HostPattern::Below("example.com".to_owned())
    );
    let segments = [
        Segment::Literal("a".to_owned()),
        Segment::Capture("id".to_owned()),
    ];
    assert_eq!(route.matcher.path.segments, segments);
    assert!(route.matcher.path.prefix);
    assert_eq!(route.matcher.methods, ["GET", "POST"]);
    let (first, second) = (&route.matcher.headers[0], &route.matcher.headers[1]);
    assert_eq!(
        (first.0.as_str(), &first.1),
        ("x-a", &Condition::Equals("1".to_owned()))
    );
    assert_eq!((second.0.as_str(), &second.1), ("x-b", &Condition::Present));
    assert_eq!(route.matcher.query, [("q".to_owned(), Condition::Present)]);
    assert_eq!((&*route.plugins[0], &*route.upstreams[0]), ("p", "u"));
    assert_eq!(route.body_limit, 2 << 20);
    let consumer = &config.consumers.0["c"];
    assert_eq!(consumer.groups, ["z", "a"]);
    assert_eq!(consumer.attributes[0], ("a".to_owned(), "1".to_owned()));
    let credential = &consumer.credentials[0];
    assert_eq!(
        (credential.not_before, credential.expires),
        (Some(1), Some(60))
    );
}

#[test]
fn a_plugins_config_is_json_in_the_order_of_the_file() {
    let text = format!(
        "{LISTENER}[plugins.p]\nsource = \"builtin:p\"\n[plugins.p.config]\nz = 1\n\
        a = [1.5, true, \"${{header.x}}\", {{}}, []]\nm = 2027-01-01T00:00:00Z\nk = \"$${{env:A}}\"\n"
    );
    let plugin = valid(&text).config.plugins["p"].clone();
    let expected =
        r#"{"z":1,"a":[1.5,true,"${header.x}",{},[]],"m":"2027-01-01T00:00:00Z","k":"${env:A}"}"#;
    assert_eq!(plugin.config.to_string(), expected);
    assert_eq!(
        plugin.shown_config.to_string(),
        expected.replace("${env", "$${env")
    );
}
