//! Shares: taken once for many, given back, and gone in time.

use std::time::Duration;

use super::share::{IDLE, Share};
use super::*;
use crate::store::redis::tests::server::Server;
use crate::store::redis::tests::{limit, set, store, take, until};
use crate::store::{Algorithm, Consistency, Standing, Store};

fn hour(amount: u64) -> Arc<LimitSet> {
    let limit = limit("h", amount, 3_600_000, Algorithm::SlidingWindow);
    set(Consistency::Lease, vec![limit])
}

async fn left(store: &Store, amount: u64) -> u64 {
    let limit = limit("h", amount, 3_600_000, Algorithm::SlidingWindow);
    let strict = set(Consistency::Strict, vec![limit]);
    let ticket = take(store, &strict, "k", 0).await.unwrap();
    ticket.standings[0].remaining
}

#[tokio::test]
async fn a_busy_key_asks_seldom_and_the_more_it_is_used_the_less() {
    let server = Server::start();
    let (store, set) = (store(&server), hour(1_000_000));
    for _ in 0..5000 {
        assert!(take(&store, &set, "k", 1).await.unwrap().granted);
    }
    let usage = store.usage();
    assert!(usage.lease_misses < 100, "{usage:?}");
    assert!(usage.lease_hits > 4900, "{usage:?}");
}

#[tokio::test]
async fn what_an_idle_key_holds_goes_back() {
    let server = Server::start();
    let (store, set) = (store(&server), hour(10_000));
    for _ in 0..100 {
        take(&store, &set, "k", 1).await.unwrap();
    }
    until("it goes back", || async {
        left(&store, 10_000).await == 9900
    })
    .await;
}

#[tokio::test]
async fn what_is_held_goes_back_at_the_end() {
    let server = Server::start();
    let (store, set) = (store(&server), hour(10_000));
    for _ in 0..100 {
        take(&store, &set, "k", 1).await.unwrap();
    }
    assert!(store.usage().lease_hits > 0);
    store.give_back().await;
    assert_eq!(left(&store, 10_000).await, 9900);
}

#[tokio::test]
async fn one_process_gets_the_whole_limit_to_the_last_unit() {
    let server = Server::start();
    let (store, set) = (store(&server), hour(777));
    let mut granted = 0;
    while take(&store, &set, "k", 1).await.unwrap().granted {
        granted += 1;
    }
    assert_eq!(granted, 777);
}

#[tokio::test]
async fn many_at_once_share_one_question() {
    let server = Server::start();
    let (store, set) = (store(&server), hour(1_000_000));
    for _ in 0..500 {
        take(&store, &set, "k", 1).await.unwrap();
    }
    store.give_back().await;
    let before = store.usage().lease_misses;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (store, set) = (store.clone(), set.clone());
        tasks.spawn(async move { take(&store, &set, "k", 1).await.unwrap().granted });
    }
    assert_eq!(tasks.join_all().await, [true; 100]);
    // A few more where a slot ends just now.
    assert!(store.usage().lease_misses - before < 4);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_one_waiting() {
    let server = Server::start();
    let (store, set) = (store(&server), hour(1_000_000));
    for _ in 0..50 {
        // Polled once: the question is under way, and nobody waits for it.
        let asking = tokio::task::unconstrained(store.take(set.clone(), b"k".to_vec(), 1));
        let _ = tokio::time::timeout(Duration::ZERO, asking).await;
    }
    assert!(take(&store, &set, "k", 1).await.unwrap().granted);
}

#[tokio::test]
async fn windows_that_are_too_short_to_share_are_always_asked_for() {
    let server = Server::start();
    let store = store(&server);
    let set = set(
        Consistency::Lease,
        vec![limit("s", 1_000_000, 1000, Algorithm::SlidingWindow)],
    );
    for _ in 0..50 {
        assert!(store.try_take(&set, b"k", 1).is_none());
        assert!(take(&store, &set, "k", 1).await.unwrap().granted);
    }
    assert_eq!(store.usage().lease_hits, 0);
}

#[tokio::test]
async fn a_server_that_is_gone_does_not_stop_what_is_held() {
    let mut server = Server::start();
    let (store, set) = (store(&server), hour(1_000_000));
    for _ in 0..1000 {
        take(&store, &set, "k", 1).await.unwrap();
    }
    server.kill();
    let mut held = 0;
    while let Some(answer) = store.try_take(&set, b"k", 1) {
        assert!(answer.unwrap().granted);
        held += 1;
    }
    assert!(held < 100_000, "shares end");
    assert!(take(&store, &set, "k", 1).await.is_err());
}

#[tokio::test]
async fn what_a_server_counted_that_is_gone_is_not_given_back_to_another() {
    let mut server = Server::start();
    let (store, set) = (store(&server), hour(10_000));
    for _ in 0..200 {
        take(&store, &set, "k", 1).await.unwrap();
    }
    assert!(store.usage().lease_hits > 0, "nothing is held");
    server.start_again();
    // Counted by the new server, and by nobody else.
    let limit = limit("h", 10_000, 3_600_000, Algorithm::SlidingWindow);
    let strict = self::set(Consistency::Strict, vec![limit]);
    until("it is connected again", || async {
        take(&store, &strict, "k", 500).await.is_ok()
    })
    .await;
    let left_now = left(&store, 10_000).await;
    assert!(store.try_take(&set, b"k", 1).is_none(), "it is used");
    store.give_back().await;
    assert_eq!(left(&store, 10_000).await, left_now);
}

#[tokio::test]
async fn what_is_charged_afterwards_holds_back_who_only_asks() {
    let server = Server::start();
    let (store, set) = (store(&server), hour(50));
    let mut granted = 0;
    while take(&store, &set, "k", 0).await.unwrap().granted {
        granted += 1;
        store.charge(set.clone(), b"k".into(), 10).await.unwrap();
        assert!(granted <= 5, "five times ten are charged");
    }
    assert_eq!(granted, 5);
}

#[tokio::test]
async fn a_charge_uses_what_is_held() {
    let server = Server::start();
    let (store, set) = (store(&server), hour(1000));
    for _ in 0..20 {
        take(&store, &set, "k", 1).await.unwrap();
    }
    store.charge(set.clone(), b"k".into(), 970).await.unwrap();
    let mut granted = 0;
    while take(&store, &set, "k", 1).await.unwrap().granted {
        granted += 1;
    }
    assert_eq!(granted, 10);
    assert_eq!(left(&store, 1000).await, 0);
}

fn taken(share: u64, live_ms: u64, mark: u64) -> Taken {
    Taken {
        ticket: Ticket {
            granted: true,
            standings: vec![Standing {
                remaining: 50,
                reset_ms: 9000,
                retry_ms: 0,
            }],
        },
        share,
        live_us: live_ms * 1000,
        marks: vec![mark],
        connection: 1,
    }
}

#[test]
fn a_share_is_used_up_and_not_used_after_its_time() {
    let start = Instant::now();
    let mut share = Share::new(hour(100), start);
    let at = |ms| start + Duration::from_millis(ms);
    assert_eq!(share.take(start, 1), None);
    assert_eq!(share.keep(start, at(10), 1, &taken(5, 1000, 1)), None);
    let ticket = share.take(at(100), 2).unwrap();
    assert_eq!(ticket.standings[0].remaining, 53);
    assert_eq!(ticket.standings[0].reset_ms, 8900);
    assert_eq!(share.take(at(100), 4), None);
    // It ends a little before the second that it was told, counted from the question.
    assert!(share.take(at(997), 1).is_some());
    assert_eq!(share.take(at(998), 1), None);
    let unused = share.over(at(998)).unwrap();
    assert_eq!((unused.units, unused.marks), (2, vec![1]));
    assert_eq!(share.over(at(998)), None);
}

#[test]
fn a_charge_lowers_what_a_share_may_grant() {
    let start = Instant::now();
    let mut share = Share::new(hour(100), start);
    let at = |ms| start + Duration::from_millis(ms);
    assert_eq!(share.charge(start, 3), 3);
    share.keep(start, start, 1, &taken(5, 1000, 1));
    assert_eq!(share.charge(at(100), 3), 0);
    assert_eq!(share.take(at(100), 3), None);
    assert!(share.take(at(100), 1).is_some());
    assert_eq!(share.charge(at(100), 9), 8);
    share.keep(at(100), at(100), 1, &taken(5, 100, 1));
    // What is over goes back, and is charged anew.
    assert_eq!(share.charge(at(300), 2), 2);
    assert_eq!(share.over(at(300)).unwrap().units, 5);
}

#[test]
fn what_is_left_of_another_window_goes_back_where_it_came_from() {
    let now = Instant::now();
    let mut share = Share::new(hour(100), now);
    share.keep(now, now, 1, &taken(5, 1000, 1));
    assert_eq!(share.keep(now, now, 1, &taken(3, 1000, 1)), None);
    let unused = share.keep(now, now, 1, &taken(7, 1000, 2)).unwrap();
    assert_eq!((unused.units, unused.marks), (8, vec![1]));
    let unused = share.over(now + IDLE).unwrap();
    assert_eq!((unused.units, unused.marks), (7, vec![2]));
}

#[test]
fn what_was_taken_on_another_connection_is_dropped() {
    let now = Instant::now();
    let mut share = Share::new(hour(100), now);
    share.keep(now, now, 1, &taken(5, 1000, 1));
    share.only_of(1);
    assert!(share.take(now, 1).is_some());
    let of_another = Taken {
        connection: 2,
        ..taken(3, 1000, 1)
    };
    let unused = share.keep(now, now, 1, &of_another).unwrap();
    assert_eq!((unused.units, unused.connection), (4, 1));
    share.only_of(3);
    assert_eq!(share.take(now, 1), None);
    assert_eq!(share.unused(), None);
}

#[test]
fn a_refusal_stands_for_a_moment_and_for_its_cost_only() {
    let start = Instant::now();
    let mut share = Share::new(hour(100), start);
    let mut refused = taken(0, 0, 1);
    refused.ticket.granted = false;
    refused.ticket.standings[0].retry_ms = 10;
    share.keep(start, start, 3, &refused);
    let at = |ms| start + Duration::from_millis(ms);
    assert_eq!(share.take(at(4), 2), None);
    let ticket = share.take(at(4), 3).unwrap();
    assert_eq!((ticket.granted, ticket.standings[0].retry_ms), (false, 6));
    assert_eq!(share.take(at(10), 3), None);
}

#[test]
fn a_share_grows_with_use_and_shrinks_when_left_over() {
    let now = Instant::now();
    let mut share = Share::new(hour(100), now);
    assert_eq!(share.wanted(now, 1), 0);
    share.keep(now, now, 1, &taken(0, 1000, 1));
    let wants: Vec<_> = (0..4).map(|_| share.wanted(now, 1)).collect();
    assert_eq!(wants, [2, 4, 8, 16]);
    assert_eq!(share.wanted(now, 10), 320);
    assert_eq!(share.wanted(now, u64::MAX), u64::MAX);
    share.keep(now, now, 1, &taken(16, 1000, 1));
    share.over(now + IDLE);
    assert_eq!(share.wanted(now, 1), 64);
    share.keep(now, now, 1, &taken(16, 1000, 1));
    for _ in 0..12 {
        share.take(now, 1);
    }
    share.over(now + IDLE);
    assert_eq!(share.wanted(now, 1), 128);
}
