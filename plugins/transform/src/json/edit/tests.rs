//! What rules do to bodies, and what they leave alone.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::json::{Fault, Pointer, check};

fn run(body: &str, at: &str, change: Edit<'_>) -> Option<String> {
    check(body.as_bytes()).unwrap();
    let out = edit(body.as_bytes(), &Pointer::parse(at).unwrap(), change).unwrap()?;
    assert_eq!(check(&out), Ok(()), "{body} became {out:?}");
    Some(String::from_utf8(out).unwrap())
}

fn becomes(body: &str, at: &str, change: Edit<'_>, expected: &str) {
    assert_eq!(
        run(body, at, change).as_deref(),
        Some(expected),
        "{at} in {body}"
    );
}

fn stays(body: &str, at: &str, change: Edit<'_>) {
    assert_eq!(run(body, at, change), None, "{at} in {body}");
}

#[test]
fn what_is_removed_takes_its_comma_and_nothing_else() {
    for (body, at, rest) in [
        (r#"{"a":1}"#, "/a", "{}"),
        (
            r#" { "a" : 1 , "n": 1.50e0 , "l":[ ] } "#,
            "/a",
            r#" { "n": 1.50e0 , "l":[ ] } "#,
        ),
        (
            r#" { "n": 1 , "a" : 1 , "l":[ ] } "#,
            "/a",
            r#" { "n": 1 , "l":[ ] } "#,
        ),
        (r#"{"n":1, "a":2 }"#, "/a", r#"{"n":1 }"#),
        (r#"{"a":1,"a":2,"b":3,"\u0061":4}"#, "/a", r#"{"b":3}"#),
        (r#"{"a":1,"b":2,"a":3}"#, "/b", r#"{"a":1,"a":3}"#),
        (r#"[10, 11, 12]"#, "/0", "[ 11, 12]"),
        (r#"[10, 11, 12]"#, "/2", "[10, 11]"),
        (r#"[[1,{"x":[0]}]]"#, "/0/1/x/0", r#"[[1,{"x":[]}]]"#),
        (
            r#"{"a":{"b":1},"c":0,"a":{"b":2,"c":3}}"#,
            "/a/b",
            r#"{"a":{},"c":0,"a":{"c":3}}"#,
        ),
        (r#"{"":{"":1}}"#, "//", r#"{"":{}}"#),
        (r#"{"a/b":{"~":1}}"#, "/a~1b/~0", r#"{"a/b":{}}"#),
        (r#"{"-":1}"#, "/-", "{}"),
    ] {
        becomes(body, at, Edit::Remove, rest);
    }
}

#[test]
fn what_is_not_there_is_not_removed() {
    for (body, at) in [
        ("{}", "/a"),
        ("[]", "/0"),
        ("[1]", "/1"),
        ("[1]", "/-"),
        ("[1]", "/00"),
        ("[{}]", "/a"),
        ("1", "/a"),
        (r#""a""#, "/a"),
        (r#"{"a":1}"#, "/a/b"),
        (r#"{"b":{"a":1}}"#, "/a"),
        (r#"{"A":1}"#, "/a"),
        (r#"{"b":["a",{"a":"}"}],"c":"\"a\":1"}"#, "/a"),
    ] {
        stays(body, at, Edit::Remove);
        stays(body, at, Edit::Replace(b"0"));
        stays(body, at, Edit::Rename("z"));
    }
}

#[test]
fn a_renamed_member_keeps_its_place_and_wins() {
    for (body, at, to, expected) in [
        (
            r#"{"x":0, "a" : [1.0] ,"y":1}"#,
            "/a",
            "b",
            r#"{"x":0, "b" : [1.0] ,"y":1}"#,
        ),
        (r#"{"b":0,"a":1}"#, "/a", "b", r#"{"b":1}"#),
        (r#"{"a":1,"b":0}"#, "/a", "b", r#"{"b":1}"#),
        (r#"{"b":0,"x":2,"a":1}"#, "/a", "b", r#"{"x":2,"b":1}"#),
        (r#"{"a":1,"a":2}"#, "/a", "b", r#"{"b":1,"b":2}"#),
        (r#"{"a":1}"#, "/a", "\"é\n", r#"{"\"é\n":1}"#),
        (r#"{"o":{"a":1}}"#, "/o/a", "b", r#"{"o":{"b":1}}"#),
    ] {
        becomes(body, at, Edit::Rename(to), expected);
    }
    stays("[1]", "/0", Edit::Rename("b"));
    stays(r#"{"b":1}"#, "/a", Edit::Rename("b"));
}

#[test]
fn a_value_is_replaced_only_where_there_is_one() {
    let value = Edit::Replace(b"null");
    becomes(r#"{"a" : {"b":[]} }"#, "/a", value, r#"{"a" : null }"#);
    becomes(r#"{"a":1,"a":"2"}"#, "/a", value, r#"{"a":null,"a":null}"#);
    becomes("[1,2]", "/1", value, "[1,null]");
}

#[test]
fn a_value_is_added_only_where_there_is_none() {
    let value = Edit::Add(b"9");
    becomes("{}", "/a", value, r#"{"a":9}"#);
    becomes("{ }", "/a", value, r#"{"a":9 }"#);
    becomes(r#"{"b": 1 }"#, "/a", value, r#"{"b": 1,"a":9 }"#);
    becomes(r#"{"o":{}}"#, "/o/a", value, r#"{"o":{"a":9}}"#);
    becomes(
        r#"{"o":{},"o":{"a":1},"o":[]}"#,
        "/o/a",
        value,
        r#"{"o":{"a":9},"o":{"a":1},"o":[]}"#,
    );
    becomes("[]", "/-", value, "[9]");
    becomes("[1 ]", "/-", value, "[1,9 ]");
    becomes("[1]", "/1", value, "[1,9]");
    becomes(r#"{"l":[1]}"#, "/l/-", value, r#"{"l":[1,9]}"#);
    for (body, at) in [
        (r#"{"a":null}"#, "/a"),
        ("{}", "/o/a"),
        ("[1]", "/0"),
        ("[1]", "/2"),
        ("[1]", "/a"),
        ("1", "/a"),
        (r#"{"o":1}"#, "/o/a"),
    ] {
        stays(body, at, value);
    }
}

#[test]
fn arrays_are_extended_and_made() {
    let values = Edit::Append(&[b"8", b"9"]);
    becomes("{}", "/a", values, r#"{"a":[8,9]}"#);
    becomes(r#"{"a":[ ]}"#, "/a", values, r#"{"a":[8,9 ]}"#);
    becomes(r#"{"a":[1 ]}"#, "/a", values, r#"{"a":[1,8,9 ]}"#);
    becomes(r#"{"a": "x" }"#, "/a", values, r#"{"a": ["x",8,9] }"#);
    becomes(r#"{"a":{}}"#, "/a", values, r#"{"a":[{},8,9]}"#);
    becomes(r#"{"a":[1]}"#, "/a/-", values, r#"{"a":[1,8,9]}"#);
    becomes("[1]", "/-", values, "[1,8,9]");
    becomes("[1]", "/0", values, "[[1,8,9]]");
    becomes("[1]", "/1", values, "[1,[8,9]]");
    becomes(
        r#"{"a":1,"a":[]}"#,
        "/a",
        values,
        r#"{"a":[1,8,9],"a":[8,9]}"#,
    );
    stays(r#"{"a":1}"#, "/a/-", values);
    stays("{}", "/a/-", values);
}

#[test]
fn what_no_library_keeps_is_kept() {
    let odd = r#"{"big":12345678901234567890123,"f":1.0,"e":1E5,"z":-0,"s":"\ud800\/\u0061","d":1,"d":2,"o":{},"l":[ ]"#;
    becomes(
        &format!("{odd}}}"),
        "/new",
        Edit::Add(b"1"),
        &format!("{odd},\"new\":1}}"),
    );
    becomes(
        &format!("{odd},\"gone\":1}}"),
        "/gone",
        Edit::Remove,
        &format!("{odd}}}"),
    );
}

#[test]
fn depth_costs_no_stack() {
    let body = "{\"a\":".repeat(500) + "1" + &"}".repeat(500);
    let at = "/a".repeat(64);
    let out = run(&body, &at, Edit::Replace(b"2")).unwrap();
    assert_eq!(out, "{\"a\":".repeat(64) + "2" + &"}".repeat(64));
}

#[test]
fn a_body_cannot_be_made_to_explode() {
    let body = format!("{{{}\"b\":1}}", "\"a\":1,".repeat(100_000));
    let value = format!("\"{}\"", "x".repeat(1000));
    let at = Pointer::parse("/a").unwrap();
    let out = edit(body.as_bytes(), &at, Edit::Replace(value.as_bytes()));
    assert_eq!(out, Err(Fault::TooLarge));
}

/// Any JSON, with few names so that pointers match.
fn json() -> impl Strategy<Value = Value> {
    let name = || "[a-c\"\\\\é]{0,2}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?"
            .prop_map(|n| serde_json::from_str(&n).unwrap()),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn pointer() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-c]{0,2}|[0-4]|-|é", 1..4).prop_map(|s| format!("/{}", s.join("/")))
}

/// Every place in a tree.
fn places(tree: &Value, at: &str, all: &mut Vec<String>) {
    let items: Vec<(String, &Value)> = match tree {
        Value::Array(elements) => (0..).map(|n: usize| n.to_string()).zip(elements).collect(),
        Value::Object(members) => members.iter().map(|(n, v)| (n.clone(), v)).collect(),
        _ => Vec::new(),
    };
    for (name, value) in items {
        let at = format!("{at}/{name}");
        places(value, &at, all);
        all.push(at);
    }
}

/// The same edit on a tree, by a library.
fn on_tree(tree: &mut Value, at: &str, change: Edit<'_>) {
    let (parent, last) = at.rsplit_once('/').unwrap();
    let Some(holder) = tree.pointer_mut(parent) else {
        return;
    };
    let parse = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap();
    let place = match holder {
        Value::Array(elements) => match last {
            "-" => Some(elements.len()),
            last => last.parse().ok().filter(|i: &usize| i.to_string() == last),
        },
        _ => None,
    };
    let append = |old: &mut Value, more: &[&[u8]]| {
        if !old.is_array() {
            *old = Value::Array(vec![old.take()]);
        }
        old.as_array_mut()
            .unwrap()
            .extend(more.iter().map(|m| parse(m)));
    };
    match (holder, place, change) {
        (Value::Object(members), _, Edit::Remove) => drop(members.shift_remove(last)),
        (Value::Object(members), _, Edit::Rename(to)) if members.contains_key(last) => {
            let old = std::mem::take(members).into_iter();
            let kept = old.filter(|(name, _)| name != to);
            *members = kept
                .map(|(name, value)| (if name == last { to.to_owned() } else { name }, value))
                .collect();
        }
        (Value::Object(members), _, Edit::Replace(value)) => {
            if let Some(old) = members.get_mut(last) {
                *old = parse(value);
            }
        }
        (Value::Object(members), _, Edit::Add(value)) => {
            members.entry(last).or_insert_with(|| parse(value));
        }
        (Value::Object(members), _, Edit::Append(more)) => {
            append(members.entry(last).or_insert(Value::Array(vec![])), more);
        }
        (Value::Array(elements), Some(i), change) => match change {
            Edit::Remove if i < elements.len() => drop(elements.remove(i)),
            Edit::Replace(value) if i < elements.len() => elements[i] = parse(value),
            Edit::Add(value) if i == elements.len() => elements.push(parse(value)),
            Edit::Append(more) if last == "-" => elements.extend(more.iter().map(|m| parse(m))),
            Edit::Append(more) if i < elements.len() => append(&mut elements[i], more),
            Edit::Append(more) if i == elements.len() => {
                elements.push(Value::Array(more.iter().map(|m| parse(m)).collect()));
            }
            _ => {}
        },
        _ => {}
    }
}

fn change(which: u8) -> Edit<'static> {
    match which % 5 {
        0 => Edit::Remove,
        1 => Edit::Rename("b"),
        2 => Edit::Replace(b"{\"new\":1.0}"),
        3 => Edit::Add(b"[1e5]"),
        _ => Edit::Append(&[b"\"x\"", b"2"]),
    }
}

proptest! {
    #[test]
    fn every_edit_is_what_a_tree_would_become(
        tree in json(), at in pointer(), place: prop::sample::Index, known: bool, which: u8, pretty: bool
    ) {
        let mut all = Vec::new();
        places(&tree, "", &mut all);
        let at = if known && !all.is_empty() { place.get(&all).clone() } else { at };
        prop_assume!(which % 5 != 1 || !at.ends_with("/b"));
        let body = match pretty {
            true => serde_json::to_string_pretty(&tree).unwrap(),
            false => tree.to_string(),
        };
        prop_assert_eq!(check(body.as_bytes()), Ok(()));
        let out = edit(body.as_bytes(), &Pointer::parse(&at).unwrap(), change(which)).unwrap();
        let mut expected = tree.clone();
        on_tree(&mut expected, &at, change(which));
        let found = out.as_deref().unwrap_or(body.as_bytes());
        let found: Value = serde_json::from_slice(found).unwrap();
        prop_assert_eq!(found.to_string(), expected.to_string(), "{} at {}", body, at);
        if expected == tree && which % 5 != 2 {
            prop_assert_eq!(out, None);
        }
    }

    #[test]
    fn outside_of_what_is_replaced_every_byte_stays(
        before in json(), value in json(), after in json(), space in "[ \t\r\n]{0,3}", deep: bool
    ) {
        // No name of `json()` is a `k`.
        let frame = |middle: &str| {
            let inner = format!("{{{space}\"x\":{before}{space},{space}\"k\"{space}:{space}{middle}{space},\"y\"{space}:{after}}}");
            if deep { format!("[0,{inner}{space},{after}]") } else { inner }
        };
        let at = if deep { "/1/k" } else { "/k" };
        let body = frame(&value.to_string());
        let out = run(&body, at, Edit::Replace(b"7"));
        prop_assert_eq!(out.unwrap(), frame("7"));
    }

    #[test]
    fn any_bytes_are_edited_without_a_panic(body: Vec<u8>, at in pointer(), which: u8) {
        let _ = edit(&body, &Pointer::parse(&at).unwrap(), change(which));
    }

    #[test]
    fn broken_json_is_edited_without_a_panic(
        body in r#"([\[\]{},:]|"a"|"\\|1|e| ){0,16}"#, at in pointer(), which: u8
    ) {
        let _ = edit(body.as_bytes(), &Pointer::parse(&at).unwrap(), change(which));
    }
}
