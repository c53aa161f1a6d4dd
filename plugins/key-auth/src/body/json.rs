//! Keys among the members of a JSON object. What is not taken out stays byte
//! for byte as it was: white space, order, numbers.
//!
//! A library says whether the body is JSON. Where the members stand is found
//! by walking over it, so that a large body needs no memory.

use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::Found;

/// Where one member of the outermost object stands.
struct Member {
    name: Range<usize>,
    value: Range<usize>,
}

/// The value of `name`, if it is a text.
pub(crate) fn find(body: &[u8], name: &str) -> Found {
    let mut found = Found::Nothing;
    for member in members(body) {
        let value = body.get(member.value).unwrap_or_default();
        if !is(body.get(member.name), name) {
            continue;
        }
        if value.starts_with(b"[") || found != Found::Nothing {
            return Found::Several;
        }
        match text(value) {
            Some(key) if !key.is_empty() => found = Found::Key(key.into_bytes()),
            _ => {}
        }
    }
    found
}

/// The body without these members; none where it has none of them.
pub(crate) fn without(body: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let hidden = |member: &Member| {
        let found = body.get(member.name.clone());
        names.iter().any(|name| is(found, name))
    };
    if !members(body).any(|member| hidden(&member)) {
        return None;
    }
    let start = body.iter().position(|b| *b == b'{')? + 1;
    let mut out = body.get(..start)?.to_vec();
    let (mut end, mut first) = (start, true);
    for member in members(body) {
        // From the end of the value before to the end of this one: `, "name": value`.
        let before = end;
        end = member.value.end;
        if hidden(&member) {
            continue;
        }
        let separator = body.get(before..member.name.start)?;
        let comma = separator.iter().position(|b| *b == b',');
        let kept = match comma.filter(|_| first) {
            Some(comma) => before + comma + 1,
            None => before,
        };
        out.extend_from_slice(body.get(kept..end)?);
        first = false;
    }
    out.extend_from_slice(body.get(end..)?);
    Some(out)
}

/// Whether the quoted text is `name`.
fn is(quoted: Option<&[u8]>, name: &str) -> bool {
    let Some(quoted) = quoted else {
        return false;
    };
    if quoted.contains(&b'\\') {
        return text(quoted).is_some_and(|text| text == name);
    }
    quoted.get(1..quoted.len() - 1) == Some(name.as_bytes())
}

/// What a quoted text says.
fn text(quoted: &[u8]) -> Option<String> {
    if !quoted.starts_with(b"\"") {
        return None;
    }
    match serde_json::from_slice(quoted) {
        Ok(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// The members in their order, repeated names too; none of what is no object.
fn members(body: &[u8]) -> impl Iterator<Item = Member> {
    let valid = serde_json::from_slice::<IgnoredAny>(body).is_ok();
    let mut walk = Walk {
        body: if valid { body } else { b"" },
        at: 0,
    };
    let mut open = walk.step(b'{').is_some();
    std::iter::from_fn(move || {
        let member = open.then(|| walk.member()).flatten();
        open = member.is_some() && walk.step(b',').is_some();
        member
    })
}

/// A place in JSON that is known to be valid.
struct Walk<'b> {
    body: &'b [u8],
    at: usize,
}

impl Walk<'_> {
    fn member(&mut self) -> Option<Member> {
        self.space();
        let name = self.quoted()?;
        self.step(b':')?;
        self.space();
        let value = self.value()?;
        Some(Member { name, value })
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Past this byte, if it is the next one after white space.
    fn step(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    fn quoted(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        (self.peek() == Some(b'"')).then_some(())?;
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return Some(start..self.at);
                }
                _ => self.at += 1,
            }
        }
    }

    fn value(&mut self) -> Option<Range<usize>> {
        let (start, mut depth) = (self.at, 0usize);
        loop {
            match self.peek()? {
                b'"' => {
                    self.quoted()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => break,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        Some(start..self.at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> [String; 2] {
        ["apikey".to_owned(), "k".to_owned()]
    }

    #[test]
    fn a_text_is_a_key_and_a_list_is_several() {
        assert_eq!(
            find(br#"{"a": {"apikey": "x"}, "apikey": "k\u0031"}"#, "apikey"),
            Found::Key(b"k1".to_vec())
        );
        assert_eq!(find(br#"{"apikey": ["a", "b"]}"#, "apikey"), Found::Several);
        assert_eq!(
            find(br#"{"apikey": "a", "apikey": "b"}"#, "apikey"),
            Found::Several
        );
        for body in [
            "",
            "[]",
            "{",
            r#"{"apikey": 1}"#,
            r#"{"apikey": ""}"#,
            r#"{"apikey": "a"} x"#,
        ] {
            assert_eq!(find(body.as_bytes(), "apikey"), Found::Nothing, "{body}");
        }
    }

    #[test]
    fn the_rest_stays_as_it_was() {
        for (body, rest) in [
            (r#"{"apikey":"x"}"#, "{}"),
            (
                r#" { "apikey" : "x" , "n": 1.50e0 , "l":[ ] } "#,
                r#" { "n": 1.50e0 , "l":[ ] } "#,
            ),
            (r#"{"a":1, "apikey":"x", "b":2}"#, r#"{"a":1, "b":2}"#),
            (
                r#"{"apikey":"x","k":{},"a,":"}","apikey":1}"#,
                r#"{"a,":"}"}"#,
            ),
        ] {
            let out = without(body.as_bytes(), &names()).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), rest);
        }
        assert_eq!(without(br#"{"a": "apikey"}"#, &names()), None);
        assert_eq!(without(b"nonsense", &names()), None);
    }

    proptest! {
        #[test]
        fn what_is_left_is_the_same_json(values: Vec<(String, u8)>, at: usize, pretty: bool) {
            let mut whole = serde_json::Map::new();
            for (name, value) in &values {
                whole.insert(name.clone(), (*value).into());
            }
            whole.retain(|name, _| !names().contains(name));
            let expected = serde_json::Value::Object(whole.clone());
            let mut members: Vec<_> = whole.into_iter().collect();
            members.insert(at % (members.len() + 1), ("apikey".to_owned(), "x".into()));
            let body: Vec<String> = members
                .iter()
                .map(|(n, v)| format!("{}{}:{v}", if pretty { "\n " } else { "" }, serde_json::to_string(n).unwrap()))
                .collect();
            let body = format!("{{{}}}", body.join(","));
            let rest = without(body.as_bytes(), &names()).unwrap();
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&rest).unwrap(), expected);
        }

        #[test]
        fn reading_is_total(body: Vec<u8>) {
            find(&body, "apikey");
            without(&body, &names());
        }
    }
}
