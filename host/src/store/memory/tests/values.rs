//! Values by key.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::store::StoreError;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn a_value_is_there_until_its_time_is_over() {
    let (store, hands) = store_at(MONDAY_MS);
    assert_eq!(store.get_now("a", b"k"), Ok(None));
    store.set_now("a", b"k", bytes("v"), Some(1000)).unwrap();
    store.set_now("a", b"stays", bytes("v"), None).unwrap();
    hands.pass(Duration::from_millis(999));
    assert_eq!(store.get_now("a", b"k"), Ok(Some(bytes("v"))));
    assert_eq!(store.get_now("b", b"k"), Ok(None));
    hands.pass(Duration::from_millis(1));
    assert_eq!(store.get_now("a", b"k"), Ok(None));
    assert_eq!(store.delete_now("a", b"k"), Ok(false));
    assert_eq!(store.delete_now("a", b"stays"), Ok(true));
    store.set_now("a", b"k", bytes("v"), Some(0)).unwrap();
    assert_eq!(store.usage().entries, 0);
}

#[test]
fn only_one_of_those_who_expect_the_same_wins() {
    let (store, _) = store_at(MONDAY_MS);
    let swap = |expected: Option<&[u8]>, value: Bytes| {
        store
            .compare_and_set_now("a", b"k", expected, value, None)
            .unwrap()
    };
    assert!(!swap(Some(b"1"), bytes("2")));
    assert!(swap(None, bytes("1")));
    assert!(!swap(None, bytes("2")));
    assert!(swap(Some(b"1"), bytes("0")));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    loop {
                        let old = store.get_now("a", b"k").unwrap().unwrap();
                        let n: u64 = std::str::from_utf8(&old).unwrap().parse().unwrap();
                        if swap(Some(&old), Bytes::from((n + 1).to_string())) {
                            break;
                        }
                    }
                }
            });
        }
    });
    assert_eq!(store.get_now("a", b"k"), Ok(Some(bytes("800"))));
}

#[test]
fn values_have_a_largest_and_never_more_room_than_there_is() {
    let (store, _) = store_at(MONDAY_MS);
    let of = |size: usize| Bytes::from(vec![7; size]);
    assert_eq!(
        store.set_now("a", b"k", of((1 << 20) + 1), None),
        Err(StoreError::TooLarge)
    );
    assert_eq!(
        store.set_now("a", &[0; 513], of(1), None),
        Err(StoreError::TooLarge)
    );
    for i in 0..200u8 {
        store.set_now("a", &[i], of(1 << 20), None).unwrap();
        assert!(store.usage().bytes <= 64 << 20);
    }
    assert!(store.usage().entries > 30);
    let tiny = Store::memory(MemoryConfig {
        max_entries: 9,
        max_bytes: 1000,
    });
    assert_eq!(
        tiny.set_now("a", b"k", of(1000), None),
        Err(StoreError::TooLarge)
    );
}
