//! Which target gets the next request. A new way to choose is an arm here and
//! a value of `balance` in the configuration.

use std::cell::Cell;

use crate::config::model::Balance;

/// The order in which targets take turns on one worker.
#[derive(Debug)]
pub(super) struct Turns(Cell<usize>);

impl Turns {
    /// Workers begin at different targets, so that few requests spread out too.
    pub(super) fn beginning_at(worker: usize) -> Self {
        Self(Cell::new(worker))
    }

    /// The index of the next target among `in_flight`, which has the number of
    /// requests in flight for each. Those in `tried` come last.
    pub(super) fn next(&self, balance: Balance, in_flight: &[u32], tried: &[usize]) -> usize {
        let n = in_flight.len().max(1);
        let first = self.0.get() % n;
        self.0.set(first + 1);
        let mut turns = (0..n).map(|i| (first + i) % n);
        let left = |i: &usize| !tried.contains(i);
        match balance {
            Balance::RoundRobin => turns.find(left),
            Balance::LeastRequest => turns
                .filter(left)
                .min_by_key(|i| in_flight.get(*i).copied().unwrap_or(0)),
        }
        .unwrap_or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_robin_gives_everybody_a_turn() {
        let turns = Turns::beginning_at(1);
        let got: Vec<_> = (0..5)
            .map(|_| turns.next(Balance::RoundRobin, &[0, 0, 0], &[]))
            .collect();
        assert_eq!(got, [1, 2, 0, 1, 2]);
    }

    #[test]
    fn least_request_takes_the_one_with_the_fewest_and_equals_take_turns() {
        let turns = Turns::beginning_at(0);
        assert_eq!(turns.next(Balance::LeastRequest, &[3, 1, 2], &[]), 1);
        assert_eq!(turns.next(Balance::LeastRequest, &[0, 0, 0], &[]), 1);
        assert_eq!(turns.next(Balance::LeastRequest, &[0, 0, 0], &[]), 2);
    }

    #[test]
    fn what_was_tried_comes_last() {
        let turns = Turns::beginning_at(0);
        assert_eq!(turns.next(Balance::RoundRobin, &[0, 0], &[0]), 1);
        assert_eq!(turns.next(Balance::LeastRequest, &[0, 9], &[0]), 1);
        assert!(turns.next(Balance::RoundRobin, &[0], &[0]) == 0);
    }
}
