//! A server that is down, killed, emptied, demoted, full, or locked.

use http::Method;
use sluice_tests::load::{Load, Protocol};
use sluice_tests::{Gateway, Redis, Upstream, wait};

use crate::host::{AMOUNT, MODES, Pair, Plan, ask, of_team, remaining};

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_down_at_the_start_is_used_once_it_is_up() {
    let mut redis = Redis::start().await;
    redis.kill();
    let mut pair = Pair::start(&Plan::of(redis.address())).await;
    pair.follow_the_table().await;
    redis.start_again().await;
    pair.count_together().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_dies_under_load_fails_no_request_that_need_not_fail() {
    let mut redis = Redis::start().await;
    let plan = Plan {
        amount: 1_000_000,
        timeout: "5s",
        ..Plan::of(redis.address())
    };
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(&plan.settings(upstream.address())).await;
    let loads = MODES.map(|mode| {
        Load::start(
            gateway.address(),
            &[Protocol::Http1, Protocol::Http2],
            move || of_team(mode, "busy"),
            move |answer| match answer.status.as_u16() {
                200 => Ok(()),
                503 if mode == "deny" => Ok(()),
                other => Err(format!("{mode}: {other}: {}", answer.text())),
            },
        )
    });
    for _ in 0..2 {
        for load in &loads {
            load.goes_on_for(50).await;
        }
        redis.kill();
        wait::until("a request that is denied", async || {
            (ask(&gateway, "deny", "other").await.status == 503).then_some(())
        })
        .await;
        for load in &loads {
            load.goes_on_for(50).await;
        }
        redis.start_again().await;
        wait::until("a request that is counted", async || {
            (ask(&gateway, "deny", "other").await.status == 200).then_some(())
        })
        .await;
    }
    for load in loads {
        load.stop().await.assert_flawless();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_is_missed_and_found_again() {
    let mut redis = Redis::start().await;
    let mut pair = Pair::start(&Plan::of(redis.address())).await;
    pair.count_together().await;
    redis.kill();
    pair.follow_the_table().await;
    redis.start_again().await;
    pair.count_together().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_while_redis_is_away_is_applied_and_finds_it_again() {
    let mut redis = Redis::start().await;
    let mut plan = Plan::of(redis.address());
    let mut pair = Pair::start(&plan).await;
    pair.count_together().await;
    redis.kill();
    pair.follow_the_table().await;
    plan.timeout = "150ms";
    pair.apply(&plan).await;
    pair.follow_the_table().await;
    redis.start_again().await;
    pair.count_together().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leased_quotas_follow_the_same_table() {
    let mut redis = Redis::start().await;
    let plan = Plan {
        quota: "consistency = \"lease\"",
        ..Plan::of(redis.address())
    };
    let mut pair = Pair::start(&plan).await;
    pair.count_together().await;
    redis.kill();
    pair.follow_the_table().await;
    redis.start_again().await;
    pair.count_together().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_restarted_empty_counts_from_nothing() {
    let mut redis = Redis::start().await;
    let plan = Plan {
        timeout: "5s",
        ..Plan::of(redis.address())
    };
    let mut pair = Pair::start(&plan).await;
    pair.count_together().await;
    for _ in 0..AMOUNT {
        assert_eq!(ask(&pair.first, "deny", "eager").await.status, 200);
    }
    assert_eq!(ask(&pair.second, "deny", "eager").await.status, 429);
    redis.start_again().await;
    let left = wait::until("an empty count", async || {
        let answer = ask(&pair.second, "deny", "eager").await;
        (answer.status == 200).then(|| remaining(&answer))
    });
    assert_eq!(left.await, Some(AMOUNT - 1));
    pair.count_together().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_became_a_replica_is_used_again_as_a_primary() {
    let redis = Redis::start().await;
    let mut pair = Pair::start(&Plan::of(redis.address())).await;
    pair.count_together().await;
    // Nobody is there to be copied from, so what it holds stays.
    redis.tell("REPLICAOF 127.0.0.1 1").await;
    pair.follow_the_table().await;
    redis.tell("REPLICAOF NO ONE").await;
    pair.count_together().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_full_is_a_store_that_fails() {
    let redis = Redis::start().await;
    let mut pair = Pair::start(&Plan::of(redis.address())).await;
    pair.count_together().await;
    redis.tell("CONFIG SET maxmemory 1").await;
    pair.follow_the_table().await;
    assert!(pair.first.log().contains("OOM"), "nobody says why");
    redis.tell("CONFIG SET maxmemory 0").await;
    pair.count_together().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_takes_another_password_is_a_store_that_fails() {
    const PASSWORD: &str = "pw-41d07b8e4a3f";
    let redis = Redis::start().await;
    redis.tell("CONFIG SET requirepass another").await;
    let store = format!("password = \"{PASSWORD}\"");
    let plan = Plan {
        store: &store,
        ..Plan::of(redis.address())
    };
    let mut pair = Pair::start(&plan).await;
    pair.follow_the_table().await;
    redis.set_password("another", PASSWORD).await;
    pair.count_together().await;
    for gateway in [&pair.first, &pair.second] {
        let metrics = gateway.ask_admin(Method::GET, "/metrics").await;
        let said = gateway.log() + &gateway.access_log() + &metrics.text();
        assert!(said.contains("authentication failed"), "{said}");
        assert!(!said.contains(PASSWORD), "the password is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_wants_a_password_from_now_on_is_a_store_that_fails() {
    let redis = Redis::start().await;
    let mut pair = Pair::start(&Plan::of(redis.address())).await;
    pair.count_together().await;
    redis.tell("CONFIG SET requirepass another").await;
    redis.hang_up("another").await;
    pair.follow_the_table().await;
    assert!(pair.first.log().contains("NOAUTH"), "nobody says why");
    redis.set_password("another", "").await;
    pair.count_together().await;
}
