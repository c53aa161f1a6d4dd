//! What a reload would change, in words.

use super::super::diff;
use super::valid;

const BEFORE: &str = r#"
[listeners.a]
address = "127.0.0.1:80"
[upstreams.u]
targets = ["u:1", "v:1"]
[plugins.stamp]
source = "stamp.wasm"
config = { secret = "hunter2" }
[plugins.gone]
source = "builtin:gone"
[[routes]]
name = "r"
upstreams = ["u"]
match = { headers = { x-token = "hunter2" } }
[[consumers.c.credentials]]
id = "c-1"
prefix = "abcd"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
"#;

const AFTER: &str = r#"
admin.address = "127.0.0.1:9901"
access_log.output = "off"
runtime.drain = "1m"
[listeners.a]
address = "127.0.0.1:81"
forwarded = true
limits.header_bytes = "16KiB"
timeouts.idle = "5s"
[upstreams.u]
targets = ["v:1", "w:1"]
balance = "least-request"
tls = { server_name = "u.example" }
[plugins.stamp]
source = "stamp.wasm"
config = { secret = "hunter3" }
grants.consumers = true
limits.memory = "32MiB"
[plugins.new]
source = "builtin:new"
grants.consumers = true
grants.http = ["u:/x", "https://login.example.com:443"]
[[routes]]
name = "r"
upstreams = ["u"]
plugins = ["new", "stamp"]
match = { path = "/a/{id}/*", headers = { x-token = "hunter3" } }
[[routes]]
name = "s"
upstreams = ["u"]
[[consumers.c.credentials]]
id = "c-1"
prefix = "abcd"
sha256 = "1000000000000000000000000000000000000000000000000000000000000000"
[[consumers.c.credentials]]
id = "c-2"
prefix = "abcd"
sha256 = "2000000000000000000000000000000000000000000000000000000000000000"
"#;

#[test]
fn a_reload_is_described_without_secrets() {
    let (before, after) = (valid(BEFORE).config, valid(AFTER).config);
    let expected = "~ listener a: address: 127.0.0.1:80 -> 127.0.0.1:81, forwarded: false -> true, limits.header_bytes: 32KiB -> 16KiB, timeouts.idle: 75s -> 5s
+ admin
~ runtime: drain: 30s -> 1m
~ access log: output: stdout -> off
~ upstream u: targets: + w:1, - u:1, balance: round-robin -> least-request, tls
- plugin gone
+ plugin new: grants newly asked for: consumers, grants newly asked for: http u:/x, grants newly asked for: http https://login.example.com
~ plugin stamp: grants newly asked for: consumers, limits.memory: 16MiB -> 32MiB, config
~ route r: match.path: /* -> /a/{id}/*, match.headers, plugins: + new, + stamp
+ route s
~ consumer c: credential: c-1 changed, credential: + c-2";
    assert_eq!(diff(&before, &after).to_string(), expected);
    assert!(diff(&before, &before).is_empty());
    assert_eq!(diff(&before, &before).to_string(), "no difference");
    let back = diff(&after, &before).to_string();
    assert!(
        back.contains("grants no longer asked for: consumers"),
        "{back}"
    );
    assert!(!back.contains("hunter"), "{back}");
}

#[test]
fn the_order_of_plugins_is_a_difference() {
    let text = |plugins: &str| {
        let more =
            "[plugins.p]\nsource = \"builtin:p\"\n[[routes]]\nname = \"o\"\nupstreams = [\"u\"]\n";
        valid(&format!("{BEFORE}{more}plugins = {plugins}")).config
    };
    let (before, after) = (text("[\"p\", \"stamp\"]"), text("[\"stamp\", \"p\"]"));
    let expected = "~ route o: plugins: in another order";
    assert_eq!(diff(&before, &after).to_string(), expected);
}
