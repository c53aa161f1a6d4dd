//! Queries, read as forms are (WHATWG URL, 5.1).

use http::uri::PathAndQuery;

/// The target without the fields of this name in its query; none where it has
/// none. What stays is not touched; of an empty query, the `?` goes too.
pub(super) fn without(target: &PathAndQuery, name: &str) -> Option<PathAndQuery> {
    let query = target.query()?;
    // Few queries have what is to go, and few are long enough for it.
    let mut fields = query.as_bytes().split(|b| *b == b'&');
    if query.len() < name.len() || !fields.any(|field| is(field, name)) {
        return None;
    }
    let mut changed = target.path().to_owned();
    let kept = query.split('&').filter(|field| !is(field.as_bytes(), name));
    for (n, field) in kept.enumerate() {
        changed.push(if n == 0 { '?' } else { '&' });
        changed.push_str(field);
    }
    if changed.len() == target.path().len() + 1 {
        // One empty field was left.
        changed.pop();
    }
    // A part of what could be parsed can be parsed.
    PathAndQuery::try_from(changed).ok()
}

/// Whether this is the encoded name of a field, with or without a value.
fn is(field: &[u8], name: &str) -> bool {
    // What is encoded is never shorter.
    if field.len() < name.len() {
        return false;
    }
    let key = field.split(|b| *b == b'=').next().unwrap_or_default();
    if !key.iter().any(|b| matches!(b, b'%' | b'+')) {
        return key == name.as_bytes();
    }
    decode(key).eq(name.bytes())
}

/// `+` is a space, and what is no escape stands for itself.
fn decode(mut rest: &[u8]) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'%', rest.get(1..)?),
            },
            [b'+', after @ ..] => (b' ', after),
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        rest = after;
        Some(byte)
    })
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(target: &str, name: &str) -> Option<String> {
        let target = PathAndQuery::try_from(target).unwrap();
        without(&target, name).map(|target| target.as_str().to_owned())
    }

    #[test]
    fn fields_of_one_name_go_and_the_rest_stays_as_it_was() {
        for (target, expected) in [
            ("/a?key=1&b=%7e", "/a?b=%7e"),
            ("/a?b&k%65y=1&&c=+&key", "/a?b&&c=+"),
            ("/a?key=1", "/a"),
            ("/a?key&", "/a"),
            ("/a?a=1&key=2&b=3", "/a?a=1&b=3"),
            ("/a?key&b=?", "/a?b=?"),
        ] {
            assert_eq!(cut(target, "key").as_deref(), Some(expected), "{target}");
        }
        for target in ["/a", "/a?", "/a?keys=1&KEY=2&b=key", "/key"] {
            assert_eq!(cut(target, "key"), None, "{target}");
        }
        assert_eq!(cut("/?a+b=1&a%20b&c", "a b").as_deref(), Some("/?c"));
    }

    proptest! {
        #[test]
        fn what_was_taken_out_is_not_there_any_more(query in "([ab]|%61|%4|=|&|\\+){0,40}") {
            let target = format!("/p?{query}");
            let rest = cut(&target, "a").unwrap_or(target);
            prop_assert_eq!(cut(&rest, "a"), None);
            prop_assert!(rest.starts_with("/p"));
        }
    }
}
