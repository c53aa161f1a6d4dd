//! Costs that responses say: charged to a Redis, also where shares are held, and
//! not charged, because Redis went away between a request and its response.

use std::sync::Arc;

use sluice_tests::upstream::raw::RawUpstream;
use sluice_tests::{Gateway, Redis, wait};
use tokio::sync::Semaphore;

use crate::host::{AMOUNT, MODES, Pair, Plan, ask, of_team, remaining};

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_not_lost_because_it_cannot_be_charged() {
    let (came, may_answer) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (comes, waits) = (came.clone(), may_answer.clone());
    let upstream = RawUpstream::start(move |mut connection| {
        let (comes, waits) = (comes.clone(), waits.clone());
        async move {
            while connection.head().await.is_some() {
                comes.add_permits(1);
                waits.acquire().await.expect("never closed").forget();
                let answer = "HTTP/1.1 200 OK\r\nx-cost: 2\r\ncontent-length: 4\r\n\r\nwork";
                connection.write(answer).await;
            }
        }
    })
    .await;
    for mode in MODES {
        let mut redis = Redis::start().await;
        let plan = Plan {
            quota: "cost = \"header:x-cost\"",
            timeout: "10s",
            ..Plan::of(redis.address())
        };
        let gateway = Gateway::start(&plan.settings(upstream.address())).await;
        may_answer.add_permits(1);
        let charged = ask(&gateway, mode, "paying").await;
        assert_eq!(remaining(&charged), Some(AMOUNT - 2), "{mode}");
        came.forget_permits(1);
        let mut client = gateway.client().await;
        let asking = tokio::spawn(async move { client.fetch(of_team(mode, "paying")).await });
        let forwarded = wait::within("a request that is forwarded", came.acquire()).await;
        forwarded.expect("never closed").forget();
        redis.kill();
        may_answer.add_permits(1);
        let answer = asking.await.expect("a response");
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (200, "work".into())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_responses_cost_ends_a_leased_limit_too() {
    let answer = "HTTP/1.1 200 OK\r\nx-cost: 40\r\ncontent-length: 0\r\n\r\n";
    let upstream = RawUpstream::answering(answer).await;
    let redis = Redis::start().await;
    let plan = Plan {
        quota: "cost = \"header:x-cost\"\nconsistency = \"lease\"",
        timeout: "10s",
        amount: 200,
        ..Plan::of(redis.address())
    };
    let gateway = Gateway::start(&plan.settings(upstream.address())).await;
    for left in [160, 120, 80, 40, 0] {
        let passed = ask(&gateway, "deny", "paying").await;
        assert_eq!(passed.status, 200);
        assert_eq!(remaining(&passed), Some(left));
    }
    assert_eq!(ask(&gateway, "deny", "paying").await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_tells_nobody_of_it_counts_as_well() {
    let redis = Redis::start().await;
    for consistency in ["strict", "lease"] {
        let more = format!("headers = \"none\"\nconsistency = \"{consistency}\"");
        let plan = Plan {
            quota: &more,
            ..Plan::of(redis.address())
        };
        let pair = Pair::start(&plan).await;
        let mut granted = 0;
        for turn in 0..2 * AMOUNT {
            let gateway = [&pair.first, &pair.second][usize::from(turn % 2 == 1)];
            let answer = ask(gateway, "deny", consistency).await;
            assert!(!answer.headers.contains_key("ratelimit"));
            match answer.status.as_u16() {
                200 => granted += 1,
                status => assert_eq!(status, 429),
            }
        }
        assert!(
            (1..=AMOUNT).contains(&granted),
            "{granted} by {consistency}"
        );
    }
}
