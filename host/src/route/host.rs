//! The hosts of a table: exact names, names with all below them, any.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::map::TextMap;
use super::path::Paths;
use crate::config::model::HostPattern;

/// Longer names are in no DNS (RFC 1035, 2.3.4), and would make the search for `*.` patterns long.
const LONGEST: usize = 255;

/// The paths that each host pattern serves.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    exact: TextMap<Paths>,
    below: TextMap<Paths>,
    any: Paths,
}

impl Hosts {
    /// The paths of one pattern, to add to.
    pub(super) fn paths(&mut self, pattern: &HostPattern) -> &mut Paths {
        match pattern {
            HostPattern::Exact(name) => self.exact.entry(name.as_str().into()).or_default(),
            HostPattern::Below(name) => self.below.entry(name.as_str().into()).or_default(),
            HostPattern::Any => &mut self.any,
        }
    }

    /// Asks the paths of every pattern that fits, the most specific first.
    pub(super) fn find<T>(&self, host: &str, ask: impl Fn(&Paths) -> Option<T>) -> Option<T> {
        self.find_named(host, &ask).or_else(|| ask(&self.any))
    }

    fn find_named<T>(&self, host: &str, ask: impl Fn(&Paths) -> Option<T>) -> Option<T> {
        if self.exact.is_empty() && self.below.is_empty() {
            return None;
        }
        let name = name(host)?;
        if let Some(found) = self.exact.get(&*name).and_then(&ask) {
            return Some(found);
        }
        if self.below.is_empty() {
            return None;
        }
        parents(&name)
            .filter_map(|parent| self.below.get(parent))
            .find_map(ask)
    }
}

/// Whether a pattern serves a host as it was sent.
pub(super) fn serves(pattern: &HostPattern, host: &str) -> bool {
    match (pattern, name(host)) {
        (HostPattern::Any, _) => true,
        (_, None) => false,
        (HostPattern::Exact(exact), Some(name)) => *name == **exact,
        (HostPattern::Below(top), Some(name)) => name
            .strip_suffix(top.as_str())
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
    }
}

/// What is compared: no port, no trailing dot, lower case; IPv6 in its short form (RFC 5952).
fn name(host: &str) -> Option<Cow<'_, str>> {
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner.split_once(']')?.0.parse().ok()?;
        return Some(Cow::Owned(format!("[{address}]")));
    }
    let end = memchr::memchr(b':', host.as_bytes());
    let name = host.get(..end.unwrap_or(host.len()))?;
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > LONGEST {
        return None;
    }
    Some(match name.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    })
}

/// All names that this one is below, the longest first.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    memchr::memchr_iter(b'.', name.as_bytes())
        .filter(|dot| *dot > 0)
        .filter_map(|dot| name.get(dot + 1..))
}
