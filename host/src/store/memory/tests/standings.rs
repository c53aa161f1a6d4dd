//! What a ticket says: what is left, when it is whole, when to come again.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::store::{Standing, Ticket};

const ALL: [Algorithm; 3] = [
    Algorithm::SlidingWindow,
    Algorithm::FixedWindow,
    Algorithm::TokenBucket,
];

fn pass(hands: &Hands, ms: u64) {
    hands.pass(Duration::from_millis(ms));
}

fn take(store: &Store, set: &LimitSet, cost: u64) -> Ticket {
    store.take_now(set, b"k", cost).unwrap()
}

fn standing(remaining: u64, reset_ms: u64, retry_ms: u64) -> Standing {
    Standing {
        remaining,
        reset_ms,
        retry_ms,
    }
}

proptest! {
    #[test]
    fn who_comes_again_when_told_is_admitted_and_never_before(
        before in prop::collection::vec((0u64..400, 0u64..4), 1..60),
        cost in 1u64..6,
        window_ms in 50u64..2000,
        which in 0usize..3,
    ) {
        let (store, hands) = store_at(MONDAY_MS + 333);
        let set = set(vec![limit("l", 6, Window::Ms(window_ms), ALL[which])]);
        for (gap, cost) in before {
            pass(&hands, gap);
            take(&store, &set, cost);
        }
        let ticket = take(&store, &set, cost);
        let told = ticket.standings[0].retry_ms;
        prop_assert_eq!(ticket.granted, told == 0);
        if !ticket.granted {
            pass(&hands, told - 1);
            let early = take(&store, &set, cost);
            prop_assert!(!early.granted);
            prop_assert_eq!(early.standings[0].retry_ms, 1);
            pass(&hands, 1);
            prop_assert!(take(&store, &set, cost).granted);
        }
    }

    #[test]
    fn a_limit_is_whole_when_told_and_not_before(
        before in prop::collection::vec((0u64..400, 1u64..4), 1..40),
        window_ms in 50u64..2000,
        which in 0usize..3,
    ) {
        let (store, hands) = store_at(MONDAY_MS + 333);
        let set = set(vec![limit("l", 6, Window::Ms(window_ms), ALL[which])]);
        let mut told = 0;
        for (gap, cost) in before {
            pass(&hands, gap);
            told = take(&store, &set, cost).standings[0].reset_ms;
        }
        if told > 0 {
            pass(&hands, told - 1);
            prop_assert!(!take(&store, &set, 6).granted);
            pass(&hands, 1);
        }
        prop_assert_eq!(take(&store, &set, 0).standings[0].remaining, 6);
        prop_assert!(take(&store, &set, 6).granted);
    }

    #[test]
    fn who_asks_is_told_how_it_is_with_one_that_is_taken_now(
        before in prop::collection::vec((0u64..400, 0u64..4), 0..40),
        window_ms in 50u64..2000,
        which in 0usize..3,
    ) {
        let (store, hands) = store_at(MONDAY_MS + 333);
        let set = set(vec![limit("l", 6, Window::Ms(window_ms), ALL[which])]);
        for (gap, cost) in before {
            pass(&hands, gap);
            take(&store, &set, cost);
        }
        let asked = take(&store, &set, 0);
        let taken = take(&store, &set, 1);
        prop_assert_eq!(asked.granted, taken.granted);
        if taken.granted {
            prop_assert_eq!(asked.standings[0].reset_ms, taken.standings[0].reset_ms);
            prop_assert!(taken.standings[0].reset_ms > 0);
        }
    }
}

#[test]
fn all_limits_are_taken_or_none_and_only_the_refusing_one_says_when() {
    let (store, hands) = store_at(MONDAY_MS);
    let minute = limit("m", 2, Window::Ms(60_000), Algorithm::FixedWindow);
    let hour = limit("h", 100, Window::Ms(3_600_000), Algorithm::FixedWindow);
    let set = set(vec![hour, minute]);
    assert!(take(&store, &set, 2).granted);
    let refused = take(&store, &set, 1);
    assert!(!refused.granted);
    let hour = standing(98, 3_600_000, 0);
    assert_eq!(refused.standings, [hour, standing(0, 60_000, 60_000)]);
    pass(&hands, 60_000);
    assert_eq!(take(&store, &set, 1).standings[0].remaining, 97);
}

#[test]
fn asking_takes_nothing_and_is_refused_where_nothing_is_left() {
    for algorithm in ALL {
        let (store, _) = store_at(MONDAY_MS);
        let set = set(vec![limit("l", 1, Window::Ms(60_000), algorithm)]);
        assert!(take(&store, &set, 0).granted && take(&store, &set, 0).granted);
        assert!(take(&store, &set, 1).granted);
        let asked = take(&store, &set, 0);
        assert!(!asked.granted && asked.standings[0].retry_ms > 0);
    }
}

#[test]
fn what_can_never_be_granted_says_the_window() {
    for algorithm in ALL {
        let (store, _) = store_at(MONDAY_MS + 59_000);
        let set = set(vec![limit("l", 5, Window::Ms(60_000), algorithm)]);
        assert_eq!(take(&store, &set, 6).standings, [standing(5, 0, 60_000)]);
        assert!(!take(&store, &set, u64::MAX).granted);
        assert!(take(&store, &set, 5).granted);
    }
}

#[test]
fn a_charge_counts_beyond_the_limit() {
    for algorithm in ALL {
        let (store, hands) = store_at(MONDAY_MS);
        let set = set(vec![limit("l", 10, Window::Ms(60_000), algorithm)]);
        store.charge_now(&set, b"k", 7).unwrap();
        assert!(!granted(&store, &set, "k", 4));
        store.charge_now(&set, b"k", u64::MAX).unwrap();
        store.charge_now(&set, b"k", u64::MAX).unwrap();
        let ticket = take(&store, &set, 1);
        assert_eq!((ticket.granted, ticket.standings[0].remaining), (false, 0));
        pass(&hands, ticket.standings[0].reset_ms);
        assert!(granted(&store, &set, "k", 10));
    }
}

#[test]
fn another_amount_keeps_the_count_and_another_window_starts_anew() {
    for algorithm in ALL {
        let (store, _) = store_at(MONDAY_MS);
        let with = |amount, ms| set(vec![limit("l", amount, Window::Ms(ms), algorithm)]);
        assert!(granted(&store, &with(10, 60_000), "k", 8));
        assert_eq!(
            take(&store, &with(20, 60_000), 0).standings[0].remaining,
            12
        );
        assert!(!granted(&store, &with(5, 60_000), "k", 1));
        assert_eq!(
            take(&store, &with(10, 50_000), 0).standings[0].remaining,
            10
        );
        assert_eq!(take(&store, &with(10, 60_000), 0).standings[0].remaining, 2);
    }
}

#[test]
fn plugins_and_keys_do_not_share() {
    let (store, _) = store_at(MONDAY_MS);
    let limits = vec![limit("l", 1, Window::Ms(60_000), Algorithm::FixedWindow)];
    let one = LimitSet::new("one", Consistency::Strict, limits.clone()).unwrap();
    let two = LimitSet::new("two", Consistency::Strict, limits).unwrap();
    assert!(granted(&store, &one, "k", 1) && !granted(&store, &one, "k", 1));
    assert!(granted(&store, &one, "", 1));
    assert!(granted(&store, &two, "k", 1));
}

#[test]
fn a_jump_of_the_clock_neither_frees_nor_blocks() {
    for algorithm in ALL {
        let (store, hands) = store_at(MONDAY_MS);
        let set = set(vec![limit("l", 1, Window::Ms(60_000), algorithm)]);
        assert!(granted(&store, &set, "k", 1));
        for jump in [MONDAY_MS + 86_400_000, 0] {
            hands.set_wall(jump);
            assert!(!granted(&store, &set, "k", 1));
        }
        pass(&hands, 61_000);
        assert!(granted(&store, &set, "k", 1));
    }
}

#[test]
fn a_day_ends_at_midnight_by_the_clock_on_the_wall() {
    let (store, hands) = store_at(MONDAY_MS - 1000);
    let set = set(vec![
        limit("d", 5, Window::Day, Algorithm::FixedWindow),
        limit("w", 6, Window::Week, Algorithm::FixedWindow),
        limit("m", 9, Window::Month, Algorithm::FixedWindow),
    ]);
    let ticket = take(&store, &set, 5);
    let resets: Vec<_> = ticket.standings.iter().map(|s| s.reset_ms).collect();
    // Sunday the 15th: November has 15 more days.
    assert_eq!(resets, [1000, 1000, 15 * 86_400_000 + 1000]);
    assert!(!granted(&store, &set, "k", 1));
    hands.set_wall(MONDAY_MS);
    let left: Vec<_> = take(&store, &set, 4).standings;
    assert_eq!(
        [left[0].remaining, left[1].remaining, left[2].remaining],
        [1, 2, 0]
    );
    // Somebody sets the clock back by a second: the new day goes on.
    hands.set_wall(MONDAY_MS - 1000);
    assert_eq!(take(&store, &set, 0).standings[0].remaining, 1);
}
