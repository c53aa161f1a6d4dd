//! A server that is well, behind a network that is not.

use std::time::Duration;

use sluice_tests::tcp_proxy::Path;
use sluice_tests::{Redis, TcpProxy};

use crate::host::{Pair, Plan};

/// The network goes bad, and good again.
async fn survives(path: Path) {
    let redis = Redis::start().await;
    let proxy = TcpProxy::start(redis.address()).await;
    let mut pair = Pair::start(&Plan::of(proxy.address())).await;
    pair.count_together().await;
    proxy.set(path);
    pair.follow_the_table().await;
    proxy.set(Path::Pass);
    pair.count_together().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_slow_is_as_good_as_none_until_it_is_fast() {
    survives(Path::Delay(Duration::from_millis(500))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_is_as_good_as_none_until_it_answers() {
    survives(Path::Hold).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_whose_connections_are_cut_is_found_again() {
    survives(Path::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_whose_connections_are_reset_is_found_again() {
    survives(Path::Reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_cannot_be_reached_is_found_again() {
    survives(Path::Refuse).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_beside_a_redis_that_hangs_serves() {
    let redis = Redis::start().await;
    let proxy = TcpProxy::start(redis.address()).await;
    proxy.set(Path::Hold);
    let mut pair = Pair::start(&Plan::of(proxy.address())).await;
    pair.follow_the_table().await;
    proxy.set(Path::Pass);
    pair.count_together().await;
}
