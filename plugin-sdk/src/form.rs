//! `application/x-www-form-urlencoded` (WHATWG URL, 5.1): form bodies, and the
//! queries of most clients.
//!
//! ```
//! use sluice_plugin::form;
//!
//! let mut pairs = form::pairs(b"page=2&tag=a%26b+c");
//! assert_eq!(pairs.next(), Some((&b"page"[..], Some(&b"2"[..]))));
//! let (_, tag) = pairs.next().unwrap();
//! assert!(form::decode(tag.unwrap()).eq(*b"a&b c"));
//! ```

/// The names and values between the `&`, still encoded. A name without `=` has
/// no value.
pub fn pairs(form: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    form.split(|b| *b == b'&').map(split)
}

/// Name and value of one pair, still encoded.
pub fn split(pair: &[u8]) -> (&[u8], Option<&[u8]>) {
    match pair.iter().position(|b| *b == b'=') {
        Some(at) => (
            pair.get(..at).unwrap_or(pair),
            Some(pair.get(at + 1..).unwrap_or_default()),
        ),
        None => (pair, None),
    }
}

/// A name or a value, decoded: `+` is a space, and what is no escape stands for
/// itself. Never longer than `text`.
pub fn decode(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = text;
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
    use super::*;

    #[test]
    fn escapes_are_resolved_and_broken_ones_stay() {
        for (text, expected) in [
            ("a+b%20c", "a b c"),
            ("%2B%2b", "++"),
            ("%", "%"),
            ("%2", "%2"),
            ("%zz%41", "%zzA"),
        ] {
            assert!(decode(text.as_bytes()).eq(expected.bytes()), "{text}");
        }
    }
}
