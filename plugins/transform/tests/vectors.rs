//! What people who come from Kong expect, as far as the plugin alone decides it.

#[allow(dead_code)]
mod kong;

use kong::{DIFFERENT, REFUSED, Vector};
use serde_json::Value;
use sluice_plugin::Verdict;
use sluice_plugin::testing::{Exchange, Harness, Message};
use transform::Transform;

fn values(message: &Message, name: &str) -> Vec<String> {
    let values = message.headers.get_all(name).iter();
    values
        .map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

/// What is wrong with the request that goes upstream.
fn judge_request(plugin: &Harness<Transform>, vector: &Vector) -> Vec<String> {
    let recorded = kong::request(&vector.recorded);
    let mut exchange = Exchange::new(&recorded.method, &recorded.target)
        .with_header("content-length", recorded.body.len().to_string());
    if let Some(host) = vector.recorded["request"]["headers"]["host"].as_str() {
        exchange
            .request
            .headers
            .insert("host", host.parse().unwrap());
    }
    for (name, value) in &recorded.headers {
        exchange = exchange.with_header(name, value);
    }
    for (name, value) in kong::captures(&recorded.target) {
        exchange = exchange.with_capture(name, &value);
    }
    exchange.request.body = recorded.body.into_bytes();
    assert_eq!(
        plugin.request(&mut exchange).unwrap(),
        None,
        "{}",
        vector.name
    );
    let upstream = kong::Upstream {
        method: &exchange.method,
        target: &exchange.target,
        body: std::str::from_utf8(&exchange.request.body).unwrap(),
        header: &|name| values(&exchange.request, name),
    };
    let mut wrong = Vec::new();
    let expected = &vector.recorded["expected_upstream_request"];
    for expectation in expected.as_array().into_iter().flatten() {
        let field = expectation["field"].as_str().unwrap();
        let found = upstream.field(field);
        let different = DIFFERENT
            .iter()
            .find(|(name, f, ..)| vector.name.starts_with(name) && *f == field);
        let holds = match different {
            Some((_, _, ours, _)) => found == *ours,
            None => kong::holds(expectation, expected, &found),
        };
        if !holds {
            wrong.push(format!("{}: {expectation}, found {found:?}", vector.name));
        }
    }
    wrong
}

/// What is wrong with the response that goes to the client.
fn judge_response(plugin: &Harness<Transform>, vector: &Vector) -> Vec<String> {
    let upstream = &vector.recorded["upstream_response"];
    let recorded = upstream["headers"].as_object();
    let mut headers = recorded.cloned().unwrap_or_default();
    if recorded.is_none() {
        headers.insert("content-type".to_owned(), "application/json".into());
        headers.insert("access-control-allow-origin".to_owned(), "*".into());
    }
    let lines: Vec<(&str, &str)> = headers
        .iter()
        .flat_map(|(name, value)| {
            let values = value
                .as_array()
                .map_or(std::slice::from_ref(value), Vec::as_slice);
            values
                .iter()
                .map(|value| (name.as_str(), value.as_str().unwrap()))
        })
        .collect();
    let mut exchange = Exchange::get("/").answered(
        200,
        &lines,
        r#"{"url":"http://a/","headers":{},"uri_args":{}}"#,
    );
    if let Some(body) = upstream["body"].as_str() {
        exchange.response.body = body.as_bytes().to_vec();
    }
    let reads = plugin.on_response(&mut exchange.clone()).unwrap() == Verdict::ReadBody;
    assert_eq!(
        plugin.response(&mut exchange).unwrap(),
        None,
        "{}",
        vector.name
    );
    let mut wrong = Vec::new();
    for expectation in vector.recorded["expected_response"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let (field, value) = (
            expectation["field"].as_str().unwrap(),
            &expectation["value"],
        );
        let body = || serde_json::from_slice::<Value>(&exchange.response.body).unwrap();
        let different = DIFFERENT
            .iter()
            .find(|(name, f, ..)| vector.name.starts_with(name) && *f == field);
        let holds = match (field, expectation["op"].as_str().unwrap()) {
            // The gateway makes the length anew where a body is read.
            ("header:Content-Length", op) => {
                let stays = op == "equals";
                (stays != reads) == different.is_none()
            }
            ("status", _) => value == exchange.status,
            ("body", _) => value.as_str().unwrap().as_bytes() == exchange.response.body,
            ("json", _) => kong::equal(&body(), value),
            ("header:h1", _) => *value == serde_json::json!(values(&exchange.response, "h1")),
            ("header:access-control-allow-origin", "absent") => {
                values(&exchange.response, "access-control-allow-origin").is_empty()
            }
            (field, "absent") => body().get(field.strip_prefix("json:").unwrap()).is_none(),
            (field, _) => body()[field.strip_prefix("json:").unwrap()] == *value,
        };
        if !holds {
            let body = String::from_utf8_lossy(&exchange.response.body);
            wrong.push(format!(
                "{}: {expectation}, found {body}, reads {reads}",
                vector.name
            ));
        }
    }
    wrong
}

#[test]
fn what_is_known_from_kong_holds() {
    let vectors = kong::vectors([
        include_str!("../../../tests/vectors/request-transformer.json"),
        include_str!("../../../tests/vectors/response-transformer.json"),
    ]);
    let (mut wrong, mut ran) = (Vec::new(), 0);
    for vector in &vectors {
        let refused = REFUSED
            .iter()
            .any(|(name, _)| vector.name.starts_with(name));
        let plugin = Harness::<Transform>::configure(vector.config.clone());
        match (plugin, refused) {
            (Ok(plugin), false) => {
                ran += 1;
                wrong.extend(match vector.config.get("request") {
                    Some(_) => judge_request(&plugin, vector),
                    None => judge_response(&plugin, vector),
                });
            }
            (Err(_), true) => {}
            (Ok(_), true) => wrong.push(format!("{}: not refused: {}", vector.name, vector.config)),
            (Err(problems), false) => wrong.push(format!("{}: {problems}", vector.name)),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {ran}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(ran > 130, "only {ran} vectors");
}
