//! What the operator may say.

use std::collections::BTreeMap;

use sluice_plugin::config::{Reader, Schema, Value};
use sluice_plugin::prelude::*;

/// Changes requests and responses on their way: headers, query, body, method, path, status.
#[derive(Debug, Config)]
pub struct Options {
    /// What becomes of requests before they go upstream.
    #[config(default)]
    pub(crate) request: RequestRules,
    /// What becomes of responses before they go to the client.
    #[config(default)]
    pub(crate) response: ResponseRules,
    /// What becomes of a message with body rules whose body is neither JSON nor
    /// a form, or JSON that does not parse.
    #[config(default = "pass")]
    pub(crate) on_body_error: OnBodyError,
}

/// What becomes of a body that cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Config)]
pub(crate) enum OnBodyError {
    /// The message goes on with its body as it is; the other rules apply.
    Pass,
    /// The request is refused with 400 or 415; in the place of the response stands a 502.
    Reject,
}

/// The steps are taken in the order `remove`, `rename`, `replace`, `add`,
/// `append`. Templates see the request as it came.
#[derive(Debug, Default, Config)]
pub(crate) struct RequestRules {
    /// Another method, such as `POST`.
    pub(crate) method: Option<String>,
    /// Another path, with templates. The query stays.
    pub(crate) path: Option<String>,
    /// What goes.
    #[config(default)]
    pub(crate) remove: RequestNames,
    /// Other names: the old one, and the new one.
    #[config(default)]
    pub(crate) rename: RequestRenames,
    /// Other values, where there is one already.
    #[config(default)]
    pub(crate) replace: RequestValues,
    /// Values where there is none.
    #[config(default)]
    pub(crate) add: RequestValues,
    /// More values, behind those that are there.
    #[config(default)]
    pub(crate) append: RequestValues,
}

/// As for requests, without a query.
#[derive(Debug, Default, Config)]
pub(crate) struct ResponseRules {
    /// Another status, 200 to 599.
    pub(crate) status: Option<u16>,
    /// What goes.
    #[config(default)]
    pub(crate) remove: ResponseNames,
    /// Other names: the old one, and the new one.
    #[config(default)]
    pub(crate) rename: ResponseRenames,
    /// Other values, where there is one already.
    #[config(default)]
    pub(crate) replace: ResponseValues,
    /// Values where there is none.
    #[config(default)]
    pub(crate) add: ResponseValues,
    /// More values, behind those that are there.
    #[config(default)]
    pub(crate) append: ResponseValues,
}

/// Names to remove.
#[derive(Debug, Default, Config)]
pub(crate) struct RequestNames {
    /// Names of headers.
    #[config(default)]
    pub(crate) headers: Vec<String>,
    /// Names of fields of the query.
    #[config(default)]
    pub(crate) query: Vec<String>,
    /// JSON Pointers (RFC 6901); `/name` is also the field `name` of a form.
    #[config(default)]
    pub(crate) body: Vec<String>,
}

/// Names to remove.
#[derive(Debug, Default, Config)]
pub(crate) struct ResponseNames {
    /// Names of headers.
    #[config(default)]
    pub(crate) headers: Vec<String>,
    /// JSON Pointers (RFC 6901); `/name` is also the field `name` of a form.
    #[config(default)]
    pub(crate) body: Vec<String>,
}

/// Old names and new ones.
#[derive(Debug, Default, Config)]
pub(crate) struct RequestRenames {
    /// Names of headers.
    #[config(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Names of fields of the query.
    #[config(default)]
    pub(crate) query: BTreeMap<String, String>,
    /// JSON Pointers with the same parent.
    #[config(default)]
    pub(crate) body: BTreeMap<String, String>,
}

/// Old names and new ones.
#[derive(Debug, Default, Config)]
pub(crate) struct ResponseRenames {
    /// Names of headers.
    #[config(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// JSON Pointers with the same parent.
    #[config(default)]
    pub(crate) body: BTreeMap<String, String>,
}

/// Names and values.
#[derive(Debug, Default, Config)]
pub(crate) struct RequestValues {
    /// A text with templates, or a list of them for several lines.
    #[config(default)]
    pub(crate) headers: BTreeMap<String, Texts>,
    /// A text with templates, or a list of them for several fields.
    #[config(default)]
    pub(crate) query: BTreeMap<String, Texts>,
    /// JSON Pointers and any values; texts in them may have templates.
    #[config(default)]
    pub(crate) body: BTreeMap<String, Value>,
}

/// Names and values.
#[derive(Debug, Default, Config)]
pub(crate) struct ResponseValues {
    /// A text with templates, or a list of them for several lines.
    #[config(default)]
    pub(crate) headers: BTreeMap<String, Texts>,
    /// JSON Pointers and any values; texts in them may have templates.
    #[config(default)]
    pub(crate) body: BTreeMap<String, Value>,
}

/// One text or several. Numbers and booleans are texts as JSON writes them.
#[derive(Debug)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl Config for Texts {
    fn schema(out: &mut Schema) {
        out.keywords(r#""type":["string","number","boolean","array"],"items":{"type":["string","number","boolean"]},"minItems":1"#);
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let Value::Array(values) = value else {
            return Some(Self(vec![text(value, at)?]));
        };
        if values.is_empty() {
            at.problem("expected at least one text");
            return None;
        }
        let texts: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(n, value)| at.within(&n.to_string(), |at| text(value, at)))
            .collect();
        texts.into_iter().collect::<Option<_>>().map(Self)
    }
}

fn text(value: &Value, at: &mut Reader) -> Option<String> {
    let text = plain(value);
    if text.is_none() {
        at.expected("a text, or a list of texts", value);
    }
    text
}

/// What stands for a value where there are only texts; none of lists, tables and null.
pub(crate) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("true".to_owned()),
        Value::Bool(false) => Some("false".to_owned()),
        _ => None,
    }
}
