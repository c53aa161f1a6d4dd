//! One line of a header or trailer section (RFC 9112, 5).

use super::class::{text_len, token_len};
use super::violation::Kind;

/// How far a field line has been checked, so that none of its bytes is checked twice.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct FieldLine {
    checked: usize,
    /// Where the colon stands; 0 before it has come.
    colon: usize,
}

/// A complete line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A name, and the value with the white space around it.
    Field(&'a [u8], &'a [u8]),
    /// The empty line that ends the section.
    End,
}

impl FieldLine {
    /// `line` begins where the field line does, and holds more at each call. Gives the line's
    /// length once its end has come. The first byte that is wrong decides the error, however
    /// the line is cut.
    pub(super) fn scan<'a>(&mut self, line: &'a [u8]) -> Result<Option<(usize, Line<'a>)>, Kind> {
        if self.colon == 0 {
            let at = self.checked + token_len(line.get(self.checked..).unwrap_or_default());
            self.checked = at;
            match line.get(at) {
                None => return Ok(None),
                Some(b':') if at > 0 => self.colon = at,
                Some(b'\r') if at == 0 => return end(line, 0, Line::End),
                Some(b' ' | b'\t') if at == 0 => return Err(Kind::Folded),
                Some(b' ' | b'\t') => return Err(Kind::SpaceBeforeColon),
                Some(byte) => return Err(Kind::of_byte(*byte, Kind::FieldName)),
            }
            self.checked = at + 1;
        }
        let at = self.checked + text_len(line.get(self.checked..).unwrap_or_default());
        self.checked = at;
        match line.get(at) {
            None => Ok(None),
            Some(b'\r') => {
                let name = line.get(..self.colon).unwrap_or_default();
                let value = line.get(self.colon + 1..at).unwrap_or_default();
                end(line, at, Line::Field(name, value))
            }
            Some(byte) => Err(Kind::of_byte(*byte, Kind::FieldValue)),
        }
    }
}

/// The line whose CR stands at `at`, once the LF has come.
fn end<'a>(line: &[u8], at: usize, found: Line<'a>) -> Result<Option<(usize, Line<'a>)>, Kind> {
    match line.get(at + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some((at + 2, found))),
        Some(_) => Err(Kind::BareCr),
    }
}

/// A value without the optional white space around it.
pub(super) fn trim(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
