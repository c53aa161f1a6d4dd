//! What people who come from Kong expect of transform: `vectors/request-transformer.json`
//! and `vectors/response-transformer.json`, in our words by `plugins/transform/tests/kong`.

#[path = "../../plugins/transform/tests/kong/mod.rs"]
mod kong;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use http::{Request, header};
use kong::{DIFFERENT, REFUSED, Vector};
use serde_json::Value;
use sluice_tests::client::Answer;
use sluice_tests::command::sluice;
use sluice_tests::upstream::raw::RawUpstream;
use sluice_tests::{Gateway, Settings, Upstream, body, config, paths, upstream};

fn vectors() -> Vec<Vector> {
    let read = |name: &str| {
        let file = paths::repository().join("tests/vectors").join(name);
        std::fs::read_to_string(file).expect("the vectors")
    };
    let files = [
        read("request-transformer.json"),
        read("response-transformer.json"),
    ];
    kong::vectors([&files[0], &files[1]])
}

fn is_refused(vector: &Vector) -> bool {
    REFUSED
        .iter()
        .any(|(name, _)| vector.name.starts_with(name))
}

/// What it comes to instead, where that is something else on purpose.
fn different(vector: &Vector, field: &str) -> Option<&'static [&'static str]> {
    let is = |name: &str, of: &str| vector.name.starts_with(name) && of == field;
    let found = DIFFERENT.iter().find(|(name, of, ..)| is(name, of));
    found.map(|(_, _, ours, _)| *ours)
}

/// JSON as TOML has it.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let member = |(key, value): (&String, &Value)| format!("{key:?} = {}", toml(value));
            let members: Vec<_> = table.iter().map(member).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(toml).collect();
            format!("[{}]", values.join(", "))
        }
        value => value.to_string(),
    }
}

fn plugin(name: &str, config: &Value) -> String {
    format!(
        "[plugins.{name}]\nsource = \"builtin:transform\"\nconfig = {}\n",
        toml(config)
    )
}

fn route(name: &str, host: &str, path: &str, upstream: &str) -> String {
    format!(
        "[[routes]]\nname = \"{name}\"\nmatch = {{ host = \"{host}\", path = \"{path}\" }}\n\
         plugins = [\"{name}\"]\nupstreams = [\"{upstream}\"]\n"
    )
}

/// The path of a route that captures what the vector's does.
fn pattern(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    let captures = kong::captures(path);
    if captures.is_empty() {
        return "/*".to_owned();
    }
    let segment = |segment: &str| {
        let captured = captures.iter().find(|(_, value)| value == segment);
        captured.map_or(segment.to_owned(), |(name, _)| format!("{{{name}}}"))
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn host_of(vector: &Vector) -> String {
    let host = vector.recorded["request"]["headers"]["host"].as_str();
    host.expect("a host").to_lowercase()
}

fn request(vector: &Vector) -> Request<body::Body> {
    let recorded = kong::request(&vector.recorded);
    let mut request = Request::builder()
        .method(recorded.method.as_str())
        .uri(&recorded.target)
        .header(header::HOST, host_of(vector));
    for (name, value) in recorded.headers {
        request = request.header(name, value);
    }
    let body = match (recorded.body.is_empty(), recorded.method.as_str()) {
        (true, "GET") => body::empty(),
        (true, _) => {
            request = request.header(header::CONTENT_LENGTH, 0);
            body::empty()
        }
        _ => body::full(recorded.body),
    };
    request.body(body).expect("a request")
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_become_what_users_of_kong_know() {
    let target = Upstream::start().await;
    let mut text = config::upstream("up", &[target.address()]);
    let mut vectors = vectors();
    vectors.retain(|vector| vector.config.get("request").is_some() && !is_refused(vector));
    let mut known: Vec<(String, String, Value)> = Vec::new();
    for vector in &vectors {
        let path = pattern(&kong::request(&vector.recorded).target);
        let route_of = (host_of(vector), path, vector.config.clone());
        if known.contains(&route_of) {
            continue;
        }
        let name = format!("v{}", known.len());
        text += &plugin(&name, &vector.config);
        text += &route(&name, &route_of.0, &route_of.1, "up");
        known.push(route_of);
    }
    let gateway = Gateway::start(&Settings::new(text)).await;
    let mut client = gateway.client().await;
    let mut wrong = Vec::new();
    for vector in &vectors {
        let answer = client.fetch(request(vector)).await;
        assert_eq!(answer.status, 200, "{}: {}", vector.name, answer.text());
        let seen = answer.seen();
        let values = |name: &str| -> Vec<String> {
            seen.values(name).into_iter().map(str::to_owned).collect()
        };
        let upstream = kong::Upstream {
            method: seen.text("method"),
            target: seen.text("target"),
            body: seen.text("body"),
            header: &values,
        };
        let expected = &vector.recorded["expected_upstream_request"];
        for expectation in expected.as_array().into_iter().flatten() {
            let field = expectation["field"].as_str().expect("a field");
            let found = upstream.field(field);
            let holds = match different(vector, field) {
                Some(ours) => found == ours,
                None => kong::holds(expectation, expected, &found),
            };
            if !holds {
                wrong.push(format!("{}: {expectation}, found {found:?}", vector.name));
            }
        }
    }
    assert!(vectors.len() > 85, "only {} vectors", vectors.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The bytes of the response that a vector speaks of.
fn response(vector: &Vector) -> String {
    let recorded = &vector.recorded["upstream_response"];
    let mut head = "HTTP/1.1 200 OK\r\n".to_owned();
    let echo = r#"{"url":"http://a/","headers":{},"uri_args":{}}"#;
    let mut body = recorded["body"].as_str().unwrap_or(echo).to_owned();
    match recorded["headers"].as_object() {
        Some(headers) => {
            for (name, value) in headers {
                let values = value
                    .as_array()
                    .map_or(std::slice::from_ref(value), Vec::as_slice);
                for value in values.iter().filter(|_| name != "Content-Length") {
                    head += &format!("{name}: {}\r\n", value.as_str().expect("a value"));
                }
            }
            // Theirs says that it is 100 bytes long.
            body = format!("{{\"p0\":\"{}\"}}", "x".repeat(91));
        }
        None => head += "content-type: application/json\r\naccess-control-allow-origin: *\r\n",
    }
    format!("{head}content-length: {}\r\n\r\n{body}", body.len())
}

fn holds(vector: &Vector, expectation: &Value, answer: &Answer) -> bool {
    let (field, value) = (
        expectation["field"].as_str().expect("a field"),
        &expectation["value"],
    );
    let header = |name: &str| -> Vec<&str> {
        let values = answer.headers.get_all(name).iter();
        values.map(|value| value.to_str().expect("text")).collect()
    };
    match (field, expectation["op"].as_str().expect("an operation")) {
        // The length is made anew where the body changed, and it is always right.
        ("header:Content-Length", op) => {
            let length = answer.body.len().to_string();
            let stays = op == "equals" && different(vector, field).is_none();
            header("content-length") == [length.as_str()] && (!stays || length == "100")
        }
        ("status", _) => *value == answer.status.as_u16(),
        ("body", _) => value.as_str().expect("a text") == answer.text(),
        ("json", _) => kong::equal(&answer.json(), value),
        ("header:h1", _) => *value == serde_json::json!(header("h1")),
        ("header:access-control-allow-origin", _) => {
            header("access-control-allow-origin").is_empty()
        }
        (field, op) => {
            let found = answer
                .json()
                .get(field.strip_prefix("json:").expect("a member"))
                .cloned();
            if op == "absent" {
                found.is_none()
            } else {
                found.as_ref() == Some(value)
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_become_what_users_of_kong_know() {
    let mut vectors = vectors();
    vectors.retain(|vector| vector.config.get("response").is_some() && !is_refused(vector));
    let (mut text, mut upstreams) = (String::new(), Vec::new());
    for (n, vector) in vectors.iter().enumerate() {
        let target = RawUpstream::answering(response(vector)).await;
        let name = format!("v{n}");
        text += &config::upstream(&name, &[target.address()]);
        text += &plugin(&name, &vector.config);
        text += &route(&name, &format!("{name}.test"), "/*", &name);
        upstreams.push(target);
    }
    let gateway = Gateway::start(&Settings::new(text)).await;
    let mut client = gateway.client().await;
    let mut wrong = Vec::new();
    for (n, vector) in vectors.iter().enumerate() {
        let request = Request::get("/").header(header::HOST, format!("v{n}.test"));
        let answer = client
            .fetch(request.body(body::empty()).expect("a request"))
            .await;
        for expectation in vector.recorded["expected_response"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if !holds(vector, expectation, &answer) {
                wrong.push(format!("{}: {expectation}, found {answer:?}", vector.name));
            }
        }
    }
    assert!(vectors.len() > 45, "only {} vectors", vectors.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_named_by_check() {
    let unused: SocketAddr = upstream::nobody();
    let mut text = config::upstream("up", &[unused]);
    let mut names = BTreeSet::new();
    for (n, vector) in vectors()
        .iter()
        .filter(|vector| is_refused(vector))
        .enumerate()
    {
        let name = format!("v{n}");
        text += &plugin(&name, &vector.config);
        text += &route(&name, &format!("{name}.test"), "/*", "up");
        names.insert(format!("plugins.{name}.config."));
    }
    assert_eq!(names.len(), REFUSED.len(), "a name of REFUSED is no vector");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("sluice.toml"),
        Settings::new(text).toml(),
    )
    .expect("a file");
    let ended = sluice(folder.path(), ["check", "sluice.toml"]);
    let said = ended.stdout + &ended.stderr;
    names.retain(|name| !said.contains(name.as_str()));
    assert!(names.is_empty(), "{names:?} are not named:\n{said}");
}
