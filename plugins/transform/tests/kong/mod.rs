//! What people who come from Kong know of its two transformers, in our words.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Vectors that are about something else.
pub(crate) const NOT_OURS: [(&str, &str); 4] = [
    (
        "request-transformer/056",
        "its configuration was not recorded",
    ),
    (
        "request-transformer/088",
        "captures have names, not numbers",
    ),
    (
        "request-transformer/096",
        "values that other plugins share are not ours to read",
    ),
    (
        "response-transformer/004",
        "basic-auth is not a plugin of this gateway",
    ),
];

/// Vectors whose configuration is refused when it is loaded.
pub(crate) const REFUSED: [(&str, &str); 14] = [
    (
        "request-transformer/024",
        "a name that is renamed to itself",
    ),
    (
        "request-transformer/025",
        "a name that is renamed to itself",
    ),
    (
        "request-transformer/026",
        "a name that is renamed to itself",
    ),
    (
        "request-transformer/052",
        "`host` is always there, so it cannot be added",
    ),
    ("request-transformer/087", "templates hold no code"),
    ("request-transformer/092", "templates hold no code"),
    ("request-transformer/093", "templates hold no code"),
    ("request-transformer/095", "templates hold no code"),
    ("request-transformer/097", "templates hold no code"),
    ("request-transformer/103", "templates hold no code"),
    ("request-transformer/104", "templates hold no code"),
    ("request-transformer/107", "templates hold no code"),
    ("request-transformer/108", "templates hold no code"),
    (
        "response-transformer/unit-006",
        "a header's name has no colon",
    ),
];

/// Expectations that come to something else on purpose: the vector, the field,
/// what it comes to, and why.
pub(crate) const DIFFERENT: [(&str, &str, &[&str], &str); 10] = [
    (
        "request-transformer/002",
        "queryparam:name",
        &[],
        "a body does not become a query where the method becomes GET",
    ),
    (
        "request-transformer/010",
        "formparam:toremoveform",
        &["yes"],
        "multipart bodies are left to `on_body_error`",
    ),
    (
        "request-transformer/021",
        "formparam:originalparam",
        &["yes"],
        "multipart bodies are left to `on_body_error`",
    ),
    (
        "request-transformer/021",
        "formparam:renamedparam",
        &[],
        "multipart bodies are left to `on_body_error`",
    ),
    (
        "request-transformer/034",
        "formparam:p1",
        &["v"],
        "multipart bodies are left to `on_body_error`",
    ),
    (
        "request-transformer/048",
        "formparam:p1",
        &[],
        "multipart bodies are left to `on_body_error`",
    ),
    (
        "response-transformer/unit-009",
        "header:Content-Length",
        &[],
        "forms are changed in responses too",
    ),
    (
        "response-transformer/unit-013",
        "header:Content-Length",
        &[],
        "forms are changed in responses too",
    ),
    (
        "response-transformer/unit-017",
        "header:Content-Length",
        &[],
        "forms are changed in responses too",
    ),
    (
        "response-transformer/unit-021",
        "header:Content-Length",
        &[],
        "forms are changed in responses too",
    ),
];

/// One vector.
pub(crate) struct Vector {
    /// `request-transformer/001 …`; those about a body that was recorded by itself are `body-…`.
    pub(crate) name: String,
    /// The configuration in our words.
    pub(crate) config: Value,
    /// As it was recorded.
    pub(crate) recorded: Value,
}

/// All vectors of these files but those of [`NOT_OURS`].
pub(crate) fn vectors(files: [&str; 2]) -> Vec<Vector> {
    let mut vectors = Vec::new();
    for (text, direction) in files.into_iter().zip(["request", "response"]) {
        let all: Vec<Value> = serde_json::from_str(text).unwrap();
        for recorded in all {
            let mut name = recorded["name"].as_str().unwrap().to_owned();
            if recorded["upstream_response"]["body"].is_string() {
                name = name.replace("unit-", "body-");
            }
            if NOT_OURS.iter().any(|(number, _)| name.starts_with(number)) {
                continue;
            }
            let theirs = &recorded["config"];
            let first = theirs["plugins"]
                .get(0)
                .map_or(theirs, |plugin| &plugin["config"]);
            let config = json!({ direction: rules(first) });
            vectors.push(Vector {
                name,
                config,
                recorded,
            });
        }
    }
    vectors
}

fn rules(theirs: &Value) -> Value {
    let mut ours = Map::new();
    if let Some(method) = theirs.get("http_method") {
        ours.insert("method".to_owned(), method.clone());
    }
    if let Some(path) = theirs["replace"].get("uri") {
        ours.insert("path".to_owned(), json!(template(path.as_str().unwrap())));
    }
    for step in ["remove", "rename", "replace", "add", "append"] {
        let mut parts = Map::new();
        for (theirs_name, part) in [
            ("headers", "headers"),
            ("querystring", "query"),
            ("body", "body"),
            ("json", "body"),
        ] {
            // An empty list may be written as an empty table.
            let Some(lines) = theirs[step].get(theirs_name).and_then(Value::as_array) else {
                continue;
            };
            let types = &theirs[step]["json_types"];
            let lines: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
            parts.insert(part.to_owned(), rules_of(step, part, &lines, types));
        }
        if !parts.is_empty() {
            ours.insert(step.to_owned(), Value::Object(parts));
        }
    }
    Value::Object(ours)
}

/// The lines of one step for one part of a message.
fn rules_of(step: &str, part: &str, lines: &[&str], types: &Value) -> Value {
    let name = |name: &str| match part {
        "body" => format!("/{name}"),
        _ => name.to_owned(),
    };
    if step == "remove" {
        return lines.iter().map(|line| name(line)).collect();
    }
    let mut rules = Map::new();
    for (n, line) in lines.iter().enumerate() {
        let (key, value) = line.split_once(':').unwrap();
        let value = match (step, types[n].as_str()) {
            ("rename", _) => json!(name(value)),
            (_, Some("number" | "boolean")) => serde_json::from_str(value).unwrap(),
            _ => json!(template(value)),
        };
        match rules.get_mut(&name(key)) {
            None => drop(rules.insert(name(key), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = json!([first, value]),
        }
    }
    Value::Object(rules)
}

/// `$(headers['x'] or 'y')` as `${header.x ?? "y"}`. Code becomes what is refused.
fn template(theirs: &str) -> String {
    let mut ours = String::new();
    let mut rest = theirs;
    while let Some((before, from)) = rest.split_once("$(") {
        let (inside, behind) = from.rsplit_once(')').unwrap();
        let (inside, behind) = match inside.split_once(')') {
            Some((first, _)) if !first.contains('(') => (first, from.split_once(')').unwrap().1),
            _ => (inside, behind),
        };
        let (name, default) = inside.split_once(" or ").unwrap_or((inside, ""));
        let name = name
            .replace("['", ".")
            .replace("[\"", ".")
            .replace(['\'', '"', ']'], "");
        let name = name
            .replace("uri_captures.", "path.")
            .replace("headers.", "header.");
        let name = name.replace("query_params.", "query.");
        ours += &format!("{before}${{{name}");
        if !default.is_empty() {
            ours += &format!(" ?? \"{}\"", default.trim_matches('\''));
        }
        ours += "}";
        rest = behind;
    }
    ours + rest
}

/// What the route of a vector captures of its path.
pub(crate) fn captures(path: &str) -> Vec<(&'static str, String)> {
    let segments: Vec<&str> = path.split('/').collect();
    let after = |name: &str| {
        let at = segments.iter().position(|segment| *segment == name)?;
        Some(segments.get(at + 1)?.to_string())
    };
    let mut found = Vec::new();
    for (name, before) in [("user1", "user1"), ("user2", "user2"), ("subpath", "api")] {
        found.extend(after(before).map(|value| (name, value)));
    }
    found
}

/// Path and query of a request, its method and headers, and its body.
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// The request of a vector.
pub(crate) fn request(vector: &Value) -> Recorded {
    let recorded = &vector["request"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fields = |fields: &Value| {
        let fields = fields.as_object().unwrap().iter();
        let fields: Vec<_> = fields
            .map(|(name, value)| format!("{name}={}", text(value)))
            .collect();
        fields.join("&")
    };
    let mut headers = Vec::new();
    let mut content_type = String::new();
    for (name, value) in recorded["headers"].as_object().unwrap() {
        let name = name.to_lowercase();
        let values = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            match name.as_str() {
                "host" => {}
                "content-type" => content_type = text(value),
                _ => headers.push((name.clone(), text(value))),
            }
        }
    }
    let body = match &recorded["body"] {
        Value::Object(_) if content_type == "application/json" => recorded["body"].to_string(),
        Value::Object(parts) if content_type == "multipart/form-data" => {
            content_type += "; boundary=b";
            let part = |(name, value): (&String, &Value)| {
                format!(
                    "--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{}\r\n",
                    text(value)
                )
            };
            parts.iter().map(part).collect::<String>() + "--b--\r\n"
        }
        Value::Object(_) => fields(&recorded["body"]),
        body => body.as_str().unwrap_or_default().to_owned(),
    };
    if !content_type.is_empty() {
        headers.push(("content-type".to_owned(), content_type));
    }
    let mut target = text(&recorded["path"]);
    if recorded["query"].is_object() {
        target = format!("{target}?{}", fields(&recorded["query"]));
    }
    Recorded {
        method: text(&recorded["method"]),
        target,
        headers,
        body,
    }
}

/// The request as the upstream gets it.
pub(crate) struct Upstream<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) body: &'a str,
    pub(crate) header: &'a dyn Fn(&str) -> Vec<String>,
}

impl Upstream<'_> {
    /// What stands in a field of an expectation.
    pub(crate) fn field(&self, field: &str) -> Vec<String> {
        let json = |path: &str| -> Vec<String> {
            let body: Value = serde_json::from_str(self.body).unwrap();
            let found = body.get(path).and_then(Value::as_str);
            found.map(str::to_owned).into_iter().collect()
        };
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        match field.split_once(':').unwrap_or((field, "")) {
            ("method", _) => vec![self.method.to_owned()],
            ("path", _) => vec![path.to_owned()],
            ("queryparam", name) => fields(query, name),
            ("header", name) => (self.header)(&name.to_lowercase()),
            ("formparam", name) => match (self.header)("content-type").first() {
                Some(multipart) if multipart.starts_with("multipart/") => {
                    let part = self.body.split_once(&format!("name=\"{name}\"\r\n\r\n"));
                    part.and_then(|(_, part)| part.lines().next())
                        .map(str::to_owned)
                        .into_iter()
                        .collect()
                }
                _ => fields(self.body, name),
            },
            ("json", "data" | "data.find") | ("body.text" | "body.kind" | "body.error", _) => {
                vec![self.body.to_owned()]
            }
            ("json", pointer) => json(pointer.strip_prefix("params/").unwrap()),
            ("body.params", _) => Vec::new(),
            _ => panic!("an unknown field: {field}"),
        }
    }
}

fn fields(form: &str, name: &str) -> Vec<String> {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let decode = |text: &str| text.replace("%3A", ":").replace("%20", " ");
    pairs
        .filter(|(n, _)| *n == name)
        .map(|(_, v)| decode(v))
        .collect()
}

/// Whether an expectation about the upstream's request holds.
pub(crate) fn holds(expectation: &Value, all: &Value, found: &[String]) -> bool {
    let field = expectation["field"].as_str().unwrap();
    let value = &expectation["value"];
    match (field, expectation["op"].as_str().unwrap()) {
        // A body that is no JSON went as it came.
        ("body.kind" | "body.error", "equals" | "present") => found == ["malformed json body"],
        ("body.error", "absent") => true,
        ("json:data.find", "truthy") => found[0].contains("\"emptyarray\":[]"),
        (_, "absent") => found.is_empty(),
        (_, "present") => !found.is_empty(),
        (_, "equals") if value.is_null() => found.is_empty(),
        (_, "equals") if value.is_array() => value == &json!(found),
        (_, "equals") => {
            let value = value.as_str().unwrap();
            // Each of several values may have an expectation of its own.
            let same = all
                .as_array()
                .unwrap()
                .iter()
                .filter(|e| e["field"] == field);
            if same.count() > 1 {
                found.iter().any(|f| f == value)
            } else {
                found == [value]
            }
        }
        (_, op) => panic!("an unknown operation: {op}"),
    }
}

/// Whether two JSON texts are equal. Theirs has `{}` for every empty list.
pub(crate) fn equal(ours: &Value, theirs: &Value) -> bool {
    let keys = |map: &Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
    match (ours, theirs) {
        (Value::Array(list), Value::Object(table)) => list.is_empty() && table.is_empty(),
        (Value::Object(a), Value::Object(b)) => {
            keys(a) == keys(b) && a.iter().all(|(key, value)| equal(value, &b[key]))
        }
        _ => ours == theirs,
    }
}
