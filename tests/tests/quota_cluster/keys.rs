//! What stands in Redis: apart for each plugin, expiring, and made for a cluster.

use std::collections::BTreeMap;

use sluice_tests::config::{route, upstream};
use sluice_tests::{Gateway, Redis, Settings, Upstream};

use crate::cluster::{ALGORITHMS, CONSISTENCIES, Cluster, name, of_team};

/// What stands between the braces of a key, which must be one pair.
fn tag(key: &str) -> &str {
    assert_eq!(key.matches('{').count(), 1, "{key}");
    assert_eq!(key.matches('}').count(), 1, "{key}");
    let (_, tag) = key.split_once('{').expect("just found");
    let (tag, _) = tag
        .split_once('}')
        .unwrap_or_else(|| panic!("no tag: {key}"));
    assert!(!tag.is_empty(), "{key}");
    tag
}

/// How often each tag stands in a key. All keys expire.
async fn tags(redis: &Redis) -> BTreeMap<String, usize> {
    let mut tags = BTreeMap::new();
    for key in redis.keys().await {
        *tags.entry(tag(&key).to_owned()).or_default() += 1;
        let left = redis.tell(&format!("PTTL {key}")).await.number();
        assert!(left > 0, "{key} lives for ever: {left}");
    }
    tags
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_expires_and_two_plugins_never_share_one() {
    let cluster = Cluster::start(1).await;
    let mut plugins = 0;
    for consistency in CONSISTENCIES {
        for (algorithm, _) in ALGORITHMS {
            let plugin = name(consistency, algorithm);
            for team in ["blue", "{}", "a{b}c"] {
                let passed = cluster.ask_for_the_rest(&plugin, team).await;
                assert!(passed > 0, "{plugin} shares what others have used");
            }
            plugins += 1;
            assert_eq!(tags(&cluster.redis).await.len(), 3 * plugins, "{plugin}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_are_taken_together_are_in_one_slot() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let limits = "[{ name = \"hourly\", amount = 10, window = \"1h\" }, \
         { name = \"yearly\", amount = 3, window = \"365d\", algorithm = \"fixed-window\" }, \
         { name = \"burst\", amount = 10, window = \"1h\", algorithm = \"token-bucket\" }]";
    let mut body = self::upstream("up", &[upstream.address()])
        + &format!(
            "[stores.shared]\nkind = \"redis\"\naddress = \"{}\"\ntimeout = \"10s\"\nprefix = \"mine\"\n",
            redis.address()
        );
    for plugin in ["one", "two"] {
        body += &format!(
            "[plugins.{plugin}]\nsource = \"builtin:quota\"\n[plugins.{plugin}.config]\n\
             limits = {limits}\nby = \"header:x-team\"\nstore = \"shared\"\n\
             on_store_error = \"deny\"\n"
        );
        body += &route(plugin, &format!("/{plugin}/*"), &[plugin], "up");
    }
    let gateway = Gateway::start(&Settings::new(body)).await;
    let mut client = gateway.client().await;
    for plugin in ["one", "two"] {
        for status in [200, 200, 200, 429] {
            let answer = client.fetch(of_team(plugin, "blue")).await;
            assert_eq!(answer.status, status, "{plugin}: {}", answer.text());
        }
    }
    let keys = redis.keys().await;
    assert!(keys.iter().all(|key| key.starts_with("mine:")), "{keys:?}");
    let tags = tags(&redis).await;
    assert_eq!(
        tags.values().copied().collect::<Vec<_>>(),
        [3, 3],
        "{keys:?}"
    );
}
