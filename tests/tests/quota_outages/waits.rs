//! How long requests wait for a store that does not answer.

use std::time::{Duration, Instant};

use sluice_tests::tcp_proxy::Path;
use sluice_tests::{Gateway, Redis, TcpProxy, Upstream, wait};
use tokio::task::JoinSet;

use crate::host::{MODES, Plan, ask, of_team};

const TIMEOUT: Duration = Duration::from_millis(100);
const REQUESTS: u32 = 150;

/// What `REQUESTS` took, one after the other, and the slowest of them.
async fn timed(gateway: &Gateway, mode: &str, statuses: &[u16]) -> (Duration, Duration) {
    let mut client = gateway.client().await;
    let (began, mut slowest) = (Instant::now(), Duration::ZERO);
    for _ in 0..REQUESTS {
        let sent = Instant::now();
        let status = client.fetch(of_team(mode, "waiting")).await.status;
        assert!(statuses.contains(&status.as_u16()), "{mode}: {status}");
        slowest = slowest.max(sent.elapsed());
    }
    (began.elapsed(), slowest)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_waits_longer_than_the_deadline_and_most_do_not_wait() {
    let redis = Redis::start().await;
    let proxy = TcpProxy::start(redis.address()).await;
    let upstream = Upstream::start().await;
    for path in [Path::Hold, Path::Delay(Duration::from_millis(500))] {
        for mode in MODES {
            let plan = Plan {
                amount: 1_000_000,
                timeout: "100ms",
                ..Plan::of(proxy.address())
            };
            proxy.set(Path::Pass);
            let gateway = Gateway::start(&plan.settings(upstream.address())).await;
            wait::until("a count on Redis", async || {
                (ask(&gateway, "deny", "first").await.status == 200).then_some(())
            })
            .await;
            let (without, alone) = timed(&gateway, "process", &[200]).await;
            proxy.set(path);
            let statuses: &[u16] = if mode == "deny" { &[200, 503] } else { &[200] };
            let (with, slowest) = timed(&gateway, mode, statuses).await;
            // Were each of them to wait for the deadline, or one for the answer.
            let all = TIMEOUT * REQUESTS;
            let what = format!(
                "{path:?}, {mode}: {with:?}, at most {slowest:?}; {without:?}, at most {alone:?}"
            );
            assert!(with < 2 * without + all / 3, "{what}");
            assert!(slowest < 20 * TIMEOUT.max(alone), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_wait_at_once_hold_up_nobody_else() {
    let redis = Redis::start().await;
    let proxy = TcpProxy::start(redis.address()).await;
    let upstream = Upstream::start().await;
    let plan = Plan {
        amount: 1_000_000,
        timeout: "10s",
        ..Plan::of(proxy.address())
    };
    let gateway = Gateway::start(&plan.settings(upstream.address())).await;
    wait::until("a count on Redis", async || {
        (ask(&gateway, "deny", "first").await.status == 200).then_some(())
    })
    .await;
    proxy.set(Path::Hold);
    let mut waiting = JoinSet::new();
    for at in 0..60 {
        let mut client = gateway.client().await;
        let team = format!("waiting-{at}");
        waiting.spawn(async move { client.fetch(of_team("deny", &team)).await.status });
    }
    // What counts here is answered while those wait.
    timed(&gateway, "process", &[200]).await;
    assert!(waiting.try_join_next().is_none(), "nobody waits");
    proxy.set(Path::Pass);
    let all = wait::within("those that waited", waiting.join_all()).await;
    assert!(all.iter().all(|status| *status == 200), "{all:?}");
}
