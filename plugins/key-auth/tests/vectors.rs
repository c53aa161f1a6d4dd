//! What people who come from Kong expect, as far as the plugin alone decides it.

use key_auth::KeyAuth;
use serde_json::{Value, json};
use sluice_plugin::testing::{Consumer, Exchange, Gateway};

/// What another plugin or another part of the gateway decides.
const NOT_OURS: [(&str, &str); 3] = [
    ("basic-auth", "not a plugin of this gateway"),
    (
        "key-auth/053",
        "a missing `anonymous` is refused at configure",
    ),
    (
        "key-auth/062",
        "keys end at a moment, not after a time to live",
    ),
];

/// What comes to something else on purpose: the status, and why.
const DIFFERENT: [(&str, &[u16], &str); 4] = [
    (
        "key-auth/001",
        &[401],
        "an OPTIONS without Origin is no preflight",
    ),
    ("key-auth/030", &[200, 401], "api-key is not api_key"),
    ("key-auth/031", &[401, 401], "api-key is not api_key"),
    (
        "key-auth/049",
        &[200],
        "what stays of the query stays byte for byte",
    ),
];

/// Their defaults, then what the vector says, then their names as ours.
fn config(theirs: &Value) -> Value {
    let mut ours = json!({
        "key_names": ["apikey"], "key_in_query": true, "hide_credentials": false,
    });
    for (key, value) in theirs.as_object().into_iter().flatten() {
        ours[key] = match key.as_str() {
            "anonymous" => json!("no-body"),
            _ => value.clone(),
        };
    }
    ours
}

fn exchange(request: &Value) -> Exchange {
    let method = request["method"].as_str().unwrap_or("POST");
    let mut exchange = Exchange::new(method, request["path"].as_str().unwrap());
    let mut content_type = "";
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap();
        match name.to_lowercase().as_str() {
            "host" => {}
            "content-type" => content_type = value,
            name => exchange = exchange.with_header(name, value),
        }
    }
    let multipart = content_type == "multipart/form-data";
    exchange.request.body = match &request["body"] {
        Value::Object(_) if content_type == "application/json" => {
            request["body"].to_string().into_bytes()
        }
        Value::Object(fields) if multipart => {
            let part = |(name, value): (&String, &Value)| {
                let value = value.as_str().unwrap();
                format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            };
            let parts: String = fields.iter().map(part).collect();
            format!("{parts}--b--\r\n").into_bytes()
        }
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value)| format!("{name}={}", value.as_str().unwrap());
            let fields: Vec<_> = fields.iter().map(field).collect();
            fields.join("&").into_bytes()
        }
        body => body.as_str().unwrap_or_default().into(),
    };
    match (multipart, content_type) {
        (true, _) => exchange.with_header("content-type", "multipart/form-data; boundary=b"),
        (_, "") => exchange,
        _ => exchange.with_header("content-type", content_type),
    }
}

/// What is found in a field of an expectation about the upstream's request.
fn upstream(field: &str, exchange: &Exchange) -> Option<String> {
    let pair = |form: &str, name: &str| {
        let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
    };
    if field == "path" {
        return Some(exchange.target.clone());
    }
    if let Some(name) = field.strip_prefix("queryparam:") {
        return pair(exchange.query()?, name);
    }
    if let Some(name) = field.strip_prefix("body.params.") {
        let body = String::from_utf8_lossy(&exchange.request.body);
        return match exchange.request.header("content-type")? {
            "application/json" => {
                let body: Value = serde_json::from_str(&body).unwrap();
                body[name].as_str().map(str::to_owned)
            }
            "application/x-www-form-urlencoded" => pair(&body, name),
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
    exchange.request.header(name).map(str::to_owned)
}

fn holds(expectation: &Value, found: Option<String>) -> bool {
    let value = match &expectation["value"] {
        Value::String(id) if id == "id-19" => Some("kong-1".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        value => value.as_str().map(str::to_owned),
    };
    match expectation["op"].as_str().unwrap() {
        "equals" => found == value,
        "matches" => found.is_some_and(|found| found.contains(&value.unwrap())),
        "present" | "is_string" => found.is_some(),
        "absent" => found.is_none(),
        op => panic!("an unknown operation: {op}"),
    }
}

#[test]
fn what_is_known_from_kong_holds() {
    let gateway = Gateway::new()
        .with_consumer(Consumer::new("no-body"))
        .with_consumer(
            Consumer::new("bob")
                .with_key("kong-1", "kong")
                .with_key("right-1", "right"),
        );
    let vectors = include_str!("../../../tests/vectors/key-auth.json");
    let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
    let mut wrong = Vec::new();
    let mut ran = 0;
    for vector in &vectors {
        let name = vector["name"].as_str().unwrap();
        let first = &vector["config"]["plugins"][0];
        let is = |what: &str| name.starts_with(what) || first["plugin"] == what;
        if NOT_OURS.iter().any(|(what, _)| is(what)) {
            continue;
        }
        let plugin = gateway
            .clone()
            .configure::<KeyAuth>(config(&first["config"]));
        let plugin = plugin.unwrap();
        let different = DIFFERENT.iter().find(|(what, ..)| name.starts_with(what));
        let steps = vector["steps"].as_array();
        let steps = steps.map_or(std::slice::from_ref(vector), Vec::as_slice);
        for (at, step) in steps.iter().enumerate() {
            ran += 1;
            let mut exchange = exchange(&step["request"]);
            let reply = plugin.request(&mut exchange).unwrap();
            let status = reply.as_ref().map_or(200, |reply| reply.status);
            if let Some((_, statuses, _)) = different {
                assert_eq!(status, statuses[at], "{name}");
                continue;
            }
            let response = |field: &str| match field.strip_prefix("header:") {
                Some(header) => {
                    let value = reply.as_ref()?.header(header)?;
                    Some(String::from_utf8_lossy(value).into_owned())
                }
                None if field == "status" => Some(status.to_string()),
                None => {
                    let body: Value = serde_json::from_slice(&reply.as_ref()?.body).unwrap();
                    match field.strip_prefix("json:")? {
                        "" => Some(body.to_string()),
                        key => body[key].as_str().map(str::to_owned),
                    }
                }
            };
            let expected = |key: &str| step[key].as_array().cloned().unwrap_or_default();
            for expectation in expected("expected_response") {
                let found = response(expectation["field"].as_str().unwrap());
                if !holds(&expectation, found.clone()) {
                    wrong.push(format!("{name}: {expectation}, found {found:?}"));
                }
            }
            for expectation in expected("expected_upstream_request") {
                let found = upstream(expectation["field"].as_str().unwrap(), &exchange);
                if !holds(&expectation, found.clone()) {
                    wrong.push(format!("{name}: {expectation}, found {found:?}"));
                }
            }
        }
    }
    assert!(ran > 200, "only {ran} requests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
