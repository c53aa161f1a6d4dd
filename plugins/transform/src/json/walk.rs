//! Steps over JSON that is known to be valid, and the text of strings.

use std::ops::Range;

/// A place in valid JSON. Every method is total all the same: what is not
/// there is none.
pub(super) struct Walk<'b> {
    body: &'b [u8],
    pub(super) at: usize,
}

/// One member of an object, or one element of an array.
pub(super) struct Item {
    /// With its quotes; none of an element.
    pub(super) name: Option<Range<usize>>,
    pub(super) value: Range<usize>,
}

impl Item {
    pub(super) fn start(&self) -> usize {
        self.name.as_ref().unwrap_or(&self.value).start
    }
}

impl<'b> Walk<'b> {
    pub(super) fn new(body: &'b [u8], at: usize) -> Self {
        Self { body, at }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    /// Past white space.
    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Past this byte, if it is the next one after white space; whether it was.
    pub(super) fn step(&mut self, byte: u8) -> bool {
        self.space();
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Past the name of a member, up to its value.
    pub(super) fn name(&mut self) -> Option<Range<usize>> {
        self.space();
        let start = self.at;
        self.string()?;
        let name = start..self.at;
        self.step(b':').then_some(())?;
        self.space();
        Some(name)
    }

    /// Past one value.
    pub(super) fn value(&mut self) -> Option<Range<usize>> {
        self.space();
        let start = self.at;
        match self.peek()? {
            b'"' => self.string()?,
            b'{' | b'[' => self.nested()?,
            _ => {
                while !matches!(
                    self.peek(),
                    None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')
                ) {
                    self.at += 1;
                }
            }
        }
        (self.at > start).then_some(start..self.at)
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                _ => self.at += 1,
            }
        }
    }

    fn nested(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// The items of the array or object that begins at `start`.
pub(super) fn items(body: &[u8], start: usize) -> impl Iterator<Item = Item> {
    let object = body.get(start) == Some(&b'{');
    let mut walk = Walk::new(body, start + 1);
    walk.space();
    let mut open = !matches!(walk.peek(), None | Some(b'}' | b']'));
    std::iter::from_fn(move || {
        if !open {
            return None;
        }
        let name = if object { Some(walk.name()?) } else { None };
        let value = walk.value()?;
        open = walk.step(b',');
        Some(Item { name, value })
    })
}

/// Whether the quoted text says `name`. One with half a surrogate pair says nothing.
pub(super) fn says(quoted: Option<&[u8]>, name: &str) -> bool {
    let inner = quoted.and_then(|q| q.strip_prefix(b"\"")?.strip_suffix(b"\""));
    let Some(inner) = inner else { return false };
    if !inner.contains(&b'\\') {
        return inner == name.as_bytes();
    }
    let (mut rest, mut wanted) = (inner, name.as_bytes());
    let mut utf8 = [0; 4];
    while let Some((byte, after)) = rest.split_first() {
        let (text, after) = match byte {
            b'\\' => match escape(after) {
                Some((c, after)) => (c.encode_utf8(&mut utf8).as_bytes(), after),
                None => return false,
            },
            byte => (std::slice::from_ref(byte), after),
        };
        let Some(remaining) = wanted.strip_prefix(text) else {
            return false;
        };
        (rest, wanted) = (after, remaining);
    }
    wanted.is_empty()
}

/// The character of the escape whose backslash was read, and what follows it.
fn escape(text: &[u8]) -> Option<(char, &[u8])> {
    let (kind, rest) = text.split_first()?;
    let c = match kind {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let (high, rest) = unit(rest)?;
            if !(0xd800..0xdc00).contains(&high) {
                return Some((char::from_u32(high)?, rest));
            }
            let (low, rest) = unit(rest.strip_prefix(b"\\u")?)?;
            let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
            let c = 0x10000 + ((high - 0xd800) << 10) + low;
            return Some((char::from_u32(c)?, rest));
        }
        byte => char::from(*byte),
    };
    Some((c, rest))
}

/// Four hex digits.
fn unit(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

/// Writes `text` as a JSON string, without its quotes.
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| HEX.get(usize::from(n & 15)).copied().unwrap_or(b'0');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            0..0x20 => {
                out.extend(b"\\u00");
                out.extend([digit(byte >> 4), digit(byte)]);
            }
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_compared_by_what_they_say() {
        for (quoted, name) in [
            (r#""a""#, "a"),
            (r#""\u0061\n\/""#, "a\n/"),
            (r#""\ud83d\ude00x""#, "😀x"),
            (r#""é""#, "é"),
            (r#""\"\\""#, "\"\\"),
            (r#""""#, ""),
        ] {
            assert!(says(Some(quoted.as_bytes()), name), "{quoted}");
        }
        for (quoted, name) in [
            (r#""a""#, "b"),
            (r#""ab\u0063""#, "ab"),
            (r#""\u0061""#, "ab"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ude00\ud83d""#, "😀"),
            (r#""\ud83dx""#, "x"),
        ] {
            assert!(!says(Some(quoted.as_bytes()), name), "{quoted}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_text_says_itself(text: String) {
            let mut quoted = b"\"".to_vec();
            quote(&text, &mut quoted);
            quoted.push(b'"');
            prop_assert_eq!(&serde_json::from_slice::<String>(&quoted).unwrap(), &text);
            prop_assert!(says(Some(&quoted), &text));
            prop_assert!(says(Some(&serde_json::to_vec(&text).unwrap()), &text));
        }

        #[test]
        fn walking_is_total(body: Vec<u8>, start: u8) {
            let _ = items(&body, usize::from(start)).count();
            says(Some(&body), "a");
        }
    }
}
