//! `application/x-www-form-urlencoded` (WHATWG URL, 5.1), which queries are too.
//!
//! Names are compared as they are decoded; what no rule names stays byte for
//! byte. A form is changed as one run of bytes, so that a large one needs no
//! memory for each of its fields.

use sluice_plugin::form::{decode, split};

use crate::template::percent;

/// What to do with the fields of one name. Values are encoded already.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Edit<'a> {
    /// All of them go.
    Remove,
    /// All of them get this name in their places; what had that name goes.
    Rename(&'a str),
    /// These stand in the place of the first, and the others go.
    Replace(&'a [&'a [u8]]),
    /// These, where there is none.
    Add(&'a [&'a [u8]]),
    /// These behind all fields.
    Append(&'a [&'a [u8]]),
}

/// The decoded value of the first field of this name.
pub(crate) fn value(form: &[u8], name: &str) -> Option<Vec<u8>> {
    let pair = pairs(form).find(|pair| is(pair, name))?;
    Some(decode(split(pair).1.unwrap_or_default()).collect())
}

/// The form after the edit; none where it has nothing to do.
pub(crate) fn edit(form: &[u8], name: &str, edit: Edit<'_>) -> Option<Vec<u8>> {
    let there = pairs(form).any(|pair| is(pair, name));
    let values = match (edit, there) {
        (Edit::Remove | Edit::Rename(_) | Edit::Replace(_), false) | (Edit::Add(_), true) => {
            return None;
        }
        (Edit::Append(values) | Edit::Add(values), _) => {
            let mut out = Out {
                bytes: form.to_vec(),
                begun: !form.is_empty(),
            };
            values.iter().for_each(|value| out.field(name, value));
            return Some(out.bytes);
        }
        (Edit::Remove | Edit::Rename(_), true) => &[],
        (Edit::Replace(values), true) => values,
    };
    let mut out = Out {
        bytes: Vec::with_capacity(form.len()),
        begun: false,
    };
    let mut first = true;
    for pair in pairs(form) {
        match edit {
            Edit::Rename(to) if is(pair, name) => {
                out.begin();
                percent(to.as_bytes(), &mut out.bytes);
                let (before, _) = split(pair);
                let value = pair.get(before.len()..).unwrap_or_default();
                out.bytes.extend_from_slice(value);
            }
            Edit::Rename(to) if is(pair, to) => {}
            _ if !is(pair, name) => {
                out.begin();
                out.bytes.extend_from_slice(pair);
            }
            _ if std::mem::take(&mut first) => {
                values.iter().for_each(|value| out.field(name, value));
            }
            _ => {}
        }
    }
    Some(out.bytes)
}

/// A form that is written.
struct Out {
    bytes: Vec<u8>,
    begun: bool,
}

impl Out {
    fn begin(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            self.bytes.push(b'&');
        }
    }

    fn field(&mut self, name: &str, value: &[u8]) {
        self.begin();
        percent(name.as_bytes(), &mut self.bytes);
        self.bytes.push(b'=');
        self.bytes.extend_from_slice(value);
    }
}

/// The fields; none of an empty form.
fn pairs(form: &[u8]) -> impl Iterator<Item = &[u8]> {
    form.split(|b| *b == b'&').filter(|_| !form.is_empty())
}

/// Whether the field has this name. What is empty between two `&` is no field.
fn is(pair: &[u8], name: &str) -> bool {
    let (key, _) = split(pair);
    !pair.is_empty() && decode(key).eq(name.bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(form: &str, name: &str, change: Edit<'_>) -> Option<String> {
        edit(form.as_bytes(), name, change).map(|out| String::from_utf8(out).unwrap())
    }

    #[test]
    fn values_are_decoded() {
        assert_eq!(value(b"a=1&b%20c=x%2f+y&a=2", "b c").unwrap(), b"x/ y");
        assert_eq!(value(b"a=1&a=2", "a").unwrap(), b"1");
        assert_eq!(value(b"a", "a").unwrap(), b"");
        assert_eq!(value(b"A=1&&", "a"), None);
        assert_eq!(value(b"&", ""), None);
        assert_eq!(value(b"=1", "").unwrap(), b"1");
    }

    #[test]
    fn what_no_rule_names_stays_byte_for_byte() {
        let two: Edit<'_> = Edit::Replace(&[b"x", b"y"]);
        for (form, change, expected) in [
            ("c=valu%651&%61=k&&b=+&a", Edit::Remove, "c=valu%651&&b=+"),
            ("&b&a&", Edit::Remove, "&b&"),
            ("a=1", Edit::Remove, ""),
            (
                "b=+&a=%2f&c&a",
                Edit::Rename("z z"),
                "b=+&z%20z=%2f&c&z%20z",
            ),
            ("z=0&a=1&z=2", Edit::Rename("z"), "z=1"),
            ("b=1&a=2&c=3&a=4", two, "b=1&a=x&a=y&c=3"),
            ("a", two, "a=x&a=y"),
            ("", Edit::Add(&[b"x"]), "a=x"),
            ("b=%zz", Edit::Add(&[b"x", b"y"]), "b=%zz&a=x&a=y"),
            ("a=0&b", Edit::Append(&[b"x"]), "a=0&b&a=x"),
            ("", Edit::Append(&[b"x"]), "a=x"),
        ] {
            assert_eq!(run(form, "a", change).as_deref(), Some(expected), "{form}");
        }
        for form in ["", "b=a", "A=1", "&", "aa=1"] {
            for change in [Edit::Remove, Edit::Rename("z"), two] {
                assert_eq!(run(form, "a", change), None, "{form}");
            }
        }
        assert_eq!(run("%61", "a", Edit::Add(&[b"x"])), None);
    }

    proptest! {
        #[test]
        fn the_other_fields_are_not_touched(form in "([ab]|%61|%4|=|&|\\+|é){0,40}", which in 0..5) {
            let change = match which {
                0 => Edit::Remove,
                1 => Edit::Rename("z"),
                2 => Edit::Replace(&[b"1"]),
                3 => Edit::Add(&[b"1"]),
                _ => Edit::Append(&[b"1"]),
            };
            let out = edit(form.as_bytes(), "a", change).unwrap_or_else(|| form.clone().into());
            let others = |form: &[u8]| {
                let mine = |pair: &&[u8]| is(pair, "a") || is(pair, "z");
                pairs(form).filter(|pair| !mine(pair)).collect::<Vec<_>>().join(&b'&')
            };
            prop_assert_eq!(others(&out), others(form.as_bytes()));
            let found = value(&out, "a");
            match which {
                0 | 1 => prop_assert_eq!(found, None),
                3 | 4 => prop_assert!(found.is_some()),
                _ => prop_assert_eq!(found.is_some(), value(form.as_bytes(), "a").is_some()),
            }
        }
    }
}
