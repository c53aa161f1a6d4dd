//! Routes that could win equally.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::model::{Condition, HostPattern, Matcher, Route, Segment};

/// Two routes that one request could match, and none of which is more specific.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its place among the routes.
    pub first: usize,
    /// Its place among the routes; greater than `first`.
    pub second: usize,
    /// In words, and what would tell them apart.
    pub why: String,
}

/// What makes two routes equally specific, and lets the same host and path match both.
#[derive(PartialEq, Eq, Hash)]
struct Rank<'a> {
    host: &'a HostPattern,
    segments: Vec<Option<&'a str>>,
    prefix: bool,
    methods: bool,
    headers: usize,
    query: usize,
}

/// Every route that conflicts with an earlier one, once.
pub(super) fn find(routes: &[Arc<Route>]) -> Vec<Conflict> {
    let mut ranks: HashMap<Rank<'_>, Vec<(usize, &Matcher)>> = HashMap::new();
    let mut conflicts = Vec::new();
    for (second, route) in routes.iter().enumerate() {
        let matcher = &route.matcher;
        let equals = ranks.entry(rank(matcher)).or_default();
        if let Some((first, other)) = equals.iter().find(|(_, other)| overlap(other, matcher)) {
            conflicts.push(Conflict {
                first: *first,
                second,
                why: why(other, matcher),
            });
        }
        equals.push((second, matcher));
    }
    conflicts
}

fn rank(matcher: &Matcher) -> Rank<'_> {
    let segments = matcher.path.segments.iter().map(|segment| match segment {
        Segment::Literal(text) => Some(text.as_str()),
        Segment::Capture(_) => None,
    });
    Rank {
        host: &matcher.host,
        segments: segments.collect(),
        prefix: matcher.path.prefix,
        methods: !matcher.methods.is_empty(),
        headers: matcher.headers.len(),
        query: matcher.query.len(),
    }
}

/// Whether one request can meet the conditions of two routes of the same rank.
fn overlap(a: &Matcher, b: &Matcher) -> bool {
    let methods = a.methods.is_empty() || a.methods.iter().any(|m| b.methods.contains(m));
    methods && !exclude(&a.headers, &b.headers) && !exclude(&a.query, &b.query)
}

/// Whether two lists ask for different values of the same name.
fn exclude<N: PartialEq>(a: &[(N, Condition)], b: &[(N, Condition)]) -> bool {
    a.iter().any(|(name, wanted)| {
        b.iter().any(|(other, value)| match (wanted, value) {
            (Condition::Equals(wanted), Condition::Equals(value)) => {
                name == other && wanted != value
            }
            _ => false,
        })
    })
}

fn why(a: &Matcher, b: &Matcher) -> String {
    let mut why = "same host and path".to_owned();
    match a.methods.iter().find(|m| b.methods.contains(m)) {
        Some(method) => why += &format!(", both serve {method}"),
        None => why += ", any method",
    }
    match (a.headers.len(), a.query.len()) {
        (0, 0) => why += ", no header or query conditions",
        _ => {
            why += ", as many header and query conditions, and none that asks both for different \
                    values of the same name"
        }
    }
    why
}
