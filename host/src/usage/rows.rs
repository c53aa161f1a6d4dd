//! What was used, by route and consumer. Bounded.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use crate::config::model::Name;

/// The consumer that stands for all that have no row of their own. No consumer
/// of a configuration can be called so.
pub(super) const OTHER: &str = "(other)";
/// In bytes; a longer name is counted under [`OTHER`].
const LONGEST_NAME: usize = 256;

/// What one exchange used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the response's body.
    pub response_bytes: u64,
    /// A quota refused it.
    pub denied: bool,
    /// What quotas took and charged.
    pub cost: u64,
}

/// What several exchanges used. Sums stay at their maximum where they would pass it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sums {
    /// Exchanges, refused ones too.
    pub requests: u64,
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Bytes of response bodies.
    pub response_bytes: u64,
    /// Exchanges that a quota refused.
    pub denials: u64,
    /// What quotas took and charged.
    pub cost: u64,
}

impl From<Entry> for Sums {
    fn from(entry: Entry) -> Self {
        Self {
            requests: 1,
            request_bytes: entry.request_bytes,
            response_bytes: entry.response_bytes,
            denials: u64::from(entry.denied),
            cost: entry.cost,
        }
    }
}

impl Sums {
    pub(super) fn add(&mut self, other: &Self) {
        // Without `..`: a new sum must be added here.
        let Self {
            requests,
            request_bytes,
            response_bytes,
            denials,
            cost,
        } = other;
        self.requests = self.requests.saturating_add(*requests);
        self.request_bytes = self.request_bytes.saturating_add(*request_bytes);
        self.response_bytes = self.response_bytes.saturating_add(*response_bytes);
        self.denials = self.denials.saturating_add(*denials);
        self.cost = self.cost.saturating_add(*cost);
    }
}

/// Sums by route and consumer; an empty name where there was none.
///
/// With `most` rows, a new consumer is counted under [`OTHER`]; with a tenth
/// more, a new route is too. So the sum over all rows is always right.
#[derive(Debug)]
pub(super) struct Rows {
    routes: HashMap<Name, HashMap<Name, Sums, RandomState>, RandomState>,
    len: usize,
    most: usize,
    overflowed: bool,
}

impl Rows {
    pub(super) fn new(most: usize) -> Self {
        Self {
            routes: HashMap::default(),
            len: 0,
            most,
            overflowed: false,
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether something was counted under [`OTHER`] for want of room.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Adds to a row. Allocates only where the row is new.
    pub(super) fn add(&mut self, consumer: Option<&Name>, route: Option<&Name>, sums: &Sums) {
        if let Some(row) = self.find(text(consumer), text(route)) {
            row.add(sums);
        } else {
            self.add_new(consumer, route, sums);
        }
    }

    /// Adds all of another's rows.
    pub(super) fn merge(&mut self, other: &Self) {
        self.overflowed |= other.overflowed;
        for (consumer, route, sums) in other.iter() {
            self.add(Some(consumer), Some(route), sums);
        }
    }

    /// Consumer, route and sums of each row, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Name, &Name, &Sums)> {
        self.routes.iter().flat_map(|(route, consumers)| {
            let rows = consumers.iter();
            rows.map(move |(consumer, sums)| (consumer, route, sums))
        })
    }

    fn find(&mut self, consumer: &str, route: &str) -> Option<&mut Sums> {
        self.routes.get_mut(route)?.get_mut(consumer)
    }

    fn add_new(&mut self, consumer: Option<&Name>, route: Option<&Name>, sums: &Sums) {
        let too_long = |name: Option<&Name>| text(name).len() > LONGEST_NAME;
        let full = self.len >= self.most;
        let mut consumer = consumer.cloned().unwrap_or_default();
        let mut route = route.cloned().unwrap_or_default();
        if full || too_long(Some(&consumer)) {
            consumer = Name::from(OTHER);
            self.overflowed = true;
        }
        let no_room = self.len >= self.most + self.most / 10;
        if (no_room && self.find(OTHER, &route).is_none()) || too_long(Some(&route)) {
            route = Name::from(OTHER);
        }
        let consumers = self.routes.entry(route).or_default();
        let row = consumers.entry(consumer).or_insert_with(|| {
            self.len += 1;
            Sums::default()
        });
        row.add(sums);
    }
}

fn text(name: Option<&Name>) -> &str {
    name.map_or("", |name| name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: Sums = Sums {
        requests: 1,
        request_bytes: 2,
        response_bytes: 3,
        denials: 4,
        cost: 5,
    };

    fn total(rows: &Rows) -> Sums {
        let mut total = Sums::default();
        rows.iter().for_each(|(_, _, sums)| total.add(sums));
        total
    }

    fn row(rows: &Rows, consumer: &str, route: &str) -> u64 {
        let found = rows
            .iter()
            .find(|(c, r, _)| &***c == consumer && &***r == route);
        found.map_or(0, |(_, _, sums)| sums.requests)
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_there_is_a_bound(
            names in prop::collection::vec((0..40u8, 0..40u8), 0..400),
        ) {
            let mut halves = [Rows::new(20), Rows::new(20)];
            for (n, (consumer, route)) in names.iter().enumerate() {
                let (consumer, route) = (consumer.to_string().into(), route.to_string().into());
                halves[n % 2].add(Some(&consumer), Some(&route), &ONE);
            }
            let mut all = Rows::new(30);
            halves.iter().for_each(|half| all.merge(half));
            prop_assert_eq!(total(&all).requests, names.len() as u64);
            prop_assert_eq!(total(&all).cost, 5 * names.len() as u64);
            for (rows, most) in halves.iter().map(|half| (half, 20)).chain([(&all, 30)]) {
                prop_assert_eq!(rows.len(), rows.iter().count());
                // One more, for other consumers on other routes.
                prop_assert!(rows.len() <= most + most / 10 + 1);
            }
        }
    }

    #[test]
    fn a_consumer_that_was_counted_before_keeps_its_row_when_the_rows_are_full() {
        let mut rows = Rows::new(10);
        let route = Name::from("r");
        let names: Vec<Name> = (0..11).map(|n| n.to_string().into()).collect();
        for name in names.iter().chain(&names) {
            rows.add(Some(name), Some(&route), &ONE);
        }
        assert_eq!([row(&rows, "0", "r"), row(&rows, "9", "r")], [2, 2]);
        assert_eq!(row(&rows, OTHER, "r"), 2);
        assert!(rows.overflowed());
    }

    #[test]
    fn a_name_without_end_is_not_kept() {
        let mut rows = Rows::new(10);
        let long = Name::from("x".repeat(LONGEST_NAME + 1));
        rows.add(Some(&long), None, &ONE);
        assert_eq!(row(&rows, OTHER, ""), 1);
        let fits = Name::from("x".repeat(LONGEST_NAME));
        rows.add(Some(&fits), None, &ONE);
        assert_eq!(row(&rows, &fits, ""), 1);
    }

    #[test]
    fn sums_do_not_wrap() {
        let mut sums = Sums {
            cost: u64::MAX - 1,
            ..ONE
        };
        sums.add(&ONE);
        assert_eq!((sums.cost, sums.requests), (u64::MAX, 2));
    }
}
