//! `application/x-www-form-urlencoded` (WHATWG URL, 5.1), which queries are too.
//!
//! What is not taken out stays byte for byte as it was.

use sluice_plugin::form::{decode, split};

use crate::Found;

/// The value of `name`, decoded. Empty values are none.
pub(crate) fn find(form: &[u8], name: &str) -> Found {
    let mut found = Found::Nothing;
    for pair in form.split(|b| *b == b'&') {
        let (key, value) = split(pair);
        let value = value.unwrap_or_default();
        if value.is_empty() || !is(key, name) {
            continue;
        }
        if found != Found::Nothing {
            return Found::Several;
        }
        found = Found::Key(decode(value).collect());
    }
    found
}

/// The form without these names; none where it has none of them.
pub(crate) fn without(form: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let hidden = |pair: &&[u8]| names.iter().any(|name| is(split(pair).0, name));
    if !form.split(|b| *b == b'&').any(|pair| hidden(&pair)) {
        return None;
    }
    let kept: Vec<_> = form
        .split(|b| *b == b'&')
        .filter(|pair| !hidden(pair))
        .collect();
    Some(kept.join(&b'&'))
}

fn is(key: &[u8], name: &str) -> bool {
    decode(key).eq(name.bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_values_are_decoded() {
        let found = find(b"a=1&api%6B%65y=k%2f%+x&b", "apikey");
        assert_eq!(found, Found::Key(b"k/% x".to_vec()));
        assert_eq!(find(b"apikey=a&apikey=b", "apikey"), Found::Several);
        for form in ["", "apikey", "apikey=", "apikey[]=a", "APIKEY=a", "&=&"] {
            assert_eq!(find(form.as_bytes(), "apikey"), Found::Nothing, "{form}");
        }
    }

    #[test]
    fn the_rest_stays_as_it_was() {
        let names = ["apikey".to_owned()];
        let form = b"c=valu%651&ap%69key=k&&b=+&apikey";
        assert_eq!(without(form, &names).unwrap(), b"c=valu%651&&b=+");
        assert_eq!(without(b"a=1", &names), None);
        assert_eq!(without(b"apikey=k", &names).unwrap(), b"");
    }

    proptest! {
        #[test]
        fn what_is_taken_out_cannot_be_found(form in "([ab]|%61|%4|=|&|\\+){0,40}") {
            let names = ["a".to_owned()];
            let rest = without(form.as_bytes(), &names).unwrap_or_else(|| form.clone().into());
            prop_assert_eq!(find(&rest, "a"), Found::Nothing);
            prop_assert_eq!(find(&rest, "b"), find(form.as_bytes(), "b"));
        }
    }
}
