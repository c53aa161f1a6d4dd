//! The commands that end by themselves.

use sluice_tests::command::sluice;
use sluice_tests::{Gateway, Upstream, config, keys, plugins};

const CONFIG: &str = r#"[listeners.public]
address = "127.0.0.1:0"

[upstreams.v1]
targets = ["127.0.0.1:9001"]

[upstreams.v2]
targets = ["127.0.0.1:9002"]

[plugins.auth]
source = "builtin:key-auth"
config = { key_names = ["x-token"] }

[[routes]]
name = "order"
match = { host = "api.test", path = "/orders/{id}", methods = ["GET"] }
plugins = ["auth"]
upstreams = ["v1", "v2"]

[[routes]]
name = "beta"
match = { path = "/orders/*", headers = { x-beta = "yes" } }
upstreams = ["v2"]

[[routes]]
name = "rest"
upstreams = ["v1"]
"#;

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("sluice.toml"), text).expect("the configuration");
    folder
}

#[test]
fn every_command_has_help() {
    let folder = folder(CONFIG);
    let commands: &[&[&str]] = &[
        &[],
        &["run"],
        &["check"],
        &["explain"],
        &["diff"],
        &["plugin"],
        &["plugin", "inspect"],
        &["keys"],
        &["keys", "new"],
        &["reload"],
        &["rollback"],
        &["generations"],
        &["canary"],
        &["canary", "status"],
        &["canary", "rollback"],
    ];
    for command in commands {
        let help = sluice(folder.path(), command.iter().chain(&["--help"]));
        assert_eq!(help.code, Some(0), "{command:?}: {help:?}");
        assert!(
            help.stdout.contains("Usage"),
            "{command:?}: {}",
            help.stdout
        );
    }
    let unknown = sluice(folder.path(), ["chek"]);
    assert_ne!(unknown.code, Some(0));
    assert!(unknown.stderr.contains("check"), "{}", unknown.stderr);
}

#[test]
fn explain_says_which_route_and_why_not_the_others() {
    let folder = folder(CONFIG);
    let explain = |arguments: &[&str]| {
        let ended = sluice(
            folder.path(),
            ["explain", "sluice.toml"].iter().chain(arguments),
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    let text = explain(&["GET", "http://api.test/orders/7"]);
    for part in ["order", "auth", "x-token", "v1", "beta", "x-beta", "rest"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let text = explain(&["GET", "http://other.test/orders/7", "-H", "x-beta: yes"]);
    assert!(text.contains("beta") && text.contains("host"), "{text}");
    let nothing = sluice(
        folder.path(),
        ["explain", "sluice.toml", "GET", "http://a/../b"],
    );
    assert_ne!(nothing.code, Some(0), "{nothing:?}");
}

#[test]
fn diff_says_what_a_reload_would_change() {
    let folder = folder(CONFIG);
    let new = CONFIG
        .replace("127.0.0.1:9002", "127.0.0.1:9003")
        .replace("x-token", "x-other")
        .replace("name = \"rest\"", "name = \"remainder\"");
    std::fs::write(folder.path().join("new.toml"), new).expect("the configuration");
    let diff = sluice(folder.path(), ["diff", "sluice.toml", "new.toml"]);
    for part in [
        "~ upstream v2",
        "127.0.0.1:9003",
        "~ plugin auth",
        "- route rest",
        "+ route remainder",
    ] {
        assert!(diff.stdout.contains(part), "{part} is not in {diff:?}");
    }
    assert!(!diff.stdout.contains("upstream v1"), "{}", diff.stdout);
    let same = sluice(folder.path(), ["diff", "sluice.toml", "sluice.toml"]);
    assert_eq!(same.code, Some(0), "{same:?}");
}

#[test]
fn a_new_key_is_printed_once_with_its_line_of_toml() {
    let folder = folder(CONFIG);
    let made = sluice(folder.path(), ["keys", "new", "--id", "acme-7"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let text = made.stdout + &made.stderr;
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || "\"',".contains(c))
        .collect();
    let is_digest = |word: &&&str| word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit());
    let digest = words.iter().find(is_digest).expect("a digest");
    let key = words
        .iter()
        .find(|word| keys::sha256(word.as_bytes()) == **digest);
    let key = key.unwrap_or_else(|| panic!("no key of this digest: {text}"));
    assert!(key.len() >= 24, "a short key: {key}");
    assert!(text.contains("acme-7"), "{text}");
    let prefix = words
        .iter()
        .any(|word| key.starts_with(word) && (4..=16).contains(&word.len()));
    assert!(prefix, "no prefix: {text}");
    let line = text
        .lines()
        .find(|line| line.contains("sha256"))
        .expect("a line of TOML");
    let toml = if line.trim_start().starts_with('{') {
        format!("{CONFIG}\n[consumers.acme]\ncredentials = [{line}]\n")
    } else {
        format!("{CONFIG}\n[consumers.acme]\n{line}\n")
    };
    std::fs::write(folder.path().join("keyed.toml"), &toml).expect("the configuration");
    let check = sluice(folder.path(), ["check", "keyed.toml"]);
    assert_eq!(check.code, Some(0), "{check:?}\n{toml}");
}

#[test]
fn inspect_shows_what_a_plugin_can_do() {
    let folder = folder(CONFIG);
    let file = plugins::file("stamp_v1");
    let inspect = sluice(
        folder.path(),
        ["plugin", "inspect", file.to_str().expect("a path")],
    );
    assert_eq!(inspect.code, Some(0), "{inspect:?}");
    for part in ["on-request", "request-edit", "header", "Stamps"] {
        assert!(
            inspect.stdout.contains(part),
            "{part} is not in {}",
            inspect.stdout
        );
    }
    assert!(
        !inspect.stdout.contains("on-response-body"),
        "{}",
        inspect.stdout
    );
    let json = sluice(
        folder.path(),
        [
            "plugin",
            "inspect",
            "--json",
            file.to_str().expect("a path"),
        ],
    );
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert!(json.to_string().contains("on-request"), "{json}");
    let text = sluice(folder.path(), ["plugin", "inspect", "sluice.toml"]);
    assert_ne!(text.code, Some(0));
    assert!(text.stderr.contains("sluice.toml"), "{}", text.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gateway_is_reloaded_and_rolled_back_by_commands() {
    let upstreams = [Upstream::named("a").await, Upstream::named("b").await];
    let gateway = Gateway::start(&config::plain(upstreams[0].address())).await;
    let admin = gateway.admin().to_string();
    let run = |arguments: &[&str]| {
        let arguments = arguments.iter().copied().chain(["--admin", &admin]);
        sluice(gateway.folder(), arguments)
    };
    let first = gateway.generation().await;
    gateway.write(&config::plain(upstreams[1].address()));
    let reload = run(&["reload"]);
    assert_eq!(reload.code, Some(0), "{reload:?}");
    assert_eq!(gateway.get("/").await.header("x-upstream"), "b");
    let generations = run(&["generations"]);
    assert!(
        generations.stdout.contains(&first.to_string()),
        "{generations:?}"
    );
    assert_eq!(run(&["rollback"]).code, Some(0));
    assert_eq!(gateway.get("/").await.header("x-upstream"), "a");
    gateway.write_text("nonsense = 1");
    let rejected = run(&["reload"]);
    assert_ne!(rejected.code, Some(0));
    assert!((rejected.stderr + &rejected.stdout).contains("nonsense"));
    let nobody = sluice_tests::upstream::nobody().to_string();
    let unreachable = sluice(gateway.folder(), ["reload", "--admin", &nobody]);
    assert_ne!(unreachable.code, Some(0));
    assert!(unreachable.stderr.contains(&nobody), "{unreachable:?}");
}
