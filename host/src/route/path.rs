//! The paths of one host: a tree of segments.

use super::map::TextMap;
use crate::config::model::{PathPattern, Segment};
use crate::proxy::path::decode;

/// Path patterns, and the routes that have each.
#[derive(Debug, Default)]
pub(super) struct Paths {
    root: Node,
}

/// What begins with the same segments.
#[derive(Debug, Default)]
struct Node {
    literals: TextMap<Node>,
    capture: Option<Box<Node>>,
    /// Routes whose path ends here, the most specific first.
    exact: Vec<usize>,
    /// Routes whose prefix ends here, the most specific first.
    prefix: Vec<usize>,
}

impl Paths {
    /// Adds a route that is less specific than all routes of its pattern that are there.
    pub(super) fn insert(&mut self, pattern: &PathPattern, index: usize) {
        let mut node = &mut self.root;
        for segment in &pattern.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.as_str().into()).or_default(),
                Segment::Capture(_) => node.capture.get_or_insert_default(),
            };
        }
        match pattern.prefix {
            true => node.prefix.push(index),
            false => node.exact.push(index),
        }
    }

    /// The most specific route whose path fits and that is accepted. A node is visited at
    /// most once, whatever the path.
    pub(super) fn find(&self, path: &str, accepts: &impl Fn(usize) -> bool) -> Option<usize> {
        self.root.find(path.strip_prefix('/'), accepts)
    }
}

impl Node {
    /// `rest` is what follows the slash after this node's segments; none where there is no slash.
    fn find(&self, rest: Option<&str>, accepts: &impl Fn(usize) -> bool) -> Option<usize> {
        let first = |routes: &[usize]| routes.iter().copied().find(|index| accepts(*index));
        let deeper = match rest {
            None => first(&self.exact),
            // Most prefixes end here: no need to look for the segment.
            Some(_) if self.literals.is_empty() && self.capture.is_none() => None,
            Some(rest) => {
                let (segment, rest) = split(rest);
                let literal = self.literals.get(segment);
                let capture = self.capture.as_ref().filter(|_| !segment.is_empty());
                literal
                    .and_then(|node| node.find(rest, accepts))
                    .or_else(|| capture.and_then(|node| node.find(rest, accepts)))
            }
        };
        deeper.or_else(|| first(&self.prefix))
    }
}

/// The first segment, and what follows its slash.
fn split(rest: &str) -> (&str, Option<&str>) {
    match rest.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (rest, None),
    }
}

/// Whether a path fits a pattern.
pub(super) fn fits(pattern: &PathPattern, path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    let all = pattern.segments.iter().all(|expected| {
        segments.next().is_some_and(|segment| match expected {
            Segment::Literal(text) => segment == text,
            Segment::Capture(_) => !segment.is_empty(),
        })
    });
    all && (pattern.prefix || segments.next().is_none())
}

/// What a path that fits has in the places of the captures, decoded.
pub(super) fn captures(pattern: &PathPattern, path: &str) -> Vec<Box<str>> {
    pattern
        .segments
        .iter()
        .zip(path.split('/').skip(1))
        .filter(|(expected, _)| matches!(expected, Segment::Capture(_)))
        .map(|(_, segment)| decode(segment).into())
        .collect()
}
