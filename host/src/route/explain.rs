//! Why each route does or does not serve a request.

use std::fmt;

use http::HeaderName;

use super::condition::{Unmet, check};
use super::{Lookup, Table, host, order, path};
use crate::config::model::Matcher;

/// One route, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// Its place among the routes that the table was built of.
    pub index: usize,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a route; where it failed, on what first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It serves the request.
    Chosen,
    /// It matches, but a more specific route is chosen.
    LessSpecific,
    /// It serves other hosts.
    Host,
    /// It serves other paths.
    Path,
    /// It serves other methods.
    Method,
    /// This header is missing or has another value.
    Header(HeaderName),
    /// This query parameter is missing or has another value.
    Query(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => f.write_str("chosen"),
            Self::LessSpecific => f.write_str("matches, but is less specific than the chosen one"),
            Self::Host => f.write_str("serves other hosts"),
            Self::Path => f.write_str("serves other paths"),
            Self::Method => f.write_str("serves other methods"),
            Self::Header(name) => {
                write!(f, "wants another value of the header `{name}`, or any")
            }
            Self::Query(name) => {
                write!(
                    f,
                    "wants another value of the query parameter `{name}`, or any"
                )
            }
        }
    }
}

impl Table {
    /// Every route, in the order of specificity, and why it does or does not serve the request.
    pub fn explain(&self, lookup: &Lookup<'_>) -> Vec<Considered> {
        let mut chosen = false;
        order::by_specificity(&self.routes)
            .into_iter()
            .map(|(index, route)| {
                let verdict = match refusal(&route.matcher, lookup) {
                    Some(verdict) => verdict,
                    None if std::mem::replace(&mut chosen, true) => Verdict::LessSpecific,
                    None => Verdict::Chosen,
                };
                Considered { index, verdict }
            })
            .collect()
    }
}

fn refusal(matcher: &Matcher, lookup: &Lookup<'_>) -> Option<Verdict> {
    if !host::serves(&matcher.host, lookup.host) {
        return Some(Verdict::Host);
    }
    if !path::fits(&matcher.path, lookup.path) {
        return Some(Verdict::Path);
    }
    check(matcher, lookup).err().map(|unmet| match unmet {
        Unmet::Method => Verdict::Method,
        Unmet::Header(name) => Verdict::Header(name.clone()),
        Unmet::Query(name) => Verdict::Query(name.to_owned()),
    })
}
