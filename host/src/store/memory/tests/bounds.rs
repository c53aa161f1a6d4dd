//! Memory stays within its bounds, and what has expired goes first.

use std::time::Duration;

use super::*;

fn small(max_entries: usize, max_bytes: usize) -> (Store, Arc<Hands>) {
    let hands = Hands::at(MONDAY_MS);
    let config = MemoryConfig {
        max_entries,
        max_bytes,
    };
    (Store::memory_with(config, Clock::given(&hands)), hands)
}

#[test]
fn a_million_clients_do_not_fill_the_memory() {
    let (store, _) = small(1000, 1 << 20);
    let set = set(vec![limit(
        "l",
        9,
        Window::Ms(60_000),
        Algorithm::SlidingWindow,
    )]);
    for client in 0..20_000 {
        assert!(granted(&store, &set, &format!("client-{client}"), 1));
        let usage = store.usage();
        assert!(usage.entries <= 1000 && usage.bytes <= 1 << 20, "{usage:?}");
    }
    assert!(store.usage().evictions >= 19_000);
}

#[test]
fn what_has_expired_goes_before_what_still_counts() {
    let (store, hands) = small(200, 1 << 20);
    let short = set(vec![limit("s", 9, Window::Ms(100), Algorithm::FixedWindow)]);
    let long = set(vec![limit(
        "l",
        1,
        Window::Ms(86_400_000),
        Algorithm::FixedWindow,
    )]);
    for client in 0..100 {
        assert!(granted(&store, &long, &format!("long-{client}"), 1));
    }
    for client in 0..5000 {
        granted(&store, &short, &format!("short-{client}"), 1);
        hands.pass(Duration::from_millis(7));
    }
    let kept = (0..100).filter(|client| !granted(&store, &long, &format!("long-{client}"), 1));
    assert_eq!(kept.count(), 100);
    assert_eq!(store.usage().evictions, 0);
}

#[test]
fn windows_that_fill_up_are_weighed() {
    let (store, hands) = small(10_000, 64 << 10);
    let set = set(vec![limit(
        "l",
        999,
        Window::Ms(60_000),
        Algorithm::SlidingWindow,
    )]);
    for _ in 0..61 {
        for client in 0..200 {
            granted(&store, &set, &format!("client-{client}"), 1);
        }
        assert!(store.usage().bytes <= 64 << 10, "{:?}", store.usage());
        hands.pass(Duration::from_secs(1));
    }
}

#[test]
fn what_is_only_asked_for_is_not_kept() {
    let (store, _) = small(1000, 1 << 20);
    let set = set(vec![limit(
        "l",
        9,
        Window::Ms(60_000),
        Algorithm::SlidingWindow,
    )]);
    assert!(granted(&store, &set, "a", 0));
    assert!(!granted(&store, &set, "b", 10));
    assert_eq!(store.usage().entries, 0);
}

#[test]
fn keys_have_a_longest() {
    let (store, _) = small(1000, 1 << 20);
    let set = set(vec![limit(
        "l",
        9,
        Window::Ms(60_000),
        Algorithm::SlidingWindow,
    )]);
    assert!(store.take_now(&set, &[0; 512], 1).is_ok());
    assert!(store.take_now(&set, &[0; 513], 1).is_err());
    assert!(store.charge_now(&set, &[0; 513], 1).is_err());
}
