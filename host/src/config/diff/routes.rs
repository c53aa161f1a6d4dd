//! What changed of a route.

use std::sync::Arc;

use super::super::model::{HostPattern, Matcher, PathPattern, Route, Segment};
use super::super::units::show_size;
use super::fields::Fields;

pub(super) fn fields(old: Option<&Arc<Route>>, new: &Arc<Route>) -> Vec<String> {
    let Some(old) = old else { return Vec::new() };
    let Route {
        name: _,
        matcher,
        plugins,
        upstreams,
        body_limit,
    } = &**new;
    let Matcher {
        host,
        path,
        methods,
        headers,
        query,
    } = matcher;
    let mut fields = Fields::default();
    fields.with("match.host", &old.matcher.host, host, show_host);
    fields.with("match.path", &old.matcher.path, path, show_path);
    fields.list("match.methods", &old.matcher.methods, methods);
    fields.hidden("match.headers", &old.matcher.headers, headers);
    fields.hidden("match.query", &old.matcher.query, query);
    fields.list("plugins", &old.plugins, plugins);
    fields.list("upstreams", &old.upstreams, upstreams);
    fields.with("body_limit", &old.body_limit, body_limit, |bytes| {
        show_size(*bytes as u64)
    });
    fields.into_details()
}

fn show_host(host: &HostPattern) -> String {
    match host {
        HostPattern::Any => "*".to_owned(),
        HostPattern::Exact(name) => name.clone(),
        HostPattern::Below(name) => format!("*.{name}"),
    }
}

fn show_path(path: &PathPattern) -> String {
    let mut shown = String::new();
    for segment in &path.segments {
        shown.push('/');
        match segment {
            Segment::Literal(text) => shown.push_str(text),
            Segment::Capture(name) => shown.extend(["{", name, "}"]),
        }
    }
    if path.prefix {
        shown.push_str("/*");
    }
    shown
}
