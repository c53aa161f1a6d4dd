//! Whether bytes are JSON (RFC 8259). Everything after this check may rely on it.

/// Arrays and objects inside of each other.
pub(crate) const MAX_DEPTH: usize = 512;

/// Why a body is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not JSON.
    Invalid,
    /// It is nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// The rules would make it much longer.
    TooLarge,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Value,
    /// The first element, or the end of an empty array.
    ElementOrEnd,
    Name,
    /// The first name, or the end of an empty object.
    NameOrEnd,
    /// A comma, or the end of what is open.
    After,
}

/// Checks that `body` is one JSON text in UTF-8 and not nested too deeply.
/// Surrogates may stand alone in escapes: the grammar allows it.
pub(crate) fn check(body: &[u8]) -> Result<(), Fault> {
    std::str::from_utf8(body).map_err(|_| Fault::Invalid)?;
    Checker { body, at: 0 }.run()
}

struct Checker<'b> {
    body: &'b [u8],
    at: usize,
}

impl Checker<'_> {
    fn run(mut self) -> Result<(), Fault> {
        let mut open = Open::default();
        let mut next = Next::Value;
        loop {
            self.space();
            let Some(byte) = self.body.get(self.at).copied() else {
                let whole = next == Next::After && open.depth == 0;
                return if whole { Ok(()) } else { Err(Fault::Invalid) };
            };
            next = match (next, byte) {
                (Next::Value | Next::ElementOrEnd, b'[') => {
                    open.push(false)?;
                    self.at += 1;
                    Next::ElementOrEnd
                }
                (Next::Value | Next::ElementOrEnd, b'{') => {
                    open.push(true)?;
                    self.at += 1;
                    Next::NameOrEnd
                }
                (Next::ElementOrEnd, b']') => self.close(&mut open, false)?,
                (Next::NameOrEnd, b'}') => self.close(&mut open, true)?,
                (Next::Value | Next::ElementOrEnd, _) => {
                    self.scalar(byte).ok_or(Fault::Invalid)?;
                    Next::After
                }
                (Next::Name | Next::NameOrEnd, b'"') => {
                    self.string().ok_or(Fault::Invalid)?;
                    self.space();
                    self.literal(b":").ok_or(Fault::Invalid)?;
                    Next::Value
                }
                (Next::After, b',') if open.depth > 0 => {
                    self.at += 1;
                    if open.is_object() {
                        Next::Name
                    } else {
                        Next::Value
                    }
                }
                (Next::After, b']') => self.close(&mut open, false)?,
                (Next::After, b'}') => self.close(&mut open, true)?,
                _ => return Err(Fault::Invalid),
            };
        }
    }

    fn close(&mut self, open: &mut Open, object: bool) -> Result<Next, Fault> {
        if open.depth == 0 || open.is_object() != object {
            return Err(Fault::Invalid);
        }
        open.depth -= 1;
        self.at += 1;
        Ok(Next::After)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.body.get(self.at) {
            self.at += 1;
        }
    }

    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.string(),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn literal(&mut self, text: &[u8]) -> Option<()> {
        self.body.get(self.at..)?.starts_with(text).then_some(())?;
        self.at += text.len();
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let byte = *self.body.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => return Some(()),
                b'\\' => {
                    let escaped = *self.body.get(self.at)?;
                    self.at += 1;
                    match escaped {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            let digits = self.body.get(self.at..self.at + 4)?;
                            digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                            self.at += 4;
                        }
                        _ => return None,
                    }
                }
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        if self.body.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.body.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.body.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.body.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.body.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// At least one.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.body.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// What is open: one bit for each level, set for an object.
#[derive(Default)]
struct Open {
    objects: [u64; MAX_DEPTH / 64],
    depth: usize,
}

impl Open {
    fn push(&mut self, object: bool) -> Result<(), Fault> {
        let word = self
            .objects
            .get_mut(self.depth / 64)
            .ok_or(Fault::TooDeep)?;
        let bit = 1 << (self.depth % 64);
        if object {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        self.depth += 1;
        Ok(())
    }

    /// Of the innermost; there is one.
    fn is_object(&self) -> bool {
        let level = self.depth.wrapping_sub(1);
        let word = self.objects.get(level / 64).copied().unwrap_or_default();
        word >> (level % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_the_grammar_allows_is_json() {
        for text in [
            "0",
            "-0",
            "-0.0e+10",
            "1E5",
            "12345678901234567890.5",
            "null",
            " [ ] ",
            "{}",
            r#"{"a":[{},[],""],"a":1}"#,
            r#""\ud800 \u0000 \/""#,
            "[1,\r\n\t2]",
            "\"é\"",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_it_does_not_allow_is_not() {
        for text in [
            "",
            " ",
            "01",
            "+1",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "nul",
            "nulll",
            "NaN",
            "[1,]",
            "[,1]",
            "{,}",
            r#"{"a":1,}"#,
            r#"{"a"}"#,
            r#"{"a":}"#,
            "{1:2}",
            "[1 2]",
            "[",
            "]",
            "{]",
            "[}",
            "1 2",
            "\"",
            "\"\n\"",
            r#""\x""#,
            r#""\u12g4""#,
            "'a'",
            "[1]]",
            "\u{feff}1",
            "[1}",
            "{\"a\":1]",
            ",",
        ] {
            assert_eq!(check(text.as_bytes()), Err(Fault::Invalid), "{text}");
        }
        assert_eq!(check(b"\"\xff\""), Err(Fault::Invalid));
    }

    #[test]
    fn depth_has_a_bound_and_costs_no_stack() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(check(nested(MAX_DEPTH).as_bytes()), Ok(()));
        assert_eq!(check(nested(MAX_DEPTH + 1).as_bytes()), Err(Fault::TooDeep));
        assert_eq!(
            check("{\"a\":".repeat(1_000_000).as_bytes()),
            Err(Fault::TooDeep)
        );
    }

    proptest! {
        #[test]
        fn another_parser_agrees(text in r#"([\[\]{},:]|"a"|"\\u00e9"|1|-|0|\.|e|true|null| ){0,12}"#) {
            let theirs = serde_json::from_str::<Value>(&text).is_ok();
            prop_assert_eq!(check(text.as_bytes()).is_ok(), theirs, "{}", text);
        }

        #[test]
        fn any_bytes_are_judged(body: Vec<u8>) {
            let _ = check(&body);
        }
    }
}
