//! `[[routes]]`

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method};

use super::super::defaults::BODY_LIMIT;
use super::super::key::join;
use super::super::model::{Condition, HostPattern, Matcher, Name, PathPattern, Route};
use super::super::pattern;
use super::super::reader::{Fault, Item, Table};
use super::names::{Names, check, references};

/// The most routes.
const MOST_ROUTES: usize = 100_000;

/// The most plugins of a route, and the most upstreams.
const MOST_NAMES: usize = 64;

/// The most methods, header conditions or query conditions of a route.
const MOST_CONDITIONS: usize = 64;

/// Reads all routes, in their order.
pub(super) fn routes(item: &Item<'_>, names: &Names<'_>) -> Option<Vec<Arc<Route>>> {
    let mut seen: HashMap<Name, String> = HashMap::new();
    let mut routes = Vec::new();
    for item in item.array(MOST_ROUTES)? {
        let route = item.table(|table| route(table, names, &mut seen));
        routes.extend(route.flatten().map(Arc::new));
    }
    Some(routes)
}

fn route(
    table: &Table<'_, '_>,
    names: &Names<'_>,
    seen: &mut HashMap<Name, String>,
) -> Option<Route> {
    let name = table.need("name", "a name that no other route has", |item| {
        let name = item.parse(check)?;
        if let Some(first) = seen.get(&name) {
            let first = item.cx.first_at(first);
            return item.reject(Fault::new(format!("the name is taken: {first}")));
        }
        seen.insert(name.clone(), item.key.clone());
        Some(name)
    });
    let matcher = table.or("match", any(), |item| item.table(matcher));
    let plugins = table.or("plugins", Vec::new(), |item| {
        Some(references(item, "plugin", MOST_NAMES, &names.plugins))
    });
    let upstreams = table.need("upstreams", "an array of names of upstreams", |item| {
        if item.array(MOST_NAMES)?.is_empty() {
            let valid = names.upstreams.iter().copied();
            return item.reject(Fault::new("no upstream").one_of("", valid));
        }
        Some(references(item, "upstream", MOST_NAMES, &names.upstreams))
    });
    let body_limit = table.or("body_limit", BODY_LIMIT, |i| i.size(1..=1 << 30));
    Some(Route {
        name: name?,
        matcher,
        plugins,
        upstreams: upstreams?,
        body_limit,
    })
}

fn any() -> Matcher {
    Matcher {
        host: HostPattern::Any,
        path: PathPattern {
            segments: Vec::new(),
            prefix: true,
        },
        methods: Vec::new(),
        headers: Vec::new(),
        query: Vec::new(),
    }
}

/// What has no order is sorted, so that a file that says the same is equal.
fn matcher(table: &Table<'_, '_>) -> Matcher {
    let any = any();
    let mut matcher = Matcher {
        host: table.or("host", any.host, |item| {
            let expected = "a host such as \"api.example.com\" or \"*.example.com\"";
            item.parse(|text| pattern::host(text).map_err(|m| Fault::new(m).expected(expected)))
        }),
        path: table.or("path", any.path, |item| {
            let expected = "a path such as \"/exact\", \"/prefix/*\" or \"/orders/{id}\"";
            item.parse(|text| pattern::path(text).map_err(|m| Fault::new(m).expected(expected)))
        }),
        methods: table.or("methods", any.methods, methods),
        headers: table.or("headers", any.headers, |i| {
            conditions(i, header, header_value)
        }),
        query: table.or("query", any.query, |i| {
            conditions(i, query_name, query_value)
        }),
    };
    matcher.methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    matcher
        .headers
        .sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
    matcher.query.sort_by(|(a, _), (b, _)| a.cmp(b));
    matcher
}

fn methods(item: &Item<'_>) -> Option<Vec<Method>> {
    let items = item.array(MOST_CONDITIONS)?;
    if items.is_empty() {
        let fault = Fault::new("no method: the route would match nothing");
        return item.reject(fault.expected("methods such as [\"GET\"], or no such key for any"));
    }
    let mut methods: Vec<Method> = Vec::new();
    for item in items {
        let method = item.parse(|text| {
            let upper = !text.bytes().any(|b| b.is_ascii_lowercase());
            let method = Method::from_bytes(text.as_bytes()).ok().filter(|_| upper);
            let Some(method) = method else {
                let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
                return Err(Fault::new("not a method").one_of(text, known));
            };
            if methods.contains(&method) {
                return Err(Fault::new("the same method twice"));
            }
            Ok(method)
        });
        methods.extend(method);
    }
    Some(methods)
}

/// A table of names and what their values must be.
fn conditions<N: PartialEq>(
    item: &Item<'_>,
    name: fn(&str) -> Result<N, &'static str>,
    value: fn(&str) -> bool,
) -> Option<Vec<(N, Condition)>> {
    let mut conditions: Vec<(N, Condition)> = Vec::new();
    let entries = item.entries()?;
    if entries.len() > MOST_CONDITIONS {
        let expected = format!("at most {MOST_CONDITIONS}");
        return item.reject(Fault::new("too many").expected(expected));
    }
    for (key, entry) in entries {
        let condition = entry.parse(|text| match text {
            "*" => Ok(Condition::Present),
            _ if value(text) => Ok(Condition::Equals(text.to_owned())),
            _ => Err(Fault::new("no request can have this value").hidden()),
        });
        let fault = |message: &str| {
            let fault = Fault::new(message).hidden();
            item.cx.report(&join(&item.key, key), fault);
        };
        match name(key) {
            Ok(name) if conditions.iter().any(|(other, _)| *other == name) => {
                fault("the same name twice");
            }
            Ok(name) => conditions.extend(condition.map(|condition| (name, condition))),
            Err(message) => fault(message),
        }
    }
    Some(conditions)
}

fn header(text: &str) -> Result<HeaderName, &'static str> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| "not a header name")
}

/// Space around a value is not part of it (RFC 9110, 5.5).
fn header_value(text: &str) -> bool {
    text.trim_matches([' ', '\t']) == text && HeaderValue::from_str(text).is_ok()
}

fn query_name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("a query parameter has a name");
    }
    Ok(text.to_owned())
}

fn query_value(_: &str) -> bool {
    true
}
