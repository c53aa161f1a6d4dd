//! Which route serves a request.
//!
//! # The most specific route wins
//! Of two routes that match the same request, the first of these differences decides:
//! 1. Host: an exact name, then `*.` with the longer name below it, then `*.` with the
//!    shorter one, then any host.
//! 2. Path, segment by segment from the left: a literal, then a capture, then the end of a
//!    prefix (`/*`). Where both end in the same place, an exact path, then a prefix.
//! 3. Methods: given, then not given.
//! 4. The number of header conditions: more, then fewer.
//! 5. The number of query conditions: more, then fewer.
//!
//! Two routes for which none of these decides, and which one request could match, are a
//! [`Conflict`]: no table is built. Where a more specific route fails on a later condition,
//! say a header, the next one is tried, down to any host.
//!
//! # What matches
//! Hosts are compared without port and trailing dot, in any case. `*.example.com` is any name
//! below `example.com`, at any depth, but not `example.com`. `/orders/*` is `/orders` and all
//! below it; `/orders/` is not `/orders`. Header and query conditions look at the first line or
//! parameter of their name, names and values of the query after percent-decoding, `+` for a space.

mod condition;
mod conflict;
mod explain;
mod host;
mod map;
mod order;
mod path;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::Method;

use crate::config::model::Route;
use crate::message::Headers;
pub use conflict::Conflict;
pub use explain::{Considered, Verdict};
use host::Hosts;

/// All routes of one configuration, ready to be asked.
#[derive(Debug)]
pub struct Table {
    /// In the order of the configuration.
    routes: Vec<Arc<Route>>,
    hosts: Hosts,
}

/// What routes look at.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// As it was sent, perhaps with a port; empty where there is none.
    pub host: &'a str,
    /// Normalised, escapes in place.
    pub path: &'a str,
    /// The method.
    pub method: &'a Method,
    /// All header lines.
    pub headers: &'a Headers,
    /// What stands after the `?`.
    pub query: Option<&'a str>,
}

/// The route that serves a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its place among the routes that the table was built of.
    pub index: usize,
    /// What its path captured, in the order of the pattern, percent-decoded.
    pub captures: Vec<Box<str>>,
}

impl Table {
    /// Builds the table of a configuration.
    ///
    /// # Errors
    /// The routes that could win equally, each with the first that it conflicts with.
    pub fn build(routes: &[Arc<Route>]) -> Result<Self, Vec<Conflict>> {
        let conflicts = conflict::find(routes);
        if !conflicts.is_empty() {
            return Err(conflicts);
        }
        let mut hosts = Hosts::default();
        for (index, route) in order::by_specificity(routes) {
            let matcher = &route.matcher;
            hosts.paths(&matcher.host).insert(&matcher.path, index);
        }
        Ok(Self {
            routes: routes.to_vec(),
            hosts,
        })
    }

    /// The most specific route that matches. Allocates nothing but captures, and the
    /// form to compare of a host that has upper case or is an IPv6 address.
    pub fn find(&self, lookup: &Lookup<'_>) -> Option<Found> {
        let accepts = |index: usize| {
            let route = self.routes.get(index);
            route.is_some_and(|r| condition::check(&r.matcher, lookup).is_ok())
        };
        let index = self
            .hosts
            .find(lookup.host, |paths| paths.find(lookup.path, &accepts))?;
        let pattern = &self.routes.get(index)?.matcher.path;
        Some(Found {
            index,
            captures: path::captures(pattern, lookup.path),
        })
    }
}
