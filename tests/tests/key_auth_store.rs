//! key-auth with keys that stand in Redis, where somebody else writes them.

use sluice_tests::client::{With, get};
use sluice_tests::command::sluice;
use sluice_tests::config::{route, upstream};
use sluice_tests::{Gateway, Redis, Settings, Upstream, keys, wait};

const CONFIGURED: &str = "k_9f2c41d07b8e4a3f9d6c5b2a10ffeedd";
const STORED: &str = "k_stored07b8e4a3f9d6c5b2a10ffeedd";

/// A path for each plugin, which has this configuration.
const PLUGINS: [(&str, &str); 3] = [
    ("deny", "cache = \"0s\""),
    ("local", "cache = \"0s\", on_store_error = \"local\""),
    ("cached", "cache = \"300ms\""),
];

fn settings(to: &Upstream, redis: &Redis) -> Settings {
    let mut body = upstream("up", &[to.address()]);
    body += &format!(
        "[stores.shared]\nkind = \"redis\"\naddress = \"{}\"\ntimeout = \"5s\"\nprefix = \"shop\"\n",
        redis.address()
    );
    for (name, config) in PLUGINS {
        body += &format!(
            "[plugins.{name}]\nsource = \"builtin:key-auth\"\nconfig = {{ store = \"shared\", {config} }}\n"
        );
        body += &route(name, &format!("/{name}/*"), &[name], "up");
    }
    body += &format!(
        "[consumers.acme]\ngroups = [\"premium\"]\ncredentials = [{}]\n",
        keys::credential("acme-1", CONFIGURED)
    );
    Settings::new(body)
}

/// The name of an entry in Redis.
fn name(plugin: &str, key: &str) -> String {
    format!("shop:{{{plugin}/{}}}::value", keys::sha256(key.as_bytes()))
}

async fn write(redis: &Redis, plugin: &str, key: &str, entry: &str) {
    redis
        .tell(&format!("SET {} {entry}", name(plugin, key)))
        .await;
}

async fn take_out(redis: &Redis, plugin: &str, key: &str) {
    let gone = redis.tell(&format!("DEL {}", name(plugin, key))).await;
    assert_eq!(gone.number(), 1, "there was no such key");
}

/// The status of the answer to a request with this key.
async fn status(gateway: &Gateway, plugin: &str, key: &str) -> u16 {
    let request = get(&format!("/{plugin}/x")).with("x-api-key", key);
    gateway.client().await.fetch(request).await.status.as_u16()
}

const ENTRY: &str = r#"{"consumer":"acme","id":"acme-9"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_put_into_redis_works_without_a_reload_until_it_is_taken_out() {
    let (upstream, redis) = (Upstream::start().await, Redis::start().await);
    let gateway = Gateway::start(&settings(&upstream, &redis)).await;
    let before = gateway.generation().await;
    for _ in 0..2 {
        assert_eq!(status(&gateway, "deny", STORED).await, 401);
        write(&redis, "deny", STORED, ENTRY).await;
        let request = get("/deny/x").with("x-api-key", STORED);
        let seen = gateway.client().await.fetch(request).await.seen();
        assert_eq!(seen.header("x-consumer-id"), Some("acme"));
        assert_eq!(seen.header("x-consumer-groups"), Some("premium"));
        assert_eq!(seen.header("x-credential-id"), Some("acme-9"));
        assert_eq!(seen.header("x-api-key"), None);
        take_out(&redis, "deny", STORED).await;
    }
    assert_eq!(status(&gateway, "deny", CONFIGURED).await, 200);
    assert_eq!(gateway.generation().await, before);
    assert!(!gateway.log().contains(STORED), "the key is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_taken_out_stops_working_once_it_is_forgotten() {
    let (upstream, redis) = (Upstream::start().await, Redis::start().await);
    let gateway = Gateway::start(&settings(&upstream, &redis)).await;
    write(&redis, "cached", STORED, ENTRY).await;
    assert_eq!(status(&gateway, "cached", STORED).await, 200);
    take_out(&redis, "cached", STORED).await;
    wait::until("a key that is refused", async || {
        (status(&gateway, "cached", STORED).await == 401).then_some(())
    })
    .await;
    write(&redis, "cached", STORED, ENTRY).await;
    wait::until("a key that is known", async || {
        (status(&gateway, "cached", STORED).await == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_that_makes_a_key_says_what_to_tell_redis() {
    let (upstream, redis) = (Upstream::start().await, Redis::start().await);
    let gateway = Gateway::start(&settings(&upstream, &redis)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let words = "keys new --id acme-9 --plugin deny --consumer acme --prefix shop";
    let made = sluice(folder.path(), words.split(' '));
    assert_eq!(made.code, Some(0), "{made:?}");
    let (key, command) = made.stdout.trim_end().split_once('\n').expect("two lines");
    assert!(!command.contains(key), "the key is in what Redis gets");
    redis.tell(&command.replace('\'', "")).await;
    assert_eq!(status(&gateway, "deny", key).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_do_not_share_their_keys() {
    let (upstream, redis) = (Upstream::start().await, Redis::start().await);
    let gateway = Gateway::start(&settings(&upstream, &redis)).await;
    write(&redis, "deny", STORED, ENTRY).await;
    assert_eq!(status(&gateway, "deny", STORED).await, 200);
    assert_eq!(status(&gateway, "local", STORED).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_no_good_opens_nothing_and_is_named_in_the_log() {
    let (upstream, redis) = (Upstream::start().await, Redis::start().await);
    let gateway = Gateway::start(&settings(&upstream, &redis)).await;
    for (entry, says) in [
        ("acme", "not a JSON object"),
        (
            r#"{"consumer":"root","id":"a"}"#,
            "no such consumer: `root`",
        ),
        (r#"{"consumer":"acme","id":"a\r\nx-a:b"}"#, "`id`: expected"),
        (r#"["acme","a"]"#, "not a JSON object"),
    ] {
        write(&redis, "deny", STORED, entry).await;
        assert_eq!(status(&gateway, "deny", STORED).await, 401, "{says}");
    }
    gateway
        .logs(&[&keys::sha256(STORED.as_bytes()), "not a JSON object"])
        .await;
    redis.tell(&format!("DEL {}", name("deny", STORED))).await;
    redis
        .tell(&format!("HSET {} consumer acme", name("deny", STORED)))
        .await;
    assert_eq!(
        status(&gateway, "deny", STORED).await,
        503,
        "not a value at all"
    );
    redis.tell(&format!("DEL {}", name("deny", STORED))).await;
    write(&redis, "deny", STORED, ENTRY).await;
    assert_eq!(status(&gateway, "deny", STORED).await, 200);
    assert_eq!(upstream.requests(), 1, "a refused request was forwarded");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_only_the_keys_of_the_configuration_are_known() {
    let (upstream, mut redis) = (Upstream::start().await, Redis::start().await);
    redis.kill();
    let gateway = Gateway::start(&settings(&upstream, &redis)).await;
    for _ in 0..2 {
        for (plugin, refused) in [("deny", 503), ("local", 401)] {
            wait::until("a store that fails", async || {
                (status(&gateway, plugin, STORED).await == refused).then_some(())
            })
            .await;
            assert_eq!(status(&gateway, plugin, CONFIGURED).await, 200);
        }
        redis.start_again().await;
        for plugin in ["deny", "local"] {
            write(&redis, plugin, STORED, ENTRY).await;
            wait::until("a store that answers", async || {
                (status(&gateway, plugin, STORED).await == 200).then_some(())
            })
            .await;
        }
        redis.kill();
    }
    gateway.logs(&["store `shared` fails"]).await;
    gateway.logs(&["store `shared` answers again"]).await;
}
