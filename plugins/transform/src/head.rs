//! Rules on headers and on the target of a request.

use sluice_plugin::EditError;
use sluice_plugin::prelude::*;

use crate::form;
use crate::rules::{Act, Named, Rules};
use crate::template::{Rendered, Text};

/// A message with headers.
pub(crate) trait Headers {
    fn has(&self, name: &str) -> bool;
    fn first(&self, name: &str) -> Option<Vec<u8>>;
    fn values(&self, name: &str) -> Vec<Vec<u8>>;
    fn set(&mut self, name: &str, value: &[u8]) -> Result<(), EditError>;
    fn append(&mut self, name: &str, value: &[u8]) -> Result<(), EditError>;
    /// Where there is none; whether it did.
    fn add(&mut self, name: &str, value: &[u8]) -> Result<bool, EditError>;
    fn remove(&mut self, name: &str) -> Result<bool, EditError>;
}

macro_rules! headers {
    ($($message:ty)*) => {$(
        impl Headers for $message {
            fn has(&self, name: &str) -> bool {
                self.has_header(name)
            }

            fn first(&self, name: &str) -> Option<Vec<u8>> {
                self.header(name)
            }

            fn values(&self, name: &str) -> Vec<Vec<u8>> {
                self.header_values(name)
            }

            fn set(&mut self, name: &str, value: &[u8]) -> Result<(), EditError> {
                self.set_header(name, value)
            }

            fn append(&mut self, name: &str, value: &[u8]) -> Result<(), EditError> {
                self.append_header(name, value)
            }

            fn add(&mut self, name: &str, value: &[u8]) -> Result<bool, EditError> {
                self.add_header(name, value)
            }

            fn remove(&mut self, name: &str) -> Result<bool, EditError> {
                self.remove_header(name)
            }
        }
    )*};
}

headers! { Request Response }

/// Applies the rules for headers. Lines that were several stay several.
pub(crate) fn headers(
    message: &mut impl Headers,
    rules: &[Named],
    rendered: &Rendered,
) -> Result<(), EditError> {
    for rule in rules {
        let name = rule.name.as_str();
        match &rule.act {
            Act::Remove => drop(message.remove(name)?),
            Act::Rename(to) => {
                let values = message.values(name);
                if !values.is_empty() {
                    message.remove(name)?;
                    set(message, to, values.iter().map(Vec::as_slice))?;
                }
            }
            Act::Replace(texts) if message.has(name) => {
                set(message, name, texts.iter().map(|text| rendered.get(text)))?;
            }
            Act::Add(texts) => {
                let mut values = texts.iter().map(|text| rendered.get(text));
                if let Some(first) = values.next()
                    && message.add(name, first)?
                {
                    values.try_for_each(|value| message.append(name, value))?;
                }
            }
            Act::Append(texts) => {
                for text in texts {
                    message.append(name, rendered.get(text))?;
                }
            }
            Act::Replace(_) => {}
        }
    }
    Ok(())
}

/// These lines instead of all that carried the name.
fn set<'v>(
    message: &mut impl Headers,
    name: &str,
    mut values: impl Iterator<Item = &'v [u8]>,
) -> Result<(), EditError> {
    if let Some(first) = values.next() {
        message.set(name, first)?;
    }
    values.try_for_each(|value| message.append(name, value))
}

/// Applies the rules for path and query. What they do not name stays as it is.
pub(crate) fn target(
    request: &mut Request,
    rules: &Rules,
    rendered: &Rendered,
) -> Result<(), EditError> {
    if rules.path.is_none() && rules.query.is_empty() {
        return Ok(());
    }
    let query = request.query();
    let mut changed = None;
    for rule in &rules.query {
        let before = changed.as_deref().or(query.as_deref().map(str::as_bytes));
        let before = before.unwrap_or_default();
        if let Some(after) = apply(before, &rule.name, &rule.act, rendered) {
            changed = Some(after);
        }
    }
    if changed.is_none() && rules.path.is_none() {
        return Ok(());
    }
    let mut target = match &rules.path {
        Some(path) => rendered.get(path).to_vec(),
        None => request.path().into_bytes(),
    };
    // A query that has lost its last field goes with its question mark.
    let query = match changed {
        Some(changed) => Some(changed).filter(|query| !query.is_empty()),
        None => query.map(String::into_bytes),
    };
    if let Some(query) = query {
        target.push(b'?');
        target.extend_from_slice(&query);
    }
    request.set_target(&String::from_utf8_lossy(&target))
}

/// One rule on a query or a form.
pub(crate) fn apply(
    form: &[u8],
    name: &str,
    act: &Act<Vec<Text>>,
    rendered: &Rendered,
) -> Option<Vec<u8>> {
    let all: Vec<&[u8]> = match act {
        Act::Replace(texts) | Act::Add(texts) | Act::Append(texts) => {
            texts.iter().map(|text| rendered.get(text)).collect()
        }
        Act::Remove | Act::Rename(_) => Vec::new(),
    };
    let edit = match act {
        Act::Remove => form::Edit::Remove,
        Act::Rename(to) => form::Edit::Rename(to),
        Act::Replace(_) => form::Edit::Replace(&all),
        Act::Add(_) => form::Edit::Add(&all),
        Act::Append(_) => form::Edit::Append(&all),
    };
    form::edit(form, name, edit)
}
