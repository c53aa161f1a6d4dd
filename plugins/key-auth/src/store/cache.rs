//! What was found a short while ago, and no more of it than there is room for.

use std::collections::{BTreeMap, VecDeque};

/// The SHA-256 of a key.
pub(crate) type Digest = [u8; 32];

/// Values by digest, each until its time is over.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    entries: BTreeMap<Digest, (u64, T)>,
    /// The same digests, and when they are forgotten. All live equally long, so
    /// the first is the next to go.
    order: VecDeque<(u64, Digest)>,
    most: usize,
}

impl<T> Cache<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            order: VecDeque::new(),
            most,
        }
    }

    /// The value, where its time is not over.
    pub(crate) fn get(&self, digest: &Digest, now: u64) -> Option<&T> {
        let (until, value) = self.entries.get(digest)?;
        (now < *until).then_some(value)
    }

    /// Keeps a value until a moment; without room the oldest goes.
    pub(crate) fn put(&mut self, digest: Digest, value: T, now: u64, until: u64) {
        while let Some((end, oldest)) = self.order.front() {
            if now < *end && self.order.len() < self.most {
                break;
            }
            // It may have been written again since, and then lives on.
            if self.entries.get(oldest).is_some_and(|(at, _)| at == end) {
                self.entries.remove(oldest);
            }
            self.order.pop_front();
        }
        if now < until {
            self.order.push_back((until, digest));
            self.entries.insert(digest, (until, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_is_there_until_its_time_is_over() {
        let mut cache = Cache::new(2);
        cache.put([1; 32], 'a', 10, 15);
        assert_eq!(cache.get(&[1; 32], 14), Some(&'a'));
        assert_eq!(cache.get(&[1; 32], 15), None);
        assert_eq!(cache.get(&[2; 32], 14), None);
        cache.put([2; 32], 'b', 10, 10);
        assert_eq!(cache.get(&[2; 32], 10), None, "kept for no time at all");
    }

    #[test]
    fn the_oldest_goes_where_there_is_no_room() {
        let mut cache = Cache::new(2);
        for at in 1..=3 {
            cache.put([at; 32], at, u64::from(at), 100 + u64::from(at));
        }
        let found = [1, 2, 3].map(|at| cache.get(&[at; 32], 4).copied());
        assert_eq!(found, [None, Some(2), Some(3)]);
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_it_may_nor_what_is_over(
            steps in prop::collection::vec((0_u8..6, 0_u64..4), 0..100),
        ) {
            let (mut cache, mut now) = (Cache::new(3), 0);
            for (step, (key, passed)) in steps.into_iter().enumerate() {
                now += passed;
                cache.put([key; 32], step, now, now + 5);
                prop_assert_eq!(cache.get(&[key; 32], now), Some(&step));
                prop_assert_eq!(cache.get(&[key; 32], now + 5), None);
                prop_assert!(cache.entries.len() <= 3 && cache.order.len() <= 3);
                let listed = |digest| cache.order.iter().any(|(_, other)| other == digest);
                prop_assert!(cache.entries.keys().all(listed), "something is never forgotten");
            }
        }
    }
}
