//! Names that the operator gives, and names that refer to them.

use std::collections::BTreeSet;

use super::super::model::Name;
use super::super::reader::{Fault, Item};

/// The longest name, in characters.
const LONGEST: usize = 64;

/// What routes and grants can refer to: also what is defined with problems, so that one
/// mistake is one problem.
pub(super) struct Names<'a> {
    pub(super) upstreams: BTreeSet<&'a str>,
    pub(super) plugins: BTreeSet<&'a str>,
    /// Without `local`, which is always there.
    pub(super) stores: BTreeSet<&'a str>,
    pub(super) secrets: BTreeSet<&'a str>,
}

/// A text that can be a name.
pub(super) fn check(text: &str) -> Result<Name, Fault> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=LONGEST).contains(&text.len()) && text.bytes().all(valid) {
        return Ok(text.into());
    }
    let fault = Fault::new("not a name");
    Err(fault.expected("1 to 64 of the letters, digits, `.`, `_`, `-`"))
}

/// Every entry of a table whose keys are names, read by `read`.
pub(super) fn named<'a, T>(
    item: &Item<'a>,
    mut read: impl FnMut(&Name, &Item<'a>) -> Option<T>,
) -> Vec<(Name, T)> {
    let mut all = Vec::new();
    for (key, item) in item.entries().unwrap_or_default() {
        match check(key) {
            Ok(name) => {
                if let Some(value) = read(&name, &item) {
                    all.push((name, value));
                }
            }
            Err(fault) => item.cx.report(&item.key, fault),
        }
    }
    all
}

/// An array of names of things that exist, no two equal.
pub(super) fn references<'a>(
    item: &Item<'a>,
    what: &str,
    most: usize,
    valid: &BTreeSet<&'a str>,
) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for item in item.array(most).unwrap_or_default() {
        let name = item.parse(|text| {
            if !valid.contains(text) {
                let fault = Fault::new(format!("no such {what}"));
                if item.cx.is_full() {
                    return Err(fault);
                }
                return Err(fault.one_of(text, valid.iter().copied()));
            }
            if names.iter().any(|name| &**name == text) {
                return Err(Fault::new(format!("the same {what} twice")));
            }
            Ok(Name::from(text))
        });
        names.extend(name);
    }
    names
}

/// A text that can become a header value without being misread: 1 to `most`
/// visible ASCII characters and none of `without`.
pub(super) fn token(text: &str, most: usize, without: &[char]) -> Result<String, Fault> {
    let visible = text.bytes().all(|b| b.is_ascii_graphic());
    if visible && (1..=most).contains(&text.len()) && !text.contains(without) {
        return Ok(text.to_owned());
    }
    let mut expected = format!("1 to {most} visible ASCII characters");
    if let [one] = without {
        expected.push_str(&format!(" without `{one}`"));
    }
    Err(Fault::new("not usable as a header value").expected(expected))
}
