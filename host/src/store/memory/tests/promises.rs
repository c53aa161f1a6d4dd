//! No window ever admits more than its limit: every schedule is judged by brute force.

use std::sync::Barrier;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A step of a schedule: time that passes, then costs that are taken at once.
type Step = (u64, Vec<u64>);

fn schedule(window_ms: u64) -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![
        3 => 0..window_ms / 10 + 2,
        1 => 0..window_ms + window_ms / 2,
        1 => Just(window_ms - 1),
        1 => Just(window_ms),
    ];
    prop::collection::vec((gap, prop::collection::vec(0u64..4, 1..20)), 1..60)
}

/// Plays a schedule on so many threads, and tells what was granted when: milliseconds, cost.
fn play(limit: &Limit, steps: &[Step], threads: usize, from_ms: u64) -> Vec<(u64, u64)> {
    let (store, hands) = store_at(from_ms);
    let set = set(vec![limit.clone()]);
    let mut now = from_ms;
    let mut admitted = Vec::new();
    for (gap, costs) in steps {
        hands.pass(Duration::from_millis(*gap));
        now += gap;
        let barrier = Barrier::new(threads);
        let taken: u64 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        if threads > 1 {
                            barrier.wait();
                        }
                        let take = |cost: &&u64| granted(&store, &set, "k", **cost);
                        costs.iter().filter(take).sum::<u64>()
                    })
                })
                .collect();
            workers.into_iter().map(|w| w.join().unwrap()).sum()
        });
        admitted.push((now, taken));
    }
    admitted
}

/// The most that any stretch of `window_ms` admitted.
fn most(admitted: &[(u64, u64)], window_ms: u64) -> u64 {
    let within = |from: u64| {
        let in_window = admitted
            .iter()
            .filter(|(at, _)| (from..from + window_ms).contains(at));
        in_window.map(|(_, cost)| cost).sum()
    };
    admitted
        .iter()
        .map(|(at, _)| within(*at))
        .max()
        .unwrap_or(0)
}

fn sliding_holds(amount: u64, window_ms: u64, from: u64, steps: &[Step], threads: usize) {
    let limit = limit("l", amount, Window::Ms(window_ms), Algorithm::SlidingWindow);
    let admitted = play(&limit, steps, threads, MONDAY_MS + from);
    let most = most(&admitted, window_ms);
    assert!(most <= amount, "{most} of {amount}: {admitted:?}");
}

fn fixed_holds(amount: u64, window_ms: u64, from: u64, steps: &[Step], threads: usize) {
    let limit = limit("l", amount, Window::Ms(window_ms), Algorithm::FixedWindow);
    let admitted = play(&limit, steps, threads, MONDAY_MS + from);
    let mut windows = std::collections::BTreeMap::<u64, u64>::new();
    for (at, cost) in &admitted {
        *windows.entry(at / window_ms).or_default() += cost;
    }
    assert!(windows.values().all(|sum| *sum <= amount), "{admitted:?}");
}

fn bucket_holds(burst: u64, amount: u64, window_ms: u64, steps: &[Step], threads: usize) {
    let limit = Limit {
        burst,
        ..limit("l", amount, Window::Ms(window_ms), Algorithm::TokenBucket)
    };
    let admitted = play(&limit, steps, threads, MONDAY_MS);
    for (i, (from, _)) in admitted.iter().enumerate() {
        let mut sum = 0;
        for (to, cost) in &admitted[i..] {
            sum += u128::from(*cost);
            let refilled = u128::from(amount) * u128::from(to - from);
            let promised = u128::from(burst) * u128::from(window_ms) + refilled;
            assert!(sum * u128::from(window_ms) <= promised, "{admitted:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_sliding_window_never_admits_more_than_its_amount(
        (window_ms, steps) in (1u64..3000).prop_flat_map(|w| (Just(w), schedule(w))),
        amount in 1u64..40,
        from in 0u64..5000,
    ) {
        sliding_holds(amount, window_ms, from, &steps, 1);
    }

    #[test]
    fn a_fixed_window_never_admits_more_than_its_amount(
        (window_ms, steps) in (1u64..3000).prop_flat_map(|w| (Just(w), schedule(w))),
        amount in 1u64..40,
        from in 0u64..5000,
    ) {
        fixed_holds(amount, window_ms, from, &steps, 1);
    }

    #[test]
    fn a_bucket_never_admits_more_than_its_burst_and_what_it_gained(
        (window_ms, steps) in (1u64..3000).prop_flat_map(|w| (Just(w), schedule(w))),
        amount in 1u64..40,
        burst in 1u64..40,
    ) {
        bucket_holds(burst, amount, window_ms, &steps, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn two_and_eight_workers_share_what_there_is(
        steps in schedule(600),
        amount in 1u64..60,
        burst in 1u64..60,
    ) {
        for threads in [2, 8] {
            sliding_holds(amount, 600, 17, &steps, threads);
            fixed_holds(amount, 600, 17, &steps, threads);
            bucket_holds(burst, amount, 600, &steps, threads);
        }
    }
}

#[test]
fn eight_workers_at_once_get_exactly_the_amount() {
    for algorithm in [
        Algorithm::SlidingWindow,
        Algorithm::FixedWindow,
        Algorithm::TokenBucket,
    ] {
        let limit = limit("l", 1000, Window::Ms(60_000), algorithm);
        let costs = vec![1; 400];
        let admitted = play(&limit, &[(0, costs)], 8, MONDAY_MS);
        assert_eq!(admitted, [(MONDAY_MS, 1000)]);
    }
}

#[test]
fn a_steady_stream_gets_at_least_its_amount_less_a_sixtieth() {
    let limit = limit("l", 60, Window::Ms(60_000), Algorithm::SlidingWindow);
    let steps = vec![(500, vec![1, 1]); 1200];
    let admitted = play(&limit, &steps, 1, MONDAY_MS);
    let sum: u64 = admitted.iter().map(|(_, cost)| cost).sum();
    assert!((580..=600).contains(&sum), "{sum} in ten minutes");
}
