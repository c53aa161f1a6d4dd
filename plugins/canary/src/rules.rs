//! Requests that go to a certain variant, whatever the weights.

use std::cell::OnceCell;

use sluice_plugin::form;
use sluice_plugin::prelude::*;

use crate::cookie;

/// A condition, and where its requests go.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) condition: Condition,
    pub(crate) variant: usize,
}

/// What a request must have. Without a value, being there is enough.
#[derive(Debug)]
pub(crate) enum Condition {
    Header(String, Option<String>),
    Query(String, Option<String>),
    Cookie(String, Option<String>),
    Group(String),
}

/// What has been asked of the gateway for this request, once for all rules.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    caller: OnceCell<Option<Caller>>,
    cookies: OnceCell<Vec<Vec<u8>>>,
    query: OnceCell<Option<String>>,
}

impl Facts {
    pub(crate) fn caller(&mut self, request: &Request) -> Option<&Caller> {
        self.caller.get_or_init(|| request.caller()).as_ref()
    }

    /// The lines that carry cookies.
    pub(crate) fn cookies(&mut self, request: &Request) -> &[Vec<u8>] {
        self.cookies.get_or_init(|| request.header_values("cookie"))
    }

    fn query(&mut self, request: &Request) -> &str {
        let query = self.query.get_or_init(|| request.query());
        query.as_deref().unwrap_or_default()
    }
}

impl Rule {
    pub(crate) fn holds(&self, request: &Request, facts: &mut Facts) -> bool {
        match &self.condition {
            Condition::Header(name, None) => request.has_header(name),
            Condition::Header(name, Some(value)) => {
                let values = request.header_values(name);
                values.iter().any(|found| found == value.as_bytes())
            }
            Condition::Query(name, value) => {
                let mut pairs = form::pairs(facts.query(request).as_bytes());
                pairs.any(|(found, v)| {
                    let v = form::decode(v.unwrap_or_default());
                    form::decode(found).eq(name.bytes())
                        && value.as_ref().is_none_or(|value| v.eq(value.bytes()))
                })
            }
            Condition::Cookie(name, value) => {
                let mut found = cookie::values(facts.cookies(request), name);
                found.any(|v| is(v, value.as_deref()))
            }
            Condition::Group(group) => {
                let caller = facts.caller(request);
                caller.is_some_and(|caller| caller.groups.contains(group))
            }
        }
    }
}

fn is(found: &[u8], expected: Option<&str>) -> bool {
    expected.is_none_or(|expected| found == expected.as_bytes())
}
