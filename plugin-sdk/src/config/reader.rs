//! Reading JSON with the place of every problem.

use serde_json::{Map, Value};

use super::Config;
use crate::Problems;

/// Longer words than this have no nearest one: finding it takes quadratic time.
const LONGEST_WORD: usize = 32;

/// Where the reading is, and the problems so far.
#[derive(Debug, Default)]
pub struct Reader {
    pointer: String,
    pub(super) problems: Problems,
}

/// A table whose keys are known.
#[derive(Debug)]
pub struct Table<'v> {
    values: &'v Map<String, Value>,
}

impl Reader {
    /// Notes a problem at this place. Say what is expected; the value may be a secret.
    pub fn problem(&mut self, message: impl Into<String>) {
        self.problems.add(self.pointer.clone(), message);
    }

    /// Notes that something else was expected here, such as `"a string"`.
    pub fn expected(&mut self, what: &str, found: &Value) {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "a table",
        };
        self.problem(["expected ", what, ", found ", found].concat());
    }

    /// Reads what stands one step deeper, at a key or an index.
    pub fn within<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        for c in step.chars() {
            match c {
                '~' => self.pointer.push_str("~0"),
                '/' => self.pointer.push_str("~1"),
                c => self.pointer.push(c),
            }
        }
        let result = read(self);
        self.pointer.truncate(length);
        result
    }

    /// A table that has none but these keys. Unknown ones are problems, and the rest is read.
    pub fn table<'v>(&mut self, value: &'v Value, keys: &[&str]) -> Option<Table<'v>> {
        let Value::Object(values) = value else {
            self.expected("a table", value);
            return None;
        };
        for key in values.keys().filter(|k| !keys.contains(&k.as_str())) {
            let message = match nearest(key, keys) {
                Some(near) => ["unknown key; did you mean `", near, "`?"].concat(),
                None => ["unknown key; known are ", &listed(keys)].concat(),
            };
            self.within(key, |at| at.problem(message));
        }
        Some(Table { values })
    }

    /// One of these strings.
    pub fn choice<'v>(&mut self, value: &'v Value, choices: &[&str]) -> Option<&'v str> {
        let Value::String(text) = value else {
            self.expected(&["one of ", &listed(choices)].concat(), value);
            return None;
        };
        if choices.contains(&text.as_str()) {
            return Some(text);
        }
        let mut message = ["expected one of ", &listed(choices)].concat();
        if let Some(near) = nearest(text, choices) {
            message.extend(["; did you mean `", near, "`?"]);
        }
        self.problem(message);
        None
    }

    /// The default that the plugin's author wrote, read like any other value.
    #[doc(hidden)]
    pub fn default_value<C: Config>(&mut self, json: &str) -> Option<C> {
        match serde_json::from_str(json) {
            Ok(value) => C::read(&value, self),
            Err(_) => None,
        }
    }
}

impl Table<'_> {
    /// The value of a key; `absent` where it is not there.
    pub fn read<C: Config>(
        &self,
        at: &mut Reader,
        key: &str,
        absent: impl FnOnce(&mut Reader) -> Option<C>,
    ) -> Option<C> {
        at.within(key, |at| {
            if let Some(value) = self.values.get(key) {
                return C::read(value, at);
            }
            let problems = at.problems.len();
            let value = absent(at);
            if value.is_none() && at.problems.len() == problems {
                at.problem("required, and missing");
            }
            value
        })
    }
}

fn listed(words: &[&str]) -> String {
    let mut out = String::new();
    for word in words {
        out.extend([if out.is_empty() { "`" } else { ", `" }, word, "`"]);
    }
    out
}

/// The word that differs least, if it differs by a third of its letters at most.
fn nearest<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    known
        .iter()
        .map(|k| (distance(word.as_bytes(), k.as_bytes()), *k))
        .min()
        .filter(|(distance, k)| *distance <= k.len().div_ceil(3))
        .map(|(_, k)| k)
}

/// Levenshtein's distance, in bytes.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{distance, nearest};
    use crate::config::from_json;
    use crate::prelude::*;

    #[derive(Config)]
    #[allow(dead_code)]
    struct Inner {
        amount: u8,
    }

    #[derive(Config)]
    #[allow(dead_code)]
    struct Outer {
        limits: Vec<Inner>,
        #[config(default = 300)]
        wrong: u8,
    }

    fn problems(json: &str) -> Vec<(String, String)> {
        let problems = from_json::<Outer>(json).err().unwrap();
        problems.into_iter().map(|p| (p.at, p.message)).collect()
    }

    #[test]
    fn every_problem_has_its_place() {
        let found = problems(
            r#"{"limits": [{"amount": 1}, {"amuont": 2}, {"amount": "x"}], "a/b~": 1, "wrong": 1}"#,
        );
        let found: Vec<_> = found
            .iter()
            .map(|(a, m)| (a.as_str(), m.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("/a~1b~0", "unknown key; known are `limits`, `wrong`"),
                ("/limits/1/amuont", "unknown key; did you mean `amount`?"),
                ("/limits/1/amount", "required, and missing"),
                (
                    "/limits/2/amount",
                    "expected a whole number from 0 to 255, found a string"
                ),
            ]
        );
    }

    #[test]
    fn a_default_that_does_not_fit_is_a_problem_of_its_key() {
        let found = problems(r#"{"limits": []}"#);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "/wrong");
    }

    #[test]
    fn a_value_is_never_in_a_message() {
        for json in [
            r#"{"limits": "s3cret"}"#,
            r#"{"limits": [{"amount": "s3cret"}], "wrong": "s3cret"}"#,
        ] {
            assert!(problems(json).iter().all(|(_, m)| !m.contains("s3cret")));
        }
    }

    #[test]
    fn the_nearest_word_is_near() {
        assert_eq!(nearest("heder", &["realm", "header"]), Some("header"));
        assert_eq!(nearest("colour", &["realm", "header"]), None);
    }

    proptest! {
        #[test]
        fn distance_is_a_metric(a: Vec<u8>, b: Vec<u8>) {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
            prop_assert!(distance(&a, &b) <= a.len().max(b.len()));
        }
    }
}
