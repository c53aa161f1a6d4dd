//! What people who come from Kong expect of key-auth: `vectors/key-auth.json`.

use http::{Method, Request, header};
use serde_json::Value;
use sluice_tests::body::{self, Body};
use sluice_tests::client::Answer;
use sluice_tests::upstream::Seen;
use sluice_tests::{Gateway, Settings, Upstream, config, keys, paths};

/// Vectors that another plugin or the passing of time decides.
const NOT_OURS: &[(&str, &str)] = &[
    ("key-auth/054", "basic-auth is not a plugin of this gateway"),
    ("key-auth/055", "basic-auth is not a plugin of this gateway"),
    ("key-auth/056", "basic-auth is not a plugin of this gateway"),
    ("key-auth/057", "basic-auth is not a plugin of this gateway"),
    ("key-auth/058", "basic-auth is not a plugin of this gateway"),
    ("key-auth/059", "basic-auth is not a plugin of this gateway"),
    ("key-auth/060", "basic-auth is not a plugin of this gateway"),
    ("key-auth/061", "basic-auth is not a plugin of this gateway"),
    (
        "key-auth/053",
        "an anonymous consumer that does not exist is refused when the configuration is loaded",
    ),
    (
        "key-auth/062",
        "keys end at a moment that the configuration says, not some time after they were made",
    ),
];

/// Vectors that come to something else on purpose: the status that they come to, and why.
const DIFFERENT: &[(&str, &[u16], &str)] = &[
    (
        "key-auth/001",
        &[401],
        "only a real preflight is let through, with Origin and Access-Control-Request-Method",
    ),
    (
        "key-auth/030",
        &[200, 401],
        "a header's name is taken as it is written: api-key is not api_key",
    ),
    (
        "key-auth/031",
        &[401, 401],
        "the same: the second request has no key at all",
    ),
    (
        "key-auth/049",
        &[200],
        "what stays of the query stays byte for byte",
    ),
];

struct Vector {
    name: String,
    /// The host of its route: one for each configuration.
    host: String,
    steps: Vec<Value>,
}

/// All vectors, and the configuration with a route and a plugin for each of their configurations.
fn vectors(to: &Upstream) -> (Vec<Vector>, Settings) {
    let file = paths::repository().join("tests/vectors/key-auth.json");
    let text = std::fs::read_to_string(&file).expect("the vectors");
    let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let mut known: Vec<Value> = Vec::new();
    let mut toml = config::upstream("up", &[to.address()]) + "[consumers.no-body]\n";
    toml += &format!(
        "[consumers.bob]\ncredentials = [{}, {}]\n",
        keys::credential("bob-kong", "kong"),
        keys::credential("bob-right", "right")
    );
    let mut vectors = Vec::new();
    for vector in all {
        let name = vector["name"].as_str().expect("a name").to_owned();
        if NOT_OURS.iter().any(|(number, _)| name.starts_with(number)) {
            continue;
        }
        let wanted = &vector["config"]["plugins"][0]["config"];
        let number = known
            .iter()
            .position(|config| config == wanted)
            .unwrap_or_else(|| {
                toml += &plugin_and_route(known.len(), wanted);
                known.push(wanted.clone());
                known.len() - 1
            });
        let steps = match &vector["steps"] {
            Value::Array(steps) => steps.clone(),
            _ => vec![vector],
        };
        vectors.push(Vector {
            name,
            host: format!("v{number}.test"),
            steps,
        });
    }
    (vectors, Settings::new(toml))
}

/// Their defaults where they differ from ours, then what the vector says.
fn plugin_and_route(number: usize, theirs: &Value) -> String {
    let mut ours = serde_json::json!({
        "key_names": ["apikey"], "key_in_query": true, "hide_credentials": false,
    });
    // An empty table may be written as an empty list.
    for (key, value) in theirs.as_object().into_iter().flatten() {
        let named = if key == "anonymous" {
            "no-body".into()
        } else {
            value.clone()
        };
        ours[key] = named;
    }
    let lines = ours.as_object().expect("a table").iter();
    let lines: String = lines
        .map(|(key, value)| format!("{key} = {value}\n"))
        .collect();
    format!(
        "[plugins.v{number}]\nsource = \"builtin:key-auth\"\n[plugins.v{number}.config]\n{lines}\
         [[routes]]\nname = \"v{number}\"\nmatch = {{ host = \"v{number}.test\" }}\n\
         plugins = [\"v{number}\"]\nupstreams = [\"up\"]\n"
    )
}

fn request(host: &str, vector: &Value) -> Request<Body> {
    let empty = serde_json::Map::new();
    let headers = vector["headers"].as_object().unwrap_or(&empty);
    let content_type = headers
        .get("Content-Type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (body, content_type) = encode(&vector["body"], content_type);
    let method = match (vector["method"].as_str(), &body) {
        (Some(method), _) => method.parse().expect("a method"),
        (None, Some(_)) => Method::POST,
        (None, None) => Method::GET,
    };
    let mut request = Request::builder()
        .method(method)
        .uri(vector["path"].as_str().expect("a path"))
        .header(header::HOST, host);
    for (name, value) in headers {
        if !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("content-type") {
            request = request.header(name, value.as_str().expect("a value"));
        }
    }
    if !content_type.is_empty() {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    request
        .body(body.map_or_else(body::empty, body::full))
        .expect("a request")
}

/// A body as the type says, and the type, with a boundary where it needs one.
fn encode(body: &Value, content_type: &str) -> (Option<String>, String) {
    let typed = content_type.to_owned();
    let fields = match body {
        Value::String(text) => return (Some(text.clone()), typed),
        Value::Object(_) if content_type == "application/json" => {
            return (Some(body.to_string()), typed);
        }
        Value::Object(fields) => fields,
        _ => return (None, typed),
    };
    let field = |(name, value): (&String, &Value)| match content_type {
        "multipart/form-data" => format!(
            "--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{}\r\n",
            value.as_str().expect("a value")
        ),
        _ => format!("{name}={}", value.as_str().expect("a value")),
    };
    let fields: Vec<String> = fields.iter().map(field).collect();
    match content_type {
        "multipart/form-data" => (
            Some(fields.concat() + "--edge--\r\n"),
            format!("{typed}; boundary=edge"),
        ),
        _ => (Some(fields.join("&")), typed),
    }
}

/// What is wrong with an answer.
fn judge(step: &Value, answer: &Answer) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |expectation: &Value, found: Option<String>| {
        let value = expectation["value"].as_str().map(str::to_owned);
        let value = value.or_else(|| {
            expectation["value"]
                .as_u64()
                .map(|number| number.to_string())
        });
        let good = match expectation["op"].as_str().unwrap_or_default() {
            "equals" => found == value,
            "absent" => found.is_none(),
            "present" | "is_string" => found.is_some(),
            "matches" => {
                value.is_some_and(|value| found.as_ref().is_some_and(|it| it.contains(&value)))
            }
            other => panic!("an unknown operation: {other}"),
        };
        if !good {
            wrong.push(format!("{expectation} but found {found:?}"));
        }
    };
    for expectation in step["expected_response"].as_array().into_iter().flatten() {
        check(
            expectation,
            of_response(expectation["field"].as_str().expect("a field"), answer),
        );
    }
    for expectation in step["expected_upstream_request"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let mut expectation = expectation.clone();
        // Their identifiers are made up by the database; ours are names.
        if expectation["value"] == "id-19" {
            expectation["value"] = "bob-kong".into();
        }
        let field = expectation["field"].as_str().expect("a field").to_owned();
        check(&expectation, of_upstream(&field, &answer.seen()));
    }
    wrong
}

fn of_response(field: &str, answer: &Answer) -> Option<String> {
    if field == "status" {
        return Some(answer.status.as_u16().to_string());
    }
    if let Some(name) = field.strip_prefix("header:") {
        return answer.headers.get(name)?.to_str().ok().map(str::to_owned);
    }
    let json: Value = serde_json::from_slice(&answer.body).ok()?;
    match field.strip_prefix("json:")? {
        "" => Some(json.to_string()),
        key => json[key].as_str().map(str::to_owned),
    }
}

fn of_upstream(field: &str, seen: &Seen) -> Option<String> {
    if field == "path" {
        return Some(seen.text("target").to_owned());
    }
    if let Some(name) = field.strip_prefix("queryparam:") {
        let (_, query) = seen.text("target").split_once('?')?;
        return parameter(query, name);
    }
    if let Some(name) = field.strip_prefix("body.params.") {
        let body = seen.text("body");
        return match seen.header("content-type").unwrap_or_default() {
            "application/json" => {
                let json: Value = serde_json::from_str(body).ok()?;
                json[name].as_str().map(str::to_owned)
            }
            "application/x-www-form-urlencoded" => parameter(body, name),
            _ => {
                let (_, part) = body.split_once(&format!("name=\"{name}\"\r\n\r\n"))?;
                part.lines().next().map(str::to_owned)
            }
        };
    }
    let name = match field.strip_prefix("header:")? {
        "x-consumer-username" => "x-consumer-id",
        "x-credential-identifier" => "x-credential-id",
        name => name,
    };
    seen.header(name).map(str::to_owned)
}

fn parameter(pairs: &str, name: &str) -> Option<String> {
    let mut pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn key_auth_does_what_its_users_know() {
    let upstream = Upstream::start().await;
    let (vectors, settings) = vectors(&upstream);
    assert!(vectors.len() > 200, "only {} vectors", vectors.len());
    let gateway = Gateway::start(&settings).await;
    let mut client = gateway.client().await;
    let mut wrong = Vec::new();
    for Vector { name, host, steps } in &vectors {
        let different = DIFFERENT
            .iter()
            .find(|(number, ..)| name.starts_with(number));
        for (at, step) in steps.iter().enumerate() {
            let answer = client.fetch(request(host, &step["request"])).await;
            match different {
                Some((_, statuses, why)) if answer.status != statuses[at] => {
                    wrong.push(format!("{name}: {} although {why}", answer.status));
                }
                Some(_) => {}
                None => {
                    let problems = judge(step, &answer);
                    wrong.extend(problems.iter().map(|problem| format!("{name}: {problem}")));
                }
            }
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
