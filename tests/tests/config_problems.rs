//! Configurations with mistakes: what `check` says, and that a running gateway goes on as before.

use sluice_tests::client::get;
use sluice_tests::command::{refused_run, sluice};
use sluice_tests::config::{plain, route, upstream};
use sluice_tests::load::{self, Load, Protocol};
use sluice_tests::{Gateway, Settings, Upstream};

/// One mistake: a good line, the bad one in its place, and what must be said.
struct Mistake {
    what: &'static str,
    good: &'static str,
    bad: &'static str,
    /// The key that is named.
    key: &'static str,
    /// More that the line must say.
    says: &'static [&'static str],
}

const GOOD: &str = r#"[listeners.public]
address = "127.0.0.1:0"

[admin]
address = "127.0.0.1:0"

[runtime]
workers = 1
compile_cache = "CACHE"

[upstreams.orders]
targets = ["127.0.0.1:9"]
balance = "round-robin"

[upstreams.orders.timeouts]
connect = "5s"

[stores.shared]
kind = "redis"
address = "127.0.0.1:9"
username = "sluice"
password = "hunter2hunter2"
tls = { server_name = "redis.internal" }

[plugins.auth]
source = "builtin:key-auth"
config = { key_names = ["x-api-key"] }

[plugins.limit]
source = "builtin:quota"
config = { limits = [{ name = "hourly", amount = 5, window = "1h" }], store = "shared" }

[[routes]]
name = "orders"
match = { path = "/orders/{id}" }
plugins = ["auth"]
upstreams = ["orders"]

[[routes]]
name = "rest"
upstreams = ["orders"]
"#;

const MISTAKES: &[Mistake] = &[
    Mistake {
        what: "a key with a typo",
        good: "balance = \"round-robin\"",
        bad: "balanse = \"round-robin\"",
        key: "upstreams.orders.balanse",
        says: &["did you mean", "balance"],
    },
    Mistake {
        what: "a table with a typo",
        good: "[upstreams.orders.timeouts]",
        bad: "[upstreams.orders.timeout]",
        key: "upstreams.orders.timeout",
        says: &["timeouts"],
    },
    Mistake {
        what: "a wrong type",
        good: "workers = 1",
        bad: "workers = \"one\"",
        key: "runtime.workers",
        says: &["found", "expected"],
    },
    Mistake {
        what: "a duration without a unit",
        good: "connect = \"5s\"",
        bad: "connect = 5",
        key: "upstreams.orders.timeouts.connect",
        says: &["found", "expected"],
    },
    Mistake {
        what: "an unknown upstream",
        good: "plugins = [\"auth\"]\nupstreams = [\"orders\"]",
        bad: "plugins = [\"auth\"]\nupstreams = [\"order\"]",
        key: "routes[0].upstreams[0]",
        says: &["order", "did you mean", "orders"],
    },
    Mistake {
        what: "an unknown plugin",
        good: "plugins = [\"auth\"]",
        bad: "plugins = [\"aut\"]",
        key: "routes[0].plugins[0]",
        says: &["aut", "did you mean", "auth"],
    },
    Mistake {
        what: "an unknown built-in",
        good: "builtin:key-auth",
        bad: "builtin:key-outh",
        key: "plugins.auth.source",
        says: &["key-auth"],
    },
    Mistake {
        what: "two equal routes",
        good: "name = \"rest\"",
        bad: "name = \"rest\"\nmatch = { path = \"/orders/{number}\" }",
        key: "routes[1]",
        says: &["\"orders\""],
    },
    Mistake {
        what: "a plugin configuration with an unknown key",
        good: "key_names =",
        bad: "key_name =",
        key: "plugins.auth.config",
        says: &["key_name"],
    },
    Mistake {
        what: "a plugin configuration that configure refuses",
        good: "key_names = [\"x-api-key\"]",
        bad: "key_names = [\"x-api-key\"], anonymous = \"nobody\"",
        key: "plugins.auth.config.anonymous",
        says: &["nobody"],
    },
    Mistake {
        what: "keys in a store that does not exist",
        good: "key_names = [\"x-api-key\"]",
        bad: "key_names = [\"x-api-key\"], store = \"locla\"",
        key: "plugins.auth.config.store",
        says: &["no such store: `locla`", "did you mean `local`"],
    },
    Mistake {
        what: "keys in a store that nobody can write to",
        good: "key_names = [\"x-api-key\"]",
        bad: "key_names = [\"x-api-key\"], store = \"local\"",
        key: "plugins.auth.config.store",
        says: &["memory of this process", "kind = \"redis\""],
    },
    Mistake {
        what: "a broken line",
        good: "workers = 1",
        bad: "workers = = 1",
        key: "",
        says: &[],
    },
    Mistake {
        what: "a user of a store without a password",
        good: "password = \"hunter2hunter2\"",
        bad: "database = 0",
        key: "stores.shared.username",
        says: &["password"],
    },
    Mistake {
        what: "a server's name that is none",
        good: "server_name = \"redis.internal\"",
        bad: "server_name = \"redis internal\"",
        key: "stores.shared.tls.server_name",
        says: &["redis internal"],
    },
    Mistake {
        what: "a store that is not there",
        good: "store = \"shared\"",
        bad: "store = \"shard\"",
        key: "plugins.limit.config.store",
        says: &["shard", "shared"],
    },
    Mistake {
        what: "an amount of nothing",
        good: "amount = 5",
        bad: "amount = 0",
        key: "plugins.limit.config.limits[0].amount",
        says: &[],
    },
];

fn written(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = sluice_tests::paths::compile_cache().display().to_string();
    let text = text.replace("CACHE", &cache);
    std::fs::write(folder.path().join("sluice.toml"), &text).expect("the configuration");
    (folder, text)
}

/// The line, from 1, on which the mistake stands.
fn line_of(text: &str, mistake: &Mistake) -> usize {
    let at = text.find(mistake.bad).expect("the mistake");
    // The last line of the replacement that differs from the good text.
    text[..at + mistake.bad.len()].lines().count()
}

#[test]
fn a_good_configuration_has_no_problem() {
    let (folder, _) = written(GOOD);
    let check = sluice(folder.path(), ["check", "sluice.toml"]);
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[test]
fn check_names_every_mistake_with_its_place() {
    for mistake in MISTAKES {
        let Mistake {
            what,
            good,
            bad,
            key,
            says,
        } = mistake;
        let (folder, text) = written(&GOOD.replacen(good, bad, 1));
        let check = sluice(folder.path(), ["check", "sluice.toml"]);
        assert_eq!(check.code, Some(1), "{what}: {check:?}");
        let (last, first) = (
            line_of(&text, mistake),
            line_of(&text, mistake) - bad.matches('\n').count(),
        );
        let problem = check.stderr.lines().find(|line| {
            (first.saturating_sub(1)..=last + 1)
                .any(|number| line.starts_with(&format!("sluice.toml:{number}:")))
        });
        let problem = problem.unwrap_or_else(|| panic!("{what}: no place in {}", check.stderr));
        assert!(problem.contains(key), "{what}: {key} is not in {problem}");
        for part in *says {
            assert!(problem.contains(part), "{what}: {part} is not in {problem}");
        }
    }
}

#[test]
fn check_names_all_mistakes_at_once() {
    let compatible: Vec<&Mistake> = MISTAKES
        .iter()
        .filter(|mistake| mistake.what != "a broken line")
        .take(6)
        .collect();
    let mut text = GOOD.to_owned();
    for Mistake { good, bad, .. } in &compatible {
        // The two that touch the same lines of the first route.
        if text.contains(good) {
            text = text.replacen(good, bad, 1);
        }
    }
    let (folder, _) = written(&text);
    let check = sluice(folder.path(), ["check", "sluice.toml"]);
    assert_eq!(check.code, Some(1));
    let keys = ["balanse", "timeout", "runtime.workers", "routes[0]"];
    for key in keys {
        assert!(
            check.stderr.contains(key),
            "{key} is not in {}",
            check.stderr
        );
    }
}

#[test]
fn check_speaks_json() {
    let (folder, _) = written(&GOOD.replace("balance =", "balanse ="));
    let check = sluice(folder.path(), ["check", "--json", "sluice.toml"]);
    assert_eq!(check.code, Some(1));
    let found: serde_json::Value =
        serde_json::from_str(&check.stdout).unwrap_or_else(|error| panic!("{error}: {check:?}"));
    let problems = found["problems"]
        .as_array()
        .or(found.as_array())
        .expect("problems");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0]["key"], "upstreams.orders.balanse");
    assert_eq!(problems[0]["place"]["line"], 13);
    assert!(
        problems[0]["nearest"]
            .as_str()
            .is_some_and(|nearest| nearest.contains("balance"))
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in ["check", "run"] {
        let ended = sluice(folder.path(), [command, "nowhere.toml"]);
        assert_ne!(ended.code, Some(0));
        assert!(ended.stderr.contains("nowhere.toml"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn run_refuses_what_check_refuses() {
    for mistake in [&MISTAKES[0], &MISTAKES[7], &MISTAKES[9]] {
        let (folder, _) = written(&GOOD.replacen(mistake.good, mistake.bad, 1));
        let run = refused_run(folder.path(), "sluice.toml").await;
        assert_ne!(run.code, Some(0), "{}", mistake.what);
        assert!(
            run.stderr.contains(mistake.key),
            "{}: {}",
            mistake.what,
            run.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let (folder, _) = written(&GOOD.replacen("127.0.0.1:0", &address, 1));
    let run = refused_run(folder.path(), "sluice.toml").await;
    assert_ne!(run.code, Some(0));
    assert!(run.stderr.contains(&address), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_with_a_mistake_changes_nothing_and_says_why() {
    let target = Upstream::start().await;
    let base = upstream("orders", &[target.address()]) + "balance = \"round-robin\"\n";
    let rest =
        "[plugins.auth]\nsource = \"builtin:key-auth\"\nconfig = { key_names = [\"x-api-key\"] }\n"
            .to_owned()
            + &route("closed", "/closed", &["auth"], "orders")
            + &route("open", "/open", &[], "orders");
    let good = Settings::new(base.clone() + &rest);
    let gateway = Gateway::start(&good).await;
    let load = Load::start(
        gateway.address(),
        &[Protocol::Http1, Protocol::Http2],
        || get("/open"),
        load::ok,
    );
    let generation = gateway.generation().await;
    let mistakes = [
        ("balance =", "balanse =", "upstreams.orders.balanse"),
        ("\"/closed\"", "\"/open\"", "routes[1]"),
        (
            "plugins = [\"auth\"]",
            "plugins = [\"aut\"]",
            "routes[0].plugins[0]",
        ),
        (
            "key_names = [\"x-api-key\"]",
            "anonymous = \"nobody\"",
            "plugins.auth.config.anonymous",
        ),
        ("builtin:key-auth", "nowhere.wasm", "plugins.auth.source"),
    ];
    for (rejected, (from, to, key)) in (1..).zip(mistakes) {
        gateway.write_text(&good.toml().replacen(from, to, 1));
        let reload = gateway.reload().await;
        assert_eq!(
            (reload.status.as_u16(), reload.outcome.as_str()),
            (422, "rejected"),
            "{key}"
        );
        let named = reload.problems.iter().any(|problem| {
            problem["key"]
                .as_str()
                .is_some_and(|found| found.starts_with(key))
        });
        assert!(named, "{key} is not in {:?}", reload.problems);
        let place = &reload.problems[0]["place"];
        assert!(
            place["line"].as_u64().is_some_and(|line| line > 0),
            "{:?}",
            reload.problems
        );
        gateway.logs(&[key]).await;
        let metrics = gateway.metrics().await;
        assert_eq!(
            metrics.sum("sluice_reloads_total", &[("outcome", "rejected")]),
            f64::from(rejected)
        );
        assert_eq!(gateway.generation().await, generation);
        load.goes_on_for(20).await;
    }
    load.stop().await.assert_flawless();
    gateway.write(&good);
    assert_eq!(gateway.reload().await.outcome, "unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_read_and_never_said() {
    let target = Upstream::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), "x-hidden-header").expect("a secret");
    let text = plain(target.address()).toml()
        + "[plugins.auth]\nsource = \"builtin:key-auth\"\nconfig = { key_names = [\"${file:secret}\"], anonymous = \"${file:secret}\" }\n";
    std::fs::write(folder.path().join("sluice.toml"), text).expect("the configuration");
    let check = sluice(folder.path(), ["check", "sluice.toml"]);
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(
        check.stderr.contains("plugins.auth.config.anonymous"),
        "{}",
        check.stderr
    );
    assert!(
        !check.stderr.contains("x-hidden-header"),
        "{}",
        check.stderr
    );
}
