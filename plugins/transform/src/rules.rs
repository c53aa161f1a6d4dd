//! What the configuration comes to: rules in the order in which they apply.

use crate::json::Pointer;
use crate::template::{Templates, Text};

/// What to do with what has one name.
#[derive(Debug)]
pub(crate) enum Act<V> {
    Remove,
    Rename(String),
    Replace(V),
    Add(V),
    Append(V),
}

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Step {
    Remove,
    Rename,
    Replace,
    Add,
    Append,
}

impl Step {
    /// As the configuration has it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::Replace => "replace",
            Self::Add => "add",
            Self::Append => "append",
        }
    }
}

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule<N, V> {
    pub(crate) name: N,
    pub(crate) act: Act<V>,
}

/// A rule for headers or fields of a query.
pub(crate) type Named = Rule<String, Vec<Text>>;

/// All rules of one direction.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) headers: Vec<Named>,
    pub(crate) query: Vec<Named>,
    pub(crate) path: Option<Text>,
    /// What the rules above render.
    pub(crate) templates: Templates,
    pub(crate) body: BodyRules,
}

impl Rules {
    /// Whether there is no rule at all.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            headers,
            query,
            path,
            templates: _,
            body,
        } = self;
        headers.is_empty() && query.is_empty() && path.is_none() && body.rules.is_empty()
    }
}

/// Rules for the body. Only one kind of its values is rendered.
#[derive(Debug, Default)]
pub(crate) struct BodyRules {
    pub(crate) rules: Vec<Rule<Pointer, BodyValue>>,
    pub(crate) json: Templates,
    pub(crate) form: Templates,
}

/// A value for either kind of body.
#[derive(Debug)]
pub(crate) struct BodyValue {
    /// JSON; several only where elements are appended.
    pub(crate) json: Vec<Text>,
    /// Values of fields; none of what has no place in a form.
    pub(crate) form: Option<Vec<Text>>,
}
