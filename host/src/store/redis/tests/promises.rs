//! Three processes on one server never admit more than the limit together: each
//! take is known to lie between two moments, and no window that surely holds
//! some of them holds more than the amount.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

/// Microseconds since 1970: just before a take, just after it, and its cost.
type Taken = (u64, u64, u64);

/// What one process does: microseconds of pause, then a cost.
type Plan = Vec<(u64, u64)>;

fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(now.unwrap().as_micros()).unwrap()
}

/// Plays a plan for each process, on a thread of its own, some takes side by side.
fn play(stores: &[Store], set: &Arc<LimitSet>, plans: &[Plan]) -> Vec<Taken> {
    let mut all = std::thread::scope(|scope| {
        let processes = stores.iter().zip(plans);
        let threads: Vec<_> = processes
            .map(|(store, plan)| scope.spawn(|| process(store, set, plan)))
            .collect();
        let taken: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        taken.concat()
    });
    all.sort_unstable();
    all
}

fn process(store: &Store, set: &Arc<LimitSet>, plan: &Plan) -> Vec<Taken> {
    let lanes = (0..3).map(|lane| {
        let (store, set) = (store.clone(), set.clone());
        let plan: Plan = plan.iter().skip(lane).step_by(3).copied().collect();
        async move {
            let mut taken = Vec::new();
            for (pause, cost) in plan {
                if pause > 0 {
                    tokio::time::sleep(Duration::from_micros(pause)).await;
                }
                let before = now_us();
                let ticket = take(&store, &set, "k", cost).await.unwrap();
                if ticket.granted {
                    taken.push((before, now_us(), cost));
                }
            }
            taken
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tasks: tokio::task::JoinSet<_> = {
        let _inside = runtime.enter();
        lanes.collect()
    };
    runtime.block_on(tasks.join_all()).concat()
}

/// The most that surely lies within some window as long as this.
fn most(taken: &[Taken], window_us: u64) -> u64 {
    let within = |from: u64| {
        let inside = taken
            .iter()
            .filter(|(before, after, _)| *before >= from && *after < from + window_us);
        inside.map(|(_, _, cost)| cost).sum()
    };
    taken
        .iter()
        .map(|(from, ..)| within(*from))
        .max()
        .unwrap_or(0)
}

fn holds(limit: &Limit, taken: &[Taken]) -> bool {
    let Window::Ms(ms) = limit.window else {
        return false;
    };
    let window_us = ms * 1000;
    match limit.algorithm {
        Algorithm::SlidingWindow => most(taken, window_us) <= limit.amount,
        Algorithm::FixedWindow => {
            let mut windows = std::collections::BTreeMap::<u64, u64>::new();
            for (before, after, cost) in taken {
                if before / window_us == after / window_us {
                    *windows.entry(before / window_us).or_default() += cost;
                }
            }
            windows.values().all(|sum| *sum <= limit.amount)
        }
        Algorithm::TokenBucket => taken.iter().all(|(from, ..)| {
            let mut later: Vec<_> = taken.iter().filter(|(b, ..)| b >= from).collect();
            later.sort_by_key(|(_, after, _)| *after);
            let mut sum = 0;
            later.iter().all(|(_, after, cost)| {
                sum += cost;
                sum * window_us <= limit.burst * window_us + limit.amount * (after - from)
            })
        }),
    }
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let pause = prop_oneof![
        6 => Just(0u64),
        3 => 0u64..4000,
        1 => 0u64..150_000,
    ];
    let cost = prop_oneof![9 => Just(1u64), 1 => 0u64..5];
    let plan = prop::collection::vec((pause, cost), 60..240);
    prop::collection::vec(plan, 3)
}

/// Random schedules of three processes, and how many takes needed no round trip.
fn three_processes(consistency: Consistency, window_ms: u64) -> u64 {
    let server = Server::start();
    let stores = [(); 3].map(|()| store(&server));
    let which = prop::sample::select(vec![
        Algorithm::SlidingWindow,
        Algorithm::FixedWindow,
        Algorithm::TokenBucket,
    ]);
    let case = (plans(), which, 1u64..400);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 12,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&case, |(plans, algorithm, amount)| {
        server.tell("FLUSHALL");
        let limit = Limit {
            // A limit of its own for each case: what others still hold is not in the way.
            name: format!("{algorithm:?}-{}", now_us()),
            ..limit("l", amount, window_ms, algorithm)
        };
        let set = set(consistency, vec![limit.clone()]);
        let taken = play(&stores, &set, &plans);
        prop_assert!(!taken.is_empty());
        prop_assert!(holds(&limit, &taken), "{limit:?}: {taken:?}");
        Ok(())
    });
    outcome.unwrap();
    stores.iter().map(|store| store.usage().lease_hits).sum()
}

#[test]
fn three_processes_that_always_ask_never_admit_too_much() {
    assert_eq!(three_processes(Consistency::Strict, 200), 0);
}

#[test]
fn three_processes_that_hold_shares_never_admit_too_much() {
    // Slots of 60 ms: several begin and end in each schedule.
    let hits = three_processes(Consistency::Lease, 3600);
    assert!(hits > 500, "only {hits} takes without a round trip");
}

#[tokio::test]
async fn all_limits_are_taken_or_none() {
    let server = Server::start();
    let store = store(&server);
    let limits = vec![
        limit("hour", 100, 3_600_000, Algorithm::SlidingWindow),
        limit("day", 2, 86_400_000, Algorithm::TokenBucket),
    ];
    let set = set(Consistency::Strict, limits);
    assert!(take(&store, &set, "k", 2).await.unwrap().granted);
    let refused = take(&store, &set, "k", 1).await.unwrap();
    assert!(!refused.granted);
    assert_eq!(refused.standings[0].remaining, 98);
    assert_eq!(refused.standings[0].retry_ms, 0);
    assert!(refused.standings[1].retry_ms > 0);
    store.charge(set.clone(), b"k".to_vec(), 200).await.unwrap();
    assert_eq!(
        take(&store, &set, "k", 0).await.unwrap().standings[0].remaining,
        0
    );
}
