//! `${env:NAME}` and `${file:path}` in strings, resolved at the load.

use super::key;
use super::tree::{Content, Entry, Node, Spot, Value};

/// Something whose value stands outside of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placeholder<'a> {
    /// An environment variable.
    Env(&'a str),
    /// The content of a file, without one line end behind it.
    File(&'a str),
}

/// Whether `${` may stand for something else than a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Templates {
    /// Anywhere but in a plugin's `config`: it may not.
    Refused,
    /// A plugin may have templates of its own, such as `${header.x}`.
    Kept,
}

/// What looks a placeholder up for the string at a spot, or says why it cannot.
pub(super) type LookUp<'a> = dyn FnMut(Spot, Placeholder<'_>) -> Result<String, String> + 'a;

/// Resolves all strings of the tree, and hands every failure to `report` with
/// the key of the string and its text as it is written.
pub(super) fn resolve_all(
    root: &mut [Entry],
    look_up: &mut LookUp<'_>,
    report: &mut dyn FnMut(&str, &str, String),
) {
    let mut walk = Walk {
        look_up,
        report,
        key: String::new(),
    };
    for entry in root {
        let inside = if entry.key == "plugins" {
            Inside::Plugins
        } else {
            Inside::Elsewhere
        };
        walk.entry(entry, inside);
    }
}

/// Where the walk is.
#[derive(Clone, Copy)]
enum Inside {
    Plugins,
    Plugin,
    Config,
    Elsewhere,
}

struct Walk<'a, 'b> {
    look_up: &'a mut LookUp<'b>,
    report: &'a mut dyn FnMut(&str, &str, String),
    key: String,
}

impl Walk<'_, '_> {
    fn entry(&mut self, entry: &mut Entry, inside: Inside) {
        let length = self.key.len();
        key::push(&mut self.key, &entry.key);
        self.node(&mut entry.node, inside);
        self.key.truncate(length);
    }

    fn node(&mut self, node: &mut Node, inside: Inside) {
        match &mut node.value {
            Value::Table(entries) => {
                for entry in entries {
                    let below = match inside {
                        Inside::Plugins => Inside::Plugin,
                        Inside::Plugin if entry.key == "config" => Inside::Config,
                        Inside::Plugin => Inside::Elsewhere,
                        same => same,
                    };
                    self.entry(entry, below);
                }
            }
            Value::Array(nodes) => {
                for (index, node) in nodes.iter_mut().enumerate() {
                    let length = self.key.len();
                    key::push_index(&mut self.key, index);
                    self.node(node, inside);
                    self.key.truncate(length);
                }
            }
            Value::Text(text) => {
                let templates = match inside {
                    Inside::Config => Templates::Kept,
                    _ => Templates::Refused,
                };
                let spot = node.spot;
                let mut look_up = |placeholder: Placeholder<'_>| (self.look_up)(spot, placeholder);
                match resolve(&text.written, templates, &mut look_up) {
                    Ok(None) => {}
                    Ok(Some(value)) => text.content = Content::Resolved(value),
                    Err(message) => {
                        (self.report)(&self.key, &text.written, message);
                        text.content = Content::Unknown;
                    }
                }
            }
            _ => {}
        }
    }
}

/// Resolves a string outside of any plugin's `config`; none where nothing in it is to be resolved.
pub(super) fn resolve_one(
    text: &str,
    look_up: &mut dyn FnMut(Placeholder<'_>) -> Result<String, String>,
) -> Result<Option<String>, String> {
    resolve(text, Templates::Refused, look_up)
}

fn resolve(
    text: &str,
    templates: Templates,
    look_up: &mut dyn FnMut(Placeholder<'_>) -> Result<String, String>,
) -> Result<Option<String>, String> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let inner = from.strip_prefix("${").unwrap_or_default();
        if let Some(before) = before.strip_suffix('$') {
            resolved.push_str(before);
            resolved.push_str("${");
            rest = inner;
            continue;
        }
        resolved.push_str(before);
        match parse(inner)? {
            Some((placeholder, behind)) => {
                resolved.push_str(&look_up(placeholder)?);
                rest = behind;
            }
            None if templates == Templates::Kept => {
                resolved.push_str("${");
                rest = inner;
            }
            None => {
                return Err(
                    "`${` begins ${env:NAME} or ${file:path}; write `$${` for the text `${`"
                        .to_owned(),
                );
            }
        }
    }
    resolved.push_str(rest);
    Ok(Some(resolved))
}

/// A placeholder whose `${` has been read, and what stands behind it; none where it is something else.
fn parse(inner: &str) -> Result<Option<(Placeholder<'_>, &str)>, String> {
    let word = inner
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(inner.len());
    let (kind, behind) = inner.split_at(word);
    let Some(behind) = behind.strip_prefix(':') else {
        return Ok(None);
    };
    if kind != "env" && kind != "file" {
        let meant = super::nearest(kind, ["env", "file"]);
        let hint = meant.map_or(String::new(), |meant| format!("; did you mean ${{{meant}:"));
        return Err(format!(
            "`${{{kind}:` is neither ${{env: nor ${{file:; write `$${{` for the text `${{`{hint}"
        ));
    }
    let Some((name, behind)) = behind.split_once('}') else {
        return Err(format!("`${{{kind}:` lacks its `}}`"));
    };
    if name.is_empty() {
        return Err(format!("`${{{kind}:}}` names nothing"));
    }
    let placeholder = if kind == "env" {
        Placeholder::Env(name)
    } else {
        Placeholder::File(name)
    };
    Ok(Some((placeholder, behind)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Placeholder, Templates, resolve};

    fn look_up(placeholder: Placeholder<'_>) -> Result<String, String> {
        match placeholder {
            Placeholder::Env("A") => Ok("one".to_owned()),
            Placeholder::File("f") => Ok("${env:A}".to_owned()),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn placeholders_are_resolved_once_and_anywhere_in_a_string() {
        let table = [
            ("plain", None),
            ("$x {} $", None),
            ("${env:A}", Some("one")),
            ("<${env:A}|${file:f}>", Some("<one|${env:A}>")),
            ("$${env:A}", Some("${env:A}")),
            ("$$${env:A}", Some("$${env:A}")),
        ];
        for (text, expected) in table {
            let resolved = resolve(text, Templates::Refused, &mut look_up).unwrap();
            assert_eq!(resolved.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_plugin_keeps_its_templates_and_typos_are_refused_even_there() {
        let kept = |text| resolve(text, Templates::Kept, &mut look_up);
        let template = "${header.x ?? \"a\"} ${env:A}";
        assert_eq!(
            kept(template),
            Ok(Some("${header.x ?? \"a\"} one".to_owned()))
        );
        for text in ["${evn:A}", "${env:A", "${env:}", "${env:B}"] {
            assert!(kept(text).is_err(), "{text}");
        }
        assert!(resolve("${header.x}", Templates::Refused, &mut look_up).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[${}:envA f]{0,40}") {
            let _ = resolve(&text, Templates::Kept, &mut look_up);
            let _ = resolve(&text, Templates::Refused, &mut look_up);
        }
    }
}
