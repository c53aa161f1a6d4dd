//! The table against the rules in words, and against a matcher that tries one route after the other.

use std::sync::Arc;

use http::{HeaderName, Method};
use proptest::prelude::*;

use super::{Found, Lookup, Table, Verdict};
use crate::config::model::{Condition, HostPattern, Matcher, PathPattern, Route, Segment};
use crate::message::Headers;

/// `host path [METHOD,…] [header=value…] [?parameter=value…]`, `*` for any host.
fn route(text: &str) -> Arc<Route> {
    let mut words = text.split(' ');
    let host = match words.next().unwrap() {
        "*" => HostPattern::Any,
        host => match host.strip_prefix("*.") {
            Some(below) => HostPattern::Below(below.to_owned()),
            None => HostPattern::Exact(host.to_owned()),
        },
    };
    let path = words.next().unwrap();
    let mut matcher = Matcher {
        host,
        path: pattern(path),
        methods: Vec::new(),
        headers: Vec::new(),
        query: Vec::new(),
    };
    for word in words {
        match (word.split_once('='), word.strip_prefix('?')) {
            (Some((name, value)), None) => {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                matcher.headers.push((name, condition(value)));
            }
            (_, Some(pair)) => {
                let (name, value) = pair.split_once('=').unwrap();
                matcher.query.push((name.to_owned(), condition(value)));
            }
            (None, None) => matcher.methods = word.split(',').map(|m| m.parse().unwrap()).collect(),
        }
    }
    Arc::new(Route {
        name: text.into(),
        matcher,
        plugins: Vec::new(),
        upstreams: vec!["up".into()],
        body_limit: 0,
    })
}

fn pattern(path: &str) -> PathPattern {
    let (path, prefix) = match path.strip_suffix("/*") {
        Some(path) => (path, true),
        None => (path, false),
    };
    let segments = path.split('/').skip(1);
    let segment = |s: &str| match s.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
        Some(name) => Segment::Capture(name.to_owned()),
        None => Segment::Literal(s.to_owned()),
    };
    PathPattern {
        segments: segments.map(segment).collect(),
        prefix,
    }
}

fn condition(value: &str) -> Condition {
    match value {
        "*" => Condition::Present,
        value => Condition::Equals(value.to_owned()),
    }
}

fn table(routes: &[&str]) -> Table {
    let routes: Vec<_> = routes.iter().map(|r| route(r)).collect();
    Table::build(&routes).unwrap()
}

/// `METHOD host path?query [header=value…]`
fn ask<T>(request: &str, answer: impl FnOnce(&Lookup<'_>) -> T) -> T {
    let mut words = request.split(' ');
    let method: Method = words.next().unwrap().parse().unwrap();
    let host = words.next().unwrap();
    let target = words.next().unwrap();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut headers = Headers::new();
    for (name, value) in words.filter_map(|w| w.split_once('=')) {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, value.parse().unwrap());
    }
    answer(&Lookup {
        host,
        path,
        method: &method,
        headers: &headers,
        query,
    })
}

fn find(table: &Table, request: &str) -> Option<Found> {
    ask(request, |lookup| table.find(lookup))
}

fn name_of<'t>(table: &'t Table, request: &str) -> &'t str {
    find(table, request).map_or("none", |found| &table.routes[found.index].name)
}

#[test]
fn the_most_specific_host_wins() {
    let table = table(&[
        "* /*",
        "*.example.com /*",
        "*.eu.example.com /*",
        "a.eu.example.com /*",
        "[::1] /*",
    ]);
    for (host, winner) in [
        ("a.eu.example.com", "a.eu.example.com /*"),
        ("A.EU.Example.COM:8080", "a.eu.example.com /*"),
        ("a.eu.example.com.", "a.eu.example.com /*"),
        ("a.eu.example.com.:80", "a.eu.example.com /*"),
        ("b.eu.example.com", "*.eu.example.com /*"),
        ("c.b.eu.example.com", "*.eu.example.com /*"),
        ("eu.example.com", "*.example.com /*"),
        ("example.com", "* /*"),
        (".example.com", "* /*"),
        ("badexample.com", "* /*"),
        ("", "* /*"),
        ("[::1]:80", "[::1] /*"),
        ("[0:0::1]", "[::1] /*"),
        ("[::2]", "* /*"),
        ("[", "* /*"),
    ] {
        assert_eq!(name_of(&table, &format!("GET {host} /")), winner, "{host}");
    }
}

#[test]
fn the_most_specific_path_wins() {
    let table = table(&[
        "* /*",
        "* /orders/*",
        "* /orders",
        "* /orders/{id}",
        "* /orders/new",
        "* /orders/{id}/items/*",
        "* /{a}/new/x",
        "* /",
        "* /slash/",
    ]);
    for (path, winner) in [
        ("/", "* /"),
        ("/orders", "* /orders"),
        ("/orders/", "* /orders/*"),
        ("/orders/new", "* /orders/new"),
        ("/orders/7", "* /orders/{id}"),
        ("/orders/7/items", "* /orders/{id}/items/*"),
        ("/orders/7/items/", "* /orders/{id}/items/*"),
        ("/orders/7/items/1/2", "* /orders/{id}/items/*"),
        ("/orders/7/other", "* /orders/*"),
        ("/orders//items", "* /orders/*"),
        ("/orders/new/x", "* /orders/*"),
        ("/others/new/x", "* /{a}/new/x"),
        ("/ordersx", "* /*"),
        ("/slash", "* /*"),
        ("/slash/", "* /slash/"),
    ] {
        assert_eq!(name_of(&table, &format!("GET a {path}")), winner, "{path}");
    }
}

#[test]
fn conditions_decide_last_and_fall_back() {
    let table = table(&[
        "* /a",
        "* /a GET",
        "* /a GET x-v=1",
        "* /a GET x-v=1 ?q=*",
        "* /a GET x-v=2 x-w=*",
        "a.com /a POST",
        "a.com /b/c x-v=1",
        "* /b/*",
    ]);
    for (request, winner) in [
        ("PUT b.com /a", "* /a"),
        ("GET b.com /a", "* /a GET"),
        ("GET b.com /a x-v=1", "* /a GET x-v=1"),
        ("GET b.com /a?q x-v=1", "* /a GET x-v=1 ?q=*"),
        ("GET b.com /a x-v=2", "* /a GET"),
        ("GET b.com /a x-v=2 x-w=", "* /a GET x-v=2 x-w=*"),
        ("GET b.com /a x-v=3 x-v=1", "* /a GET"),
        ("POST a.com /a", "a.com /a POST"),
        ("PUT a.com /a", "* /a"),
        ("GET a.com /b/c x-v=1", "a.com /b/c x-v=1"),
        ("GET a.com /b/c", "* /b/*"),
        ("GET a.com /c", "none"),
    ] {
        assert_eq!(name_of(&table, request), winner, "{request}");
    }
}

#[test]
fn captures_come_decoded_in_the_order_of_the_pattern() {
    let table = table(&["* /{a}/x/{b}/*"]);
    let found = find(&table, "GET h /a%20b/x/%C3%A4%FF/rest").unwrap();
    assert_eq!(found.captures, ["a b".into(), Box::from("%C3%A4%FF")]);
    assert_eq!(find(&table, "GET h //x/b"), None);
}

#[test]
fn routes_that_could_win_equally_are_conflicts() {
    for (first, second) in [
        ("* /*", "* /*"),
        ("* /{a}", "* /{b}"),
        ("* /a GET,POST", "* /a POST,PUT"),
        ("* /a x-a=1", "* /a x-b=2"),
        ("* /a x-a=1", "* /a x-a=*"),
        ("* /a ?a=1", "* /a ?a=1"),
        ("a.com /a", "a.com /a"),
    ] {
        let routes = [route("* /other"), route(first), route(second)];
        let conflicts = Table::build(&routes).unwrap_err();
        assert_eq!(conflicts.len(), 1, "{first} and {second}");
        assert_eq!((conflicts[0].first, conflicts[0].second), (1, 2));
        assert!(conflicts[0].why.starts_with("same host and path"));
    }
    for (first, second) in [
        ("* /a", "* /a/*"),
        ("* /a", "* /a/"),
        ("* /a GET", "* /a POST"),
        ("* /a GET", "* /a"),
        ("* /a x-a=1", "* /a x-a=2"),
        ("* /a x-a=1", "* /a ?a=1"),
        ("* /a ?a=1 ?b=1", "* /a ?b=2 ?c=1"),
        ("a.com /a", "*.com /a"),
    ] {
        assert!(
            Table::build(&[route(first), route(second)]).is_ok(),
            "{first} and {second}"
        );
    }
}

#[test]
fn an_explanation_names_the_first_thing_that_fails() {
    let table = table(&[
        "* /*",
        "b.com /a",
        "* /a ?v=2",
        "* /a x-v=1",
        "* /a POST",
        "* /b",
        "* /a",
    ]);
    let considered = ask("GET a.com /a", |lookup| table.explain(lookup));
    let words: Vec<_> = considered
        .iter()
        .map(|c| (c.index, c.verdict.to_string()))
        .collect();
    let expected = [
        (1, "serves other hosts"),
        (4, "serves other methods"),
        (3, "wants another value of the header `x-v`, or any"),
        (2, "wants another value of the query parameter `v`, or any"),
        (5, "serves other paths"),
        (6, "chosen"),
        (0, "matches, but is less specific than the chosen one"),
    ];
    assert_eq!(words, expected.map(|(i, w)| (i, w.to_owned())));
}

#[test]
fn a_host_of_many_labels_is_no_burden() {
    let table = table(&["* /*", "*.com /*"]);
    let long = format!("{}com", "a.".repeat(100_000));
    assert_eq!(name_of(&table, &format!("GET {long} /")), "* /*");
}

fn any_route() -> impl Strategy<Value = String> {
    let host = prop::sample::select(vec!["*", "*.b.c", "*.c", "a.b.c", "b.c"]);
    let segment = prop::sample::select(vec!["/x", "/y", "/{p}", "/"]);
    let path = prop::collection::vec(segment, 0..4);
    let end = prop::sample::select(vec!["/*", "/*", "/x", "/"]);
    let methods = prop::sample::select(vec!["", " GET", " GET,PUT"]);
    let conditions = prop::sample::select(vec![
        "",
        "",
        " x-v=1",
        " x-v=2",
        " x-w=* x-v=1",
        " ?q=1",
        " x-w=1 ?q=*",
    ]);
    (host, path, end, methods, conditions).prop_map(|(host, path, end, methods, conditions)| {
        // Only the last segment of a pattern can be empty.
        let path: String = path.into_iter().filter(|s| *s != "/").collect();
        format!("{host} {path}{end}{methods}{conditions}")
    })
}

fn any_request() -> impl Strategy<Value = String> {
    let method = prop::sample::select(vec!["GET", "PUT", "POST"]);
    let host = prop::sample::select(vec!["a.b.c", "b.c", "z.c", "z.b.c:80", "C", "A.b.C."]);
    let path = prop::collection::vec(prop::sample::select(vec!["/x", "/y", "/z"]), 0..5);
    let end = prop::sample::select(vec!["/x", "/", "/q"]);
    let rest = prop::sample::select(vec![
        "",
        "?q=1",
        " x-v=1",
        "?q=1 x-v=1 x-w=1",
        " x-v=2",
        "?q=2 x-w=1",
    ]);
    (method, host, path, end, rest).prop_map(|(method, host, path, end, rest)| {
        format!("{method} {host} {}{end}{rest}", path.concat())
    })
}

proptest! {
    #[test]
    fn the_table_finds_what_trying_one_after_the_other_finds(
        routes in prop::collection::vec(any_route(), 1..24),
        requests in prop::collection::vec(any_request(), 1..24),
    ) {
        let mut kept: Vec<Arc<Route>> = Vec::new();
        for text in &routes {
            kept.push(route(text));
            if Table::build(&kept).is_err() {
                kept.pop();
            }
        }
        let table = Table::build(&kept).unwrap();
        for request in &requests {
            let found = find(&table, request).map(|f| f.index);
            let considered = ask(request, |lookup| table.explain(lookup));
            let chosen = considered.iter().find(|c| c.verdict == Verdict::Chosen);
            prop_assert_eq!(found, chosen.map(|c| c.index), "{}", request);
        }
    }
}
