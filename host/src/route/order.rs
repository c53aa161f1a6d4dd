//! The order of specificity, as the documentation of the parent module has it.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use crate::config::model::{HostPattern, Matcher, PathPattern, Route, Segment};

/// All routes with their places, the most specific first.
pub(super) fn by_specificity(routes: &[Arc<Route>]) -> Vec<(usize, &Route)> {
    let mut ordered: Vec<_> = routes.iter().map(|r| &**r).enumerate().collect();
    // Stable: routes that exclude each other stay in the order of the configuration.
    ordered.sort_by(|(_, a), (_, b)| compare(&a.matcher, &b.matcher));
    ordered
}

/// `Less` where `a` is more specific. Of two different literals none is: no path has both.
fn compare(a: &Matcher, b: &Matcher) -> Ordering {
    host_rank(&a.host)
        .cmp(&host_rank(&b.host))
        .then_with(|| path_ranks(&a.path).cmp(path_ranks(&b.path)))
        .then_with(|| a.methods.is_empty().cmp(&b.methods.is_empty()))
        .then_with(|| b.headers.len().cmp(&a.headers.len()))
        .then_with(|| b.query.len().cmp(&a.query.len()))
}

fn host_rank(host: &HostPattern) -> (u8, Reverse<usize>) {
    match host {
        HostPattern::Exact(_) => (0, Reverse(0)),
        HostPattern::Below(name) => (1, Reverse(name.len())),
        HostPattern::Any => (2, Reverse(0)),
    }
}

fn path_ranks(path: &PathPattern) -> impl Iterator<Item = u8> {
    let segments = path.segments.iter().map(|segment| match segment {
        Segment::Literal(_) => 0,
        Segment::Capture(_) => 1,
    });
    segments.chain([if path.prefix { 3 } else { 2 }])
}
