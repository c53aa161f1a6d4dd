//! Rules on bodies: all of them, or none.

use crate::form;
use crate::head::Headers;
use crate::json::{self, Fault};
use crate::rules::{Act, BodyRules};
use crate::template::Rendered;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `application/json`, and everything that ends in `+json`.
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

impl Kind {
    /// By the `content-type`; none of other types, and where there are several.
    pub(crate) fn of_message(message: &impl Headers) -> Option<Self> {
        match message.values("content-type").as_slice() {
            [content_type] => Self::of(content_type),
            _ => None,
        }
    }

    /// By a `content-type`; none of the types that have no rules.
    pub(crate) fn of(content_type: &[u8]) -> Option<Self> {
        let essence = content_type.split(|b| *b == b';').next()?.trim_ascii();
        if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            return Some(Self::Form);
        }
        let suffix = essence.get(essence.len().saturating_sub(5)..)?;
        let json = essence.eq_ignore_ascii_case(b"application/json")
            || suffix.eq_ignore_ascii_case(b"+json");
        json.then_some(Self::Json)
    }
}

/// Whether the body is compressed, or something like it.
pub(crate) fn is_encoded(message: &impl Headers) -> bool {
    let codings = message.values("content-encoding");
    codings.iter().any(|c| !c.eq_ignore_ascii_case(b"identity"))
}

/// The body after the rules; none where they have nothing to do.
pub(crate) fn apply(
    kind: Kind,
    body: &[u8],
    rules: &BodyRules,
    rendered: &Rendered,
) -> Result<Option<Vec<u8>>, Fault> {
    match kind {
        Kind::Json => json::check(body)?,
        Kind::Form => {}
    }
    let mut changed: Option<Vec<u8>> = None;
    for rule in &rules.rules {
        let before = changed.as_deref().unwrap_or(body);
        let values: Vec<&[u8]> = match &rule.act {
            Act::Remove | Act::Rename(_) => Vec::new(),
            Act::Replace(value) | Act::Add(value) | Act::Append(value) => {
                let texts = match kind {
                    Kind::Json => Some(&value.json),
                    Kind::Form => value.form.as_ref(),
                };
                let Some(texts) = texts else { continue };
                texts.iter().map(|text| rendered.get(text)).collect()
            }
        };
        let first = values.first().copied().unwrap_or_default();
        let after = match kind {
            Kind::Json => {
                let edit = match &rule.act {
                    Act::Remove => json::Edit::Remove,
                    Act::Rename(to) => json::Edit::Rename(to),
                    Act::Replace(_) => json::Edit::Replace(first),
                    Act::Add(_) => json::Edit::Add(first),
                    Act::Append(_) => json::Edit::Append(&values),
                };
                json::edit(before, &rule.name, edit)?
            }
            Kind::Form => rule.name.field().and_then(|name| {
                let edit = match &rule.act {
                    Act::Remove => form::Edit::Remove,
                    Act::Rename(to) => form::Edit::Rename(to),
                    Act::Replace(_) => form::Edit::Replace(&values),
                    Act::Add(_) => form::Edit::Add(&values),
                    Act::Append(_) => form::Edit::Append(&values),
                };
                form::edit(before, name, edit)
            }),
        };
        if after.is_some() {
            changed = after;
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn types_are_told_by_their_essence() {
        for (text, kind) in [
            ("application/json", Some(Kind::Json)),
            ("Application/JSON; charset=utf-8", Some(Kind::Json)),
            ("application/merge-patch+json ", Some(Kind::Json)),
            ("application/x-www-form-urlencoded;a", Some(Kind::Form)),
            ("application/jsonl", None),
            ("text/json", None),
            ("json", None),
            ("", None),
        ] {
            assert_eq!(Kind::of(text.as_bytes()), kind, "{text}");
        }
    }
}
