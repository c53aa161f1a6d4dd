//! Bad input, and what an operator reads.

use proptest::prelude::*;

use super::super::load_text;
use super::{LISTENER, invalid, valid};

#[test]
fn every_mistake_is_said_with_place_key_found_expected_and_nearest() {
    let table = [
        (
            "adress = 1",
            ":2:1: adress: unknown key, expected one of listeners, admin, runtime, access_log, upstreams, plugins, consumers, stores, secrets, routes, include",
        ),
        (
            "[runtime]\nworker = 1",
            ":3:1: runtime.worker: unknown key, expected one of workers, compile_cache, state, usage_days, history, watch, drain; did you mean workers?",
        ),
        (
            "[runtime]\nworkers = 0",
            ":3:1: runtime.workers: out of range: found 0, expected 1 to 1024",
        ),
        (
            "[runtime]\nworkers = \"2\"",
            ":3:1: runtime.workers: wrong type: found a string, expected a whole number, 1 to 1024",
        ),
        (
            "[runtime]\nworkers = 99999999999999999999",
            ":3:1: runtime.workers: out of range: found 99999999999999999999, expected 1 to 1024",
        ),
        (
            "[runtime]\nwatch = \"yes\"",
            ":3:1: runtime.watch: wrong type: found a string, expected true or false",
        ),
        (
            "[runtime]\ndrain = 30",
            ":3:1: runtime.drain: the unit is missing: found 30, expected a duration such as \"250ms\", \"30s\", \"5m\", \"1h\" or \"7d\"",
        ),
        (
            "[runtime]\ndrain = \"30 s\"",
            ":3:1: runtime.drain: no such unit: found \"30 s\", expected a duration such as \"250ms\", \"30s\", \"5m\", \"1h\" or \"7d\"",
        ),
        (
            "[runtime]\ndrain = \"2d\"",
            ":3:1: runtime.drain: out of range: found \"2d\", expected \"0s\" to \"1d\"",
        ),
        (
            "[runtime]\ncompile_cache = \"~/cache\"",
            ":3:1: runtime.compile_cache: `~` is not expanded: write ${env:HOME}: found \"~/cache\", expected the name of a file",
        ),
        (
            "runtime = 1",
            ":2:1: runtime: wrong type: found an integer, expected a table",
        ),
        (
            "[admin]",
            ":2:2: admin.address: missing key, expected an IP address and a port such as \"127.0.0.1:9901\"",
        ),
        (
            "admin.address = \"localhost:1\"",
            ":2:7: admin.address: not an address: found \"localhost:1\", expected an IP address and a port such as \"127.0.0.1:8080\" or \"[::]:8080\"",
        ),
        (
            "[listeners.a.limits]\nheader_bytes = 16384",
            ":3:1: listeners.a.limits.header_bytes: the unit is missing: found 16384, expected a size such as \"512B\", \"16KiB\", \"1MiB\" or \"64KB\"",
        ),
        (
            "[listeners.a.limits]\nheader_bytes = \"1GiB\"",
            ":3:1: listeners.a.limits.header_bytes: out of range: found \"1GiB\", expected \"1KiB\" to \"1MiB\"",
        ),
        (
            "[listeners.\"a b\"]\naddress = \"[::]:80\"",
            ":2:12: listeners.\"a b\": not a name, expected 1 to 64 of the letters, digits, `.`, `_`, `-`",
        ),
        (
            "listeners.a.trusted_proxies = [\"10.0.0.0/33\"]",
            ":2:32: listeners.a.trusted_proxies[0]: not a network: found \"10.0.0.0/33\", expected an address or a network such as \"10.0.0.0/8\" or \"fd00::/8\"",
        ),
        (
            "listeners.a.tls.certificates = []",
            ":2:17: listeners.a.tls.certificates: no certificate, expected [{ certificate = \"FILE\", key = \"FILE\" }]",
        ),
        (
            "listeners.a.tls.certificates = [{}, {}]",
            ":2:17: listeners.a.tls.certificates: too many: found 2, expected at most 1",
        ),
        (
            "[upstreams.a]\ntarget = [\"a:1\"]",
            ":2:12: upstreams.a.targets: missing key, expected an array of \"host:port\"\nsluice.toml:3:1: upstreams.a.target: unknown key, expected one of targets, balance, protocol, host, tls, timeouts, pool; did you mean targets?",
        ),
        (
            "upstreams.a.targets = []",
            ":2:13: upstreams.a.targets: no target, expected \"host:port\", \"1.2.3.4:80\" or \"[::1]:80\"",
        ),
        (
            "upstreams.a.targets = [\"a:1\", \"A:1\"]",
            ":2:31: upstreams.a.targets[1]: the same target twice: found \"A:1\"",
        ),
        (
            "upstreams.a.targets = [\"http://a:1\"]",
            ":2:24: upstreams.a.targets[0]: a target has neither a scheme nor a path: found \"http://a:1\", expected \"host:port\", \"1.2.3.4:80\" or \"[::1]:80\"",
        ),
        (
            "upstreams.a = { targets = [\"a:1\"], balance = \"least-requests\" }",
            ":2:36: upstreams.a.balance: no such choice: found \"least-requests\", expected one of \"round-robin\", \"least-request\"; did you mean \"least-request\"?",
        ),
        (
            "upstreams.a = { targets = [\"a:1\"], host = \"u@a\" }",
            ":2:36: upstreams.a.host: not a host: found \"u@a\", expected a host, with or without a port",
        ),
        (
            "upstreams.a = { targets = [\"a:1\"], tls = { server_name = \"a b\", sni = \"c\" } }",
            ":2:44: upstreams.a.tls.server_name: not a host: found \"a b\", expected a name or an IP address\nsluice.toml:2:65: upstreams.a.tls.sni: unknown key, expected one of ca, server_name",
        ),
        (
            "plugins.a = { source = \"a.wasm\", grants = { http = [\"https://login.example.com/x\", \"ftp://a\", \"https://me@a\", \"idp\"] } }",
            ":2:53: plugins.a.grants.http[0]: an origin ends with its host or port: found \"https://login.example.com/x\", expected scheme, host and perhaps a port, such as \"https://login.example.com\"\nsluice.toml:2:84: plugins.a.grants.http[1]: the scheme is neither `https` nor `http`: found \"ftp://a\", expected scheme, host and perhaps a port, such as \"https://login.example.com\"\nsluice.toml:2:95: plugins.a.grants.http[2]: a user has no place in it: found \"https://me@a\", expected scheme, host and perhaps a port, such as \"https://login.example.com\"\nsluice.toml:2:111: plugins.a.grants.http[3]: no such upstream: found \"idp\", expected none, as there are none",
        ),
        (
            "plugins.a = { source = \"https://x/y.wasm\" }",
            ":2:15: plugins.a.source: plugins are not fetched: found \"https://x/y.wasm\", expected \"builtin:NAME\" or the file of a component",
        ),
        (
            "plugins.a = { source = \"a.wasm\", sha256 = \"12\" }",
            ":2:34: plugins.a.sha256: not a digest: found \"12\", expected a SHA-256 in 64 hex digits",
        ),
        (
            "plugins.a = { source = \"a.wasm\", on_error_status = 200 }",
            ":2:34: plugins.a.on_error_status: out of range: found 200, expected 500 to 599",
        ),
        (
            "plugins.a = { source = \"a.wasm\", limits = { deadline = \"1m\" } }",
            ":2:45: plugins.a.limits.deadline: out of range: found \"1m\", expected \"1ms\" to \"10s\"",
        ),
        (
            "plugins.a = { source = \"a.wasm\", grants = { kvs = [] } }",
            ":2:45: plugins.a.grants.kvs: unknown key, expected one of consumers, kv, quota, http, secrets; did you mean kv?",
        ),
        (
            "stores.shard = { kind = \"memory\" }\nplugins.a = { source = \"a.wasm\", grants = { quota = [\"local\", \"shared\"], http = [\"idp/x\"], secrets = [\"s\"] } }",
            ":3:63: plugins.a.grants.quota[1]: no such store: found \"shared\", expected one of \"local\", \"shard\"; did you mean \"shard\"?\nsluice.toml:3:82: plugins.a.grants.http[0]: not what a plugin can call: found \"idp/x\", expected \"UPSTREAM:/path\", such as \"idp:/introspect\", or an origin, such as \"https://login.example.com\"\nsluice.toml:3:103: plugins.a.grants.secrets[0]: no such secret: found \"s\", expected none, as there are none",
        ),
        (
            "stores.local = { kind = \"redis\", address = \"r:1\" }\nstores.b = { kind = \"redis\", prefix = \"{\" }",
            ":2:8: stores.local: `local` is the memory of this process, expected another name, or kind = \"memory\"\nsluice.toml:3:8: stores.b.address: missing key, expected \"host:port\" such as \"127.0.0.1:6379\"\nsluice.toml:3:30: stores.b.prefix: not usable as the beginning of keys: found \"{\", expected 1 to 64 of the letters, digits, `-`, `_`, `.`, `:`, `/`",
        ),
        (
            "plugins.a = { source = \"a.wasm\", config = { x = [nan] } }",
            ":2:50: plugins.a.config.x[0]: JSON has no such number: found NaN, expected a finite number",
        ),
        (
            "plugins.a = { source = \"a.wasm\", config = 1 }",
            ":2:34: plugins.a.config: wrong type: found an integer, expected a table",
        ),
        (
            "plugins.a = { source = \"${evn:A}\" }",
            ":2:15: plugins.a.source: `${evn:` is neither ${env: nor ${file:; write `$${` for the text `${`; did you mean ${env:: found \"${evn:A}\"",
        ),
        (
            "plugins.a = { source = \"x${env:SLUICE_TEST_UNSET}\" }",
            ":2:15: plugins.a.source: the environment variable SLUICE_TEST_UNSET is not set: found \"x${env:SLUICE_TEST_UNSET}\"",
        ),
        (
            "[[routes]]",
            ":2:1: routes[0].name: missing key, expected a name that no other route has\nsluice.toml:2:1: routes[0].upstreams: missing key, expected an array of names of upstreams",
        ),
        (
            "routes = [{ name = \"r\", upstreams = [] }]",
            ":2:25: routes[0].upstreams: no upstream, expected none, as there are none",
        ),
        (
            "upstreams.orders.targets = [\"a:1\"]\n[[routes]]\nname = \"r\"\nupstreams = [\"orders\", \"order\"]",
            ":5:24: routes[0].upstreams[1]: no such upstream: found \"order\", expected \"orders\"; did you mean \"orders\"?",
        ),
        (
            "consumers.a.groups = [\"a,b\"]",
            ":2:23: consumers.a.groups[0]: not usable as a header value: found \"a,b\", expected 1 to 64 visible ASCII characters without `,`",
        ),
        (
            "consumers.a.attributes = { \"\" = \"x\" }",
            ":2:28: consumers.a.attributes.\"\": not usable as a header value, expected 1 to 64 visible ASCII characters",
        ),
        (
            "[[consumers.a.credentials]]\nid = \"1\"\nprefix = \"abc\"\nsha256 = \"the whole key\"\nexpires = 2027-01-01",
            ":4:1: consumers.a.credentials[0].prefix: not usable: found 3 characters, expected the first 4 to 16 characters of the key, visible ASCII\nsluice.toml:5:1: consumers.a.credentials[0].sha256: not usable: found 13 characters, expected a SHA-256 in 64 hex digits\nsluice.toml:6:1: consumers.a.credentials[0].expires: not a point in time since 1970: found 2027-01-01, expected an offset date-time such as 2027-01-01T00:00:00Z",
        ),
        (
            "include = \"a.toml\"",
            ":2:1: include: wrong type, expected an array of file names such as [\"routes/*.toml\"]",
        ),
        (
            "include = [\"**/a.toml\"]",
            ":2:12: include[0]: `**` is not allowed: name the folders: found \"**/a.toml\", expected an array of file names such as [\"routes/*.toml\"]",
        ),
        (
            "a = tru\nb = 1\nb = 2",
            ":2:5: not TOML: invalid boolean, expected `true`\nsluice.toml:4:1: not TOML: duplicate key",
        ),
    ];
    let (found, expected): (Vec<String>, Vec<String>) = table
        .iter()
        .map(|(text, expected)| {
            (
                invalid(&format!("{LISTENER}{text}")),
                format!("sluice.toml{expected}"),
            )
        })
        .unzip();
    assert_eq!(found.join("\n"), expected.join("\n"));
}

#[test]
fn a_configuration_without_a_listener_is_none() {
    let expected = "sluice.toml:1:1: listeners: missing key, expected a table [listeners.NAME] with an address";
    assert_eq!(invalid(""), expected);
    let expected = "sluice.toml:1:2: listeners: no listener, expected a table [listeners.NAME] with an address";
    assert_eq!(invalid("[listeners]"), expected);
}

#[test]
fn an_address_is_listened_on_once() {
    let text = "listeners.a.address = \"[::]:80\"\nlisteners.b.address = \"[::]:80\"\nadmin.address = \"[::]:80\"";
    let expected = "sluice.toml:2:13: listeners.b.address: the address is taken: first at sluice.toml:1:13\n\
        sluice.toml:3:7: admin.address: the address is taken: first at sluice.toml:1:13";
    assert_eq!(invalid(text), expected);
    valid("listeners.a.address = \"[::]:0\"\nlisteners.b.address = \"[::]:0\"");
}

/// A route with this in its `match`, or this more.
fn route(more: &str) -> String {
    format!(
        "{LISTENER}upstreams.u.targets = [\"u:1\"]\nplugins.p.source = \"builtin:p\"\n\
        routes = [{{ name = \"r\", upstreams = [\"u\"], {more} }}]\n"
    )
}

#[test]
fn what_a_route_cannot_match_is_refused() {
    let table = [
        (
            "match.path = \"/a/../b\"",
            "path: a path has no segments `.` and `..`: found \"/a/../b\", expected a path such as \"/exact\", \"/prefix/*\" or \"/orders/{id}\"",
        ),
        (
            "match.host = \"a:80\"",
            "host: a host is matched without its port; an IPv6 address stands in brackets: found \"a:80\", expected a host such as \"api.example.com\" or \"*.example.com\"",
        ),
        (
            "match.methods = []",
            "methods: no method: the route would match nothing, expected methods such as [\"GET\"], or no such key for any",
        ),
        (
            "match.methods = [\"get\"]",
            "methods[0]: not a method: found \"get\", expected one of \"GET\", \"HEAD\", \"POST\", \"PUT\", \"PATCH\", \"DELETE\", \"OPTIONS\"; did you mean \"GET\"?",
        ),
        (
            "match.methods = [\"GET\", \"GET\"]",
            "methods[1]: the same method twice: found \"GET\"",
        ),
        (
            "match.headers = { \"a b\" = \"x\" }",
            "headers.\"a b\": not a header name",
        ),
        (
            "match.headers = { a = \"x\", A = \"y\" }",
            "headers.A: the same name twice",
        ),
        (
            "match.headers = { a = \" x\" }",
            "headers.a: no request can have this value",
        ),
        (
            "match.header = {}",
            "header: unknown key, expected one of host, path, methods, headers, query; did you mean headers?",
        ),
    ];
    for (text, expected) in table {
        let found = invalid(&route(text));
        let (_, found) = found.split_once("routes[0].match.").unwrap();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_plugin_runs_once_in_a_route_and_must_exist() {
    let expected = "sluice.toml:4:60: routes[0].plugins[1]: the same plugin twice: found \"p\"\n\
        sluice.toml:4:65: routes[0].plugins[2]: no such plugin: found \"q\", expected \"p\"";
    let found = invalid(&route("plugins = [\"p\", \"p\", \"q\"]"));
    assert_eq!(found, expected);
}

#[test]
fn names_and_keys_are_unique() {
    let digest = "0".repeat(64);
    let text = format!(
        "{LISTENER}upstreams.u.targets = [\"u:1\"]\n\
        [[routes]]\nname = \"r\"\nupstreams = [\"u\"]\n[[routes]]\nname = \"r\"\nupstreams = [\"u\"]\n\
        [[consumers.a.credentials]]\nid = \"1\"\nprefix = \"abcd\"\nsha256 = \"{digest}\"\n\
        not_before = 2027-01-01T00:00:00Z\nexpires = 2027-01-01T00:00:00Z\n\
        [[consumers.b.credentials]]\nid = \"1\"\nprefix = \"abcd\"\nsha256 = \"{digest}\"\n"
    );
    let expected = "sluice.toml:7:1: routes[1].name: the name is taken: first at sluice.toml:4:1: found \"r\"\n\
        sluice.toml:14:1: consumers.a.credentials[0].expires: not after `not_before`: found 2027-01-01T00:00:00Z, expected a later time\n\
        sluice.toml:16:1: consumers.b.credentials[0].id: the id is taken: first at sluice.toml:10:1\n\
        sluice.toml:18:1: consumers.b.credentials[0].sha256: the same key is another credential: first at sluice.toml:12:1";
    assert_eq!(invalid(&text), expected);
}

#[test]
fn one_mistake_is_one_problem() {
    let text = format!(
        "{LISTENER}[upstreams.u]\ntargets = [\"u\"]\n[[routes]]\nname = \"r\"\nupstreams = [\"u\"]"
    );
    assert_eq!(invalid(&text).lines().count(), 1);
}

#[test]
fn a_flood_of_problems_is_counted() {
    let flood: String = (0..300).map(|n| format!("k{n} = 1\n")).collect();
    let found = invalid(&format!("{LISTENER}{flood}"));
    assert_eq!(found.lines().count(), 201);
    assert!(found.ends_with("\n100 more problems"));
}

#[test]
fn other_parts_report_at_the_nearest_place_that_exists() {
    let text =
        format!("{LISTENER}[plugins.\"a.b\"]\nsource = \"x.wasm\"\nconfig.names = [\"x\", 7]\n");
    let places = valid(&text).places;
    let key = super::super::plugin_key("a.b", "/names/1");
    let problem = places.problem(&key, "not a\nname");
    let expected = "sluice.toml:4:22: plugins.\"a.b\".config.names[1]: not a name";
    assert_eq!(problem.to_string(), expected);
    let at = |key: &str| places.problem(key, "x").place.map(|p| (p.line, p.column));
    assert_eq!(at("plugins.a.b.source"), Some((3, 1)));
    assert_eq!(at("plugins.\"a.b\".config.other.thing[3]"), Some((4, 1)));
    assert_eq!(at("plugins.\"a.b\".sha256"), Some((2, 10)));
    assert_eq!(at("nothing"), Some((1, 1)));
    assert_eq!(at(""), Some((1, 1)));
}

/// Texts that look like a configuration.
fn plausible() -> impl Strategy<Value = String> {
    let line = "(\\[\\[?)?(listeners|routes|plugins|consumers|upstreams|match|config|a|\"\\.\")(\\.(a|targets|source|credentials|limits|address|tls))?(\\]\\]?)?( = (\"[${}env:a-z0-9.%/*-]{0,8}\"|-?[0-9]{1,4}|\\[\\]|\\{\\}|true|nan|2027-01-01))?";
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_panics(text: String) {
        let _ = load_text("x.toml", &text, std::path::Path::new(""));
    }

    #[test]
    fn no_plausible_text_panics_and_every_problem_has_a_place(text in plausible()) {
        if let Err(rejected) = load_text("x.toml", &text, std::path::Path::new("")) {
            prop_assert!(!rejected.problems.is_empty());
            for problem in rejected.problems {
                prop_assert!(problem.place.is_some(), "{}", problem);
                prop_assert!(!problem.to_string().contains('\n'), "{:?}", problem);
            }
        }
    }
}
