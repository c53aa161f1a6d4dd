//! `sluice explain`

use std::path::Path;
use std::process::ExitCode;

use http::header::HOST;
use http::{HeaderName, HeaderValue, Method, Uri};

use super::{check, print};
use crate::generation::Generation;
use crate::message::Headers;
use crate::proxy::path;
use crate::route::{Lookup, Verdict};

pub(super) fn explain(request: &[String], headers: &[String]) -> ExitCode {
    let (config, method, url) = match request {
        [config, method, url] => (config.as_str(), method, url),
        [method, url] => ("sluice.toml", method, url),
        _ => return usage("expected [CONFIG] METHOD URL"),
    };
    let asked = match Asked::new(method, url, headers) {
        Ok(asked) => asked,
        Err(why) => return usage(&why),
    };
    match check::load(Path::new(config)) {
        Ok((_, generation)) => show(&generation, &asked),
        Err(problems) => {
            print::problems(&problems);
            ExitCode::FAILURE
        }
    }
}

fn usage(why: &str) -> ExitCode {
    print::err(why);
    ExitCode::from(2)
}

struct Asked {
    method: Method,
    host: String,
    path: String,
    query: Option<String>,
    headers: Headers,
}

impl Asked {
    fn new(method: &str, url: &str, lines: &[String]) -> Result<Self, String> {
        let method = Method::from_bytes(method.as_bytes());
        let method = method.map_err(|_| format!("\"{}\" is not a method", request_word(url)))?;
        let uri: Uri = url.parse().map_err(|why| format!("{url}: {why}"))?;
        let mut headers = Headers::new();
        for line in lines {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| format!("header \"{line}\": expected \"name: value\""))?;
            let name: HeaderName = name
                .trim()
                .parse()
                .map_err(|why| format!("header \"{line}\": {why}"))?;
            let value: HeaderValue = value
                .trim()
                .parse()
                .map_err(|why| format!("header \"{name}\": {why}"))?;
            headers.append(name, value);
        }
        let named = headers.get(HOST).and_then(|h| h.to_str().ok());
        let host = uri.host().or(named).unwrap_or("").to_owned();
        let target = uri.path_and_query().map_or("/", |t| t.as_str());
        let target = path::normalise(target).map_err(|why| format!("{url}: {}", why.detail()))?;
        Ok(Self {
            method,
            host,
            path: target.path().to_owned(),
            query: target.query().map(str::to_owned),
            headers,
        })
    }
}

fn request_word(word: &str) -> &str {
    word.split_whitespace().next().unwrap_or("")
}

fn show(generation: &Generation, asked: &Asked) -> ExitCode {
    let considered = generation.routes.explain(&Lookup {
        host: &asked.host,
        path: &asked.path,
        method: &asked.method,
        headers: &asked.headers,
        query: asked.query.as_deref(),
    });
    print::out(format_args!(
        "{} {}{}",
        asked.method, asked.host, asked.path
    ));
    print::out("");
    print::out("routes, the most specific first:");
    let mut chosen = None;
    for one in &considered {
        let Some(route) = generation.config.routes.get(one.index) else {
            continue;
        };
        print::out(format_args!("  {}: {}", route.name, one.verdict));
        if matches!(one.verdict, Verdict::Chosen) {
            chosen = Some(route);
        }
    }
    let Some(route) = chosen else {
        print::out("");
        print::out("no route matches: the answer is 404 from the gateway itself");
        return ExitCode::SUCCESS;
    };
    print::out("");
    print::out("plugins, in the order of their request hooks (response hooks run the other way):");
    if route.plugins.is_empty() {
        print::out("  none");
    }
    for (at, name) in route.plugins.iter().enumerate() {
        let Some(binding) = generation.bindings.get(name) else {
            continue;
        };
        let artifact = binding.artifact();
        print::out(format_args!("  {}. {name}: {}", at + 1, artifact.summary()));
        let hooks: Vec<_> = binding.hooks().iter().map(|h| h.name()).collect();
        print::out(format_args!("     hooks: {}", hooks.join(", ")));
        print::out(format_args!(
            "     config: {}",
            binding.plugin().shown_config
        ));
        let calls = &binding.plugin().grants.http;
        if !calls.is_empty() {
            let calls: Vec<_> = calls.iter().map(ToString::to_string).collect();
            print::out(format_args!("     may call: {}", calls.join(", ")));
        }
        if binding.waits() {
            print::out("     waits for a store or a call");
        }
    }
    for odd in generation.odd_orders(route) {
        print::out(format_args!("  warning: {odd}"));
    }
    print::out("");
    for (at, name) in route.upstreams.iter().enumerate() {
        let Some(upstream) = generation.config.upstreams.get(name) else {
            continue;
        };
        let targets: Vec<_> = upstream.targets.iter().map(ToString::to_string).collect();
        let role = if at == 0 {
            "upstream"
        } else {
            "  or, if a plugin chooses it"
        };
        let tls = if upstream.tls.is_some() { ", TLS" } else { "" };
        print::out(format_args!("{role}: {name} ({}{tls})", targets.join(", ")));
    }
    ExitCode::SUCCESS
}
