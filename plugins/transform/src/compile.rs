//! From options to rules, with every problem at its place.

use std::collections::BTreeMap;

use sluice_plugin::config::Value;
use sluice_plugin::prelude::*;

use crate::collide::{Claim, collisions};
use crate::json::{self, Pointer};
use crate::names;
use crate::options::{RequestRules, RequestValues, ResponseRules, ResponseValues, Texts, plain};
use crate::rules::{Act, BodyRules, BodyValue, Named, Rule, Rules, Step};
use crate::template::{Into, Template, Templates, Text};

/// Body rules of one direction: each of them is a walk over the body.
const MAX_BODY_RULES: usize = 64;

type Renames = BTreeMap<String, String>;

/// The rules of one part of a message, as they are written.
struct Written<'o, V> {
    remove: &'o [String],
    rename: &'o Renames,
    values: [(Step, &'o BTreeMap<String, V>); 3],
}

/// The rules for requests.
pub(crate) fn request(options: &RequestRules, problems: &mut Problems) -> Rules {
    let mut compiler = Compiler::new("/request", problems);
    let values = [&options.replace, &options.add, &options.append];
    let mut templates = Templates::default();
    let headers = Written::new(
        &options.remove.headers,
        &options.rename.headers,
        values.map(|v| &v.headers),
    );
    let headers = compiler.named("headers", &headers, Into::Header, &mut templates);
    let query = Written::new(
        &options.remove.query,
        &options.rename.query,
        values.map(|v: &RequestValues| &v.query),
    );
    let query = compiler.named("query", &query, Into::Form, &mut templates);
    let body = Written::new(
        &options.remove.body,
        &options.rename.body,
        values.map(|v| &v.body),
    );
    let body = compiler.body(&body);
    if let Some(method) = &options.method
        && let Err(why) = names::method(method)
    {
        compiler.problem(&["method"], why);
    }
    let path = options.path.as_deref().and_then(|path| {
        let mut template = Template::new();
        let read = template.text(path, Into::Path, false);
        if let Err(why) = read.and_then(|()| names::path(&template)) {
            compiler.problem(&["path"], why);
            return None;
        }
        Some(templates.keep(template))
    });
    Rules {
        headers,
        query,
        path,
        templates,
        body,
    }
}

/// The rules for responses.
pub(crate) fn response(options: &ResponseRules, problems: &mut Problems) -> Rules {
    let mut compiler = Compiler::new("/response", problems);
    let values = [&options.replace, &options.add, &options.append];
    let mut templates = Templates::default();
    let headers = Written::new(
        &options.remove.headers,
        &options.rename.headers,
        values.map(|v| &v.headers),
    );
    let headers = compiler.named("headers", &headers, Into::Header, &mut templates);
    let body = Written::new(
        &options.remove.body,
        &options.rename.body,
        values.map(|v: &ResponseValues| &v.body),
    );
    let body = compiler.body(&body);
    if options
        .status
        .is_some_and(|status| !(200..=599).contains(&status))
    {
        compiler.problem(&["status"], "expected a status from 200 to 599");
    }
    Rules {
        headers,
        templates,
        body,
        ..Rules::default()
    }
}

impl<'o, V> Written<'o, V> {
    fn new(
        remove: &'o [String],
        rename: &'o Renames,
        values: [&'o BTreeMap<String, V>; 3],
    ) -> Self {
        let [replace, add, append] = values;
        Self {
            remove,
            rename,
            values: [
                (Step::Replace, replace),
                (Step::Add, add),
                (Step::Append, append),
            ],
        }
    }
}

struct Compiler<'p> {
    /// `/request` or `/response`.
    direction: &'static str,
    problems: &'p mut Problems,
}

impl<'p> Compiler<'p> {
    fn new(direction: &'static str, problems: &'p mut Problems) -> Self {
        Self {
            direction,
            problems,
        }
    }

    fn response(&self) -> bool {
        self.direction == "/response"
    }

    fn place(&self, keys: &[&str]) -> String {
        let mut at = self.direction.to_owned();
        for key in keys {
            at.push('/');
            at.push_str(&key.replace('~', "~0").replace('/', "~1"));
        }
        at
    }

    fn problem(&mut self, keys: &[&str], message: impl std::convert::Into<String>) {
        let at = self.place(keys);
        self.problems.add(at, message);
    }

    /// Rules for headers or for the query.
    fn named(
        &mut self,
        part: &str,
        written: &Written<'_, Texts>,
        into: Into,
        templates: &mut Templates,
    ) -> Vec<Named> {
        let (mut rules, mut claims) = (Vec::new(), Vec::new());
        for (n, name) in written.remove.iter().enumerate() {
            let at = ["remove", part, &n.to_string()];
            if let Some(name) = self.name(&at, name, into, Step::Remove) {
                claims.push(Claim::new(Step::Remove, &name, self.place(&at)));
                rules.push(Rule {
                    name,
                    act: Act::Remove,
                });
            }
        }
        for (from, to) in written.rename {
            let at = ["rename", part, from];
            let names = (
                self.name(&at, from, into, Step::Rename),
                self.name(&at, to, into, Step::Rename),
            );
            if let (Some(from), Some(to)) = names {
                claims.push(
                    Claim::new(Step::Rename, &from, self.place(&at)).to(std::slice::from_ref(&to)),
                );
                rules.push(Rule {
                    name: from,
                    act: Act::Rename(to),
                });
            }
        }
        for (step, values) in &written.values {
            for (name, texts) in *values {
                let at = [step.key(), part, name];
                let texts = self.texts(&at, name, texts, into, templates);
                if let (Some(name), Some(texts)) = (self.name(&at, name, into, *step), texts) {
                    claims.push(Claim::new(*step, &name, self.place(&at)));
                    rules.push(Rule {
                        name,
                        act: act(*step, texts),
                    });
                }
            }
        }
        collisions(&claims, self.problems);
        rules
    }

    fn name(&mut self, at: &[&str], name: &str, into: Into, step: Step) -> Option<String> {
        let checked = match into {
            Into::Header => names::header(name, step, self.response()),
            _ if name.is_empty() => Err("expected the name of a field".to_owned()),
            _ => Ok(name.to_owned()),
        };
        checked.map_err(|why| self.problem(at, why)).ok()
    }

    fn texts(
        &mut self,
        at: &[&str],
        name: &str,
        texts: &Texts,
        into: Into,
        templates: &mut Templates,
    ) -> Option<Vec<Text>> {
        let mut out = Vec::new();
        for text in &texts.0 {
            let mut template = Template::new();
            let read = template.text(text, into, self.response());
            let host =
                into == Into::Header && !self.response() && name.eq_ignore_ascii_case("host");
            let read = read.and_then(|()| if host { names::host(text) } else { Ok(()) });
            match read {
                Ok(()) => out.push(templates.keep(template)),
                Err(why) => self.problem(at, why),
            }
        }
        (out.len() == texts.0.len()).then_some(out)
    }

    fn body(&mut self, written: &Written<'_, Value>) -> BodyRules {
        let mut body = BodyRules::default();
        let mut claims = Vec::new();
        for (n, text) in written.remove.iter().enumerate() {
            let at = ["remove", "body", &n.to_string()];
            if let Some(name) = self.pointer(&at, text) {
                claims.push(Claim::of(Step::Remove, &name, self.place(&at)));
                body.rules.push(Rule {
                    name,
                    act: Act::Remove,
                });
            }
        }
        for (from, to) in written.rename {
            let at = ["rename", "body", from];
            let (Some(name), Some(to)) = (self.pointer(&at, from), self.pointer(&at, to)) else {
                continue;
            };
            match (name.steps().split_last(), to.steps().split_last()) {
                (Some((_, parent)), Some((last, same))) if parent == same => {
                    claims.push(Claim::of(Step::Rename, &name, self.place(&at)).to(to.steps()));
                    body.rules.push(Rule { name, act: Act::Rename(last.clone()) });
                }
                _ => self.problem(&at, "a member keeps its place: expected a pointer that differs in the last step only"),
            }
        }
        for (step, values) in &written.values {
            for (text, value) in *values {
                let at = [step.key(), "body", text];
                let value_of = self.value(&at, *step, value, &mut body);
                if let (Some(name), Some(texts)) = (self.pointer(&at, text), value_of) {
                    let claim = Claim::of(*step, &name, self.place(&at));
                    claims.push(claim.holds(value.is_object() || value.is_array()));
                    body.rules.push(Rule {
                        name,
                        act: act(*step, texts),
                    });
                }
            }
        }
        if body.rules.len() > MAX_BODY_RULES {
            self.problem(&[], "more than 64 rules for the body");
        }
        collisions(&claims, self.problems);
        body
    }

    fn pointer(&mut self, at: &[&str], text: &str) -> Option<Pointer> {
        Pointer::parse(text)
            .map_err(|why| self.problem(at, why))
            .ok()
    }

    /// A value as JSON and as fields of a form. Appended lists are several values.
    fn value(
        &mut self,
        at: &[&str],
        step: Step,
        value: &Value,
        body: &mut BodyRules,
    ) -> Option<BodyValue> {
        let response = self.response();
        let one = std::slice::from_ref(value);
        let elements = value.as_array().map_or(one, Vec::as_slice);
        let values = if step == Step::Append { elements } else { one };
        let mut json = Vec::new();
        for value in values {
            let mut template = Template::new();
            if let Err(why) = json_text(value, &mut template, response) {
                self.problem(at, why);
                return None;
            }
            json.push(body.json.keep(template));
        }
        let fields: Option<Vec<_>> = elements.iter().map(plain).collect();
        let form = fields.map(|fields| {
            let field = |text: String| {
                let mut template = Template::new();
                // It was read as a part of the JSON already.
                template.text(&text, Into::Form, response).ok()?;
                Some(body.form.keep(template))
            };
            fields.into_iter().filter_map(field).collect()
        });
        Some(BodyValue { json, form })
    }
}

/// Writes a value as JSON, with templates in its texts.
fn json_text(value: &Value, out: &mut Template, response: bool) -> Result<(), String> {
    match value {
        Value::Null => out.literal(b"null"),
        Value::Bool(_) | Value::Number(_) => {
            out.literal(plain(value).unwrap_or_default().as_bytes());
        }
        Value::String(text) => {
            out.literal(b"\"");
            out.text(text, Into::Json, response)?;
            out.literal(b"\"");
        }
        Value::Array(values) => {
            out.literal(b"[");
            for (n, value) in values.iter().enumerate() {
                out.literal(if n > 0 { b"," } else { b"" });
                json_text(value, out, response)?;
            }
            out.literal(b"]");
        }
        Value::Object(members) => {
            out.literal(b"{");
            for (n, (name, value)) in members.iter().enumerate() {
                let mut quoted = if n > 0 {
                    b",\"".to_vec()
                } else {
                    b"\"".to_vec()
                };
                json::quote(name, &mut quoted);
                quoted.extend(b"\":");
                out.literal(&quoted);
                json_text(value, out, response)?;
            }
            out.literal(b"}");
        }
    }
    Ok(())
}

fn act<V>(step: Step, value: V) -> Act<V> {
    match step {
        Step::Add => Act::Add(value),
        Step::Append => Act::Append(value),
        _ => Act::Replace(value),
    }
}
