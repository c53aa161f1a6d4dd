//! What people who come from Kong expect of quota: `vectors/rate-limiting.json`.
//!
//! What is said in another way here, and why it comes to the same:
//! - `minute = 6` is a limit of six a minute in a sliding window, so that no
//!   test runs across the end of a minute.
//! - `limit_by = "service"` is `by = "upstream"`; each route has its own.
//! - `limit_by = "path"` counts one path there, and every path by itself here.
//! - `hide_client_headers` is `headers = "none"`, else it is `headers = "kong"`.
//! - `policy` is a `store`; here it is the gateway's own memory.
//! - `X-Real-IP` is `X-Forwarded-For` from a proxy that is trusted.
//! - key-auth stands before quota in the list, so that there is a consumer.

use std::collections::BTreeSet;

use http::Request;
use serde_json::Value;
use sluice_tests::body::{self, Body};
use sluice_tests::client::Answer;
use sluice_tests::{Gateway, Settings, Upstream, config, keys, paths};

/// Vectors that leave out requests before their last step: how many, and why.
const LEFT_OUT: &[(&str, usize, &str)] = &[(
    "rate-limiting/003",
    5,
    "its first request is one of six that pass; the refused one is the seventh",
)];

struct Vector {
    name: String,
    /// The host of its routes.
    host: String,
    steps: Vec<Value>,
}

/// All vectors, and the configuration with a plugin and routes for each of them.
fn vectors(to: &Upstream) -> (Vec<Vector>, Settings) {
    let file = paths::repository().join("tests/vectors/rate-limiting.json");
    let text = std::fs::read_to_string(&file).expect("the vectors");
    let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let mut toml =
        "[plugins.auth]\nsource = \"builtin:key-auth\"\nconfig = { key_names = [\"test-key\"] }\n"
            .to_owned();
    let mut known = BTreeSet::new();
    let mut vectors = Vec::new();
    for (number, vector) in all.into_iter().enumerate() {
        let steps = vector["steps"].as_array().expect("steps").clone();
        for step in &steps {
            if let Some(key) = step["request"]["headers"]["test-key"].as_str() {
                known.insert(key.to_owned());
            }
        }
        toml += &plugin_and_routes(number, &vector["config"], to);
        vectors.push(Vector {
            name: vector["name"].as_str().expect("a name").to_owned(),
            host: format!("v{number}.test"),
            steps,
        });
    }
    toml.extend(known.iter().map(|key| keys::consumer(key, key)));
    let settings = Settings::new(toml).listener("trusted_proxies = [\"127.0.0.1/32\"]");
    (vectors, settings)
}

fn plugin_and_routes(number: usize, theirs: &Value, to: &Upstream) -> String {
    let plugins = theirs["plugins"].as_array().expect("plugins");
    let of = |name: &str| plugins.iter().find(|plugin| plugin["plugin"] == name);
    let config = &of("rate-limiting").expect("a limit")["config"];
    let limits: String = [("minute", "1m"), ("hour", "1h")]
        .iter()
        .filter_map(|(name, window)| {
            let amount = config[name].as_u64()?;
            Some(format!(
                "{{ name = \"{name}\", amount = {amount}, window = \"{window}\" }}, "
            ))
        })
        .collect();
    let by = match config["limit_by"].as_str().expect("limit_by") {
        "ip" => "client-address".to_owned(),
        "service" => "upstream".to_owned(),
        "header" => format!("header:{}", config["header_name"].as_str().expect("a name")),
        other => other.to_owned(),
    };
    let headers = match config["hide_client_headers"] == true {
        true => "none",
        false => "kong",
    };
    let mut toml = format!(
        "[plugins.v{number}]\nsource = \"builtin:quota\"\n[plugins.v{number}.config]\n\
         limits = [{limits}]\nby = \"{by}\"\nheaders = \"{headers}\"\n"
    );
    for (theirs, ours) in [("error_code", "status"), ("error_message", "message")] {
        if !config[theirs].is_null() {
            toml += &format!("{ours} = {}\n", config[theirs]);
        }
    }
    let chain = match of("key-auth") {
        Some(_) => format!("\"auth\", \"v{number}\""),
        None => format!("\"v{number}\""),
    };
    for (at, route) in theirs["routes"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let path = route["paths"][0].as_str().expect("a path");
        let name = format!("v{number}-{at}");
        toml += &config::upstream(&name, &[to.address()]);
        toml += &format!(
            "[[routes]]\nname = \"{name}\"\n\
             match = {{ host = \"v{number}.test\", path = \"{path}\" }}\n\
             plugins = [{chain}]\nupstreams = [\"{name}\"]\n"
        );
    }
    toml
}

fn request(host: &str, vector: &Value) -> Request<Body> {
    let mut request = Request::builder()
        .method("GET")
        .uri(vector["path"].as_str().expect("a path"))
        .header("host", host);
    for (name, value) in vector["headers"].as_object().into_iter().flatten() {
        let name = match name.as_str() {
            "X-Real-IP" => "x-forwarded-for",
            name => name,
        };
        request = request.header(name, value.as_str().expect("a value"));
    }
    request.body(body::empty()).expect("a valid request")
}

/// What is wrong with an answer.
fn judge(step: &Value, answer: &Answer) -> Vec<String> {
    let mut wrong = Vec::new();
    for expectation in step["expected_response"].as_array().into_iter().flatten() {
        let field = expectation["field"].as_str().expect("a field");
        let found = match field.split_once(':') {
            Some(("header", name)) => {
                let value = answer.headers.get(name);
                value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            }
            Some((_, key)) => answer.json()[key].as_str().map(str::to_owned),
            None => Some(answer.status.as_u16().to_string()),
        };
        let value = match &expectation["value"] {
            Value::Number(number) => Some(number.to_string()),
            value => value.as_str().map(str::to_owned),
        };
        let good = match expectation["op"].as_str().expect("an operation") {
            "equals" => found == value,
            "absent" => found.is_none(),
            "matches" => found
                .as_ref()
                .zip(value)
                .is_some_and(|(f, v)| f.contains(&v)),
            other => panic!("an unknown operation: {other}"),
        };
        if !good {
            wrong.push(format!("{expectation} but found {found:?}"));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn quota_does_what_users_of_kong_know() {
    let upstream = Upstream::start().await;
    let (vectors, settings) = vectors(&upstream);
    assert!(vectors.len() > 20, "only {} vectors", vectors.len());
    let gateway = Gateway::start(&settings).await;
    let mut client = gateway.client().await;
    let mut wrong = Vec::new();
    for Vector { name, host, steps } in &vectors {
        let left_out = LEFT_OUT
            .iter()
            .find(|(number, ..)| name.starts_with(number));
        for (at, step) in steps.iter().enumerate() {
            let before = left_out.filter(|_| at + 1 == steps.len());
            for _ in 0..before.map_or(0, |(_, count, _)| *count) {
                client.fetch(request(host, &step["request"])).await;
            }
            let answer = client.fetch(request(host, &step["request"])).await;
            let problems = judge(step, &answer);
            wrong.extend(problems.iter().map(|problem| format!("{name}: {problem}")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} vectors:\n{}",
        wrong.len(),
        vectors.len(),
        wrong.join("\n")
    );
}
