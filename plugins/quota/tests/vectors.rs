//! What people who come from Kong expect, as far as the plugin alone decides it.
//!
//! What is said in another way here, and why it comes to the same:
//! - `minute = 6` is a limit of six a minute with `algorithm = "fixed-window"`.
//! - `limit_by = "service"` is `by = "upstream"`; each route has its own.
//! - `limit_by = "path"` counts one path there, and every path by itself here.
//! - `hide_client_headers` is `headers = "none"`, else it is `headers = "kong"`.
//! - `policy` is a `store`. The plugin asks each in the same way.
//! - `X-Real-IP` is the client's address: the gateway settles it before any plugin.
//! - key-auth stands before quota in the list, so that there is a consumer.

use quota::Quota;
use serde_json::{Value, json};
use sluice_plugin::Caller;
use sluice_plugin::testing::{Exchange, Gateway};

/// Vectors that leave out requests before their last step: how many, and why.
const LEFT_OUT: [(&str, usize, &str); 1] = [(
    "rate-limiting/003",
    5,
    "its first request is one of six that pass; the refused one is the seventh",
)];

/// A full minute: the vectors begin with a window.
const FULL_MINUTE: u64 = 1_750_000_020_000;

fn config(theirs: &Value) -> Value {
    let window = |name: &str, window: &str| {
        theirs[name].as_u64().map(|amount| {
            json!({ "name": name, "amount": amount, "window": window, "algorithm": "fixed-window" })
        })
    };
    let limits = [window("minute", "1m"), window("hour", "1h")];
    let limits: Vec<_> = limits.into_iter().flatten().collect();
    let by = match theirs["limit_by"].as_str().unwrap() {
        "ip" => "client-address".to_owned(),
        "service" => "upstream".to_owned(),
        "header" => format!("header:{}", theirs["header_name"].as_str().unwrap()),
        other => other.to_owned(),
    };
    let headers = match theirs["hide_client_headers"].as_bool() {
        Some(true) => "none",
        _ => "kong",
    };
    let mut ours = json!({ "limits": limits, "by": by, "headers": headers });
    for (theirs, our) in [
        (&theirs["error_code"], "status"),
        (&theirs["error_message"], "message"),
    ] {
        if !theirs.is_null() {
            ours[our] = theirs.clone();
        }
    }
    ours
}

fn exchange(request: &Value) -> Exchange {
    let path = request["path"].as_str().unwrap();
    let mut exchange = Exchange::get(path).with_upstreams(&[path]);
    exchange.route = path.to_owned();
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap();
        match name.as_str() {
            "X-Real-IP" => exchange.client_address = value.to_owned(),
            "test-key" => {
                exchange.caller = Some(Caller {
                    id: format!("of-{value}"),
                    credential: Some(value.to_owned()),
                    ..Caller::default()
                });
            }
            name => exchange = exchange.with_header(name, value),
        }
    }
    exchange
}

fn holds(expectation: &Value, found: Option<&str>) -> bool {
    let value = match &expectation["value"] {
        Value::Number(number) => Some(number.to_string()),
        value => value.as_str().map(str::to_owned),
    };
    match expectation["op"].as_str().unwrap() {
        "equals" => found == value.as_deref(),
        "matches" => found.is_some_and(|found| found.contains(&value.unwrap())),
        "absent" => found.is_none(),
        op => panic!("an unknown operation: {op}"),
    }
}

#[test]
fn what_is_known_from_kong_holds() {
    let vectors = include_str!("../../../tests/vectors/rate-limiting.json");
    let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for vector in &vectors {
        let name = vector["name"].as_str().unwrap();
        let mut plugins = vector["config"]["plugins"].as_array().unwrap().iter();
        let theirs = plugins.find(|plugin| plugin["plugin"] == "rate-limiting");
        let gateway = Gateway::new().at_unix_ms(FULL_MINUTE);
        let plugin = gateway.configure::<Quota>(config(&theirs.unwrap()["config"]));
        let plugin = plugin.unwrap();
        let left_out = LEFT_OUT
            .iter()
            .find(|(number, ..)| name.starts_with(number));
        let steps = vector["steps"].as_array().unwrap();
        for (at, step) in steps.iter().enumerate() {
            let before = left_out.filter(|_| at + 1 == steps.len());
            for _ in 0..before.map_or(0, |(_, count, _)| *count) {
                plugin.request(&mut exchange(&step["request"])).unwrap();
            }
            let mut exchange = exchange(&step["request"]);
            let reply = plugin.request(&mut exchange).unwrap();
            let mut body = Value::Null;
            let mut exchange = exchange.answered(200, &[], "");
            match reply {
                None => assert_eq!(plugin.response(&mut exchange).unwrap(), None),
                Some(reply) => {
                    body = serde_json::from_slice(&reply.body).unwrap();
                    exchange.status = reply.status;
                    for field in &reply.headers {
                        let name: http::HeaderName = field.name.parse().unwrap();
                        let value = http::HeaderValue::from_bytes(&field.value).unwrap();
                        exchange.response.headers.append(name, value);
                    }
                }
            }
            let status = exchange.status.to_string();
            for expectation in step["expected_response"].as_array().unwrap() {
                checked += 1;
                let field = expectation["field"].as_str().unwrap();
                let found = match field.split_once(':') {
                    Some(("header", header)) => exchange.response.header(header),
                    Some((_, key)) => body[key].as_str(),
                    None => Some(&*status),
                };
                if !holds(expectation, found) {
                    wrong.push(format!("{name}: {expectation}, found {found:?}"));
                }
            }
        }
    }
    assert!(checked > 1000, "only {checked} expectations");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
