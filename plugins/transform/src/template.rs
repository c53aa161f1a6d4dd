//! Templates: `Bearer ${header.x-token ?? "none"}`.
//!
//! They are compiled once. What has no `${` in it is fixed bytes from then on,
//! and nothing is rendered for it.

use crate::json::quote;
use crate::source::{Bad, Source, Sources};

/// What a value becomes a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    /// A header's value.
    Header,
    /// A value of a query or a form, percent-encoded.
    Form,
    /// A request's path: what comes from the exchange is part of one segment.
    Path,
    /// A JSON string, without its quotes.
    Json,
}

/// Bytes to write, or where to find them among what was rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    Fixed(Vec<u8>),
    Rendered(usize),
}

/// The templates of some rules, in the order in which they are rendered.
#[derive(Debug, Default)]
pub(crate) struct Templates(Vec<Template>);

/// What the templates came to for one exchange.
#[derive(Debug, Default)]
pub(crate) struct Rendered(Vec<Vec<u8>>);

/// One template.
#[derive(Debug)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    /// Encoded already.
    Literal(Vec<u8>),
    Value(Source, Option<String>, Into),
}

impl Templates {
    /// Keeps what must be rendered; the rest is fixed.
    pub(crate) fn keep(&mut self, template: Template) -> Text {
        match template.fixed() {
            Ok(bytes) => Text::Fixed(bytes),
            Err(template) => {
                self.0.push(template);
                Text::Rendered(self.0.len() - 1)
            }
        }
    }

    /// Renders all of them, before anything is edited: a rule sees the message
    /// as it came, whatever the rules before it do.
    pub(crate) fn render(&self, sources: &Sources<'_>) -> Result<Rendered, Bad> {
        let rendered = self.0.iter().map(|template| template.render(sources));
        rendered.collect::<Result<_, _>>().map(Rendered)
    }
}

impl Rendered {
    /// The bytes of a text of the same templates.
    pub(crate) fn get<'a>(&'a self, text: &'a Text) -> &'a [u8] {
        match text {
            Text::Fixed(bytes) => bytes,
            Text::Rendered(at) => self.0.get(*at).map_or(b"", Vec::as_slice),
        }
    }
}

impl Template {
    /// Nothing so far.
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds bytes as they are.
    pub(crate) fn literal(&mut self, bytes: &[u8]) {
        match self.0.last_mut() {
            Some(Part::Literal(before)) => before.extend_from_slice(bytes),
            _ => self.0.push(Part::Literal(bytes.to_vec())),
        }
    }

    /// Adds what the operator wrote. `$${` stands for `${`. `response` says
    /// whether there is one; the error is for the operator.
    pub(crate) fn text(&mut self, text: &str, into: Into, response: bool) -> Result<(), String> {
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            let from = from.get(2..).unwrap_or_default();
            if let Some(before) = before.strip_suffix('$') {
                self.encoded(before, into)?;
                self.encoded("${", into)?;
                rest = from;
                continue;
            }
            self.encoded(before, into)?;
            let (source, default, behind) = Source::parse(from, response)?;
            if let Some(default) = &default {
                // What cannot be rendered is found now.
                encode(default.as_bytes(), into, &mut Vec::new()).map_err(|why| why.message())?;
            }
            self.0.push(Part::Value(source, default, into));
            rest = behind;
        }
        self.encoded(rest, into)
    }

    fn encoded(&mut self, text: &str, into: Into) -> Result<(), String> {
        let mut out = Vec::new();
        match into {
            // An operator may write line breaks where they are encoded, and slashes into a path.
            Into::Json => quote(text, &mut out),
            Into::Form => percent(text.as_bytes(), &mut out),
            Into::Path => out.extend_from_slice(text.as_bytes()),
            Into::Header => {
                encode(text.as_bytes(), into, &mut out).map_err(|why| why.message())?;
            }
        }
        if !out.is_empty() {
            self.literal(&out);
        }
        Ok(())
    }

    /// What does not come from the exchange; none for each place that does.
    pub(crate) fn literals(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.0.iter().map(|part| match part {
            Part::Literal(bytes) => Some(bytes.as_slice()),
            Part::Value(..) => None,
        })
    }

    /// The bytes of a template that is the same for every exchange.
    fn fixed(mut self) -> Result<Vec<u8>, Self> {
        match self.0.as_mut_slice() {
            [] => Ok(Vec::new()),
            [Part::Literal(bytes)] => Ok(std::mem::take(bytes)),
            _ => Err(self),
        }
    }

    fn render(&self, sources: &Sources<'_>) -> Result<Vec<u8>, Bad> {
        let mut out = Vec::new();
        // Where a segment of a path begins that the exchange has a part in.
        let mut open = None;
        for part in &self.0 {
            match part {
                Part::Literal(bytes) => {
                    out.extend_from_slice(bytes);
                    if bytes.contains(&b'/')
                        && let Some(start) = open.take()
                    {
                        check_segment(&out, start)?;
                    }
                }
                Part::Value(source, default, into) => {
                    let found = sources.get(source);
                    let value = match (&found, default) {
                        (Some(value), _) => value.as_slice(),
                        (None, Some(default)) => default.as_bytes(),
                        (None, None) => b"",
                    };
                    // A default is the operator's, as a literal is.
                    let is_theirs = found.is_some() || default.is_none();
                    if *into == Into::Path && is_theirs && open.is_none() {
                        let slash = out.iter().rposition(|b| *b == b'/');
                        open = Some(slash.map_or(0, |at| at + 1));
                    }
                    encode(value, *into, &mut out)?;
                }
            }
        }
        if let Some(start) = open {
            check_segment(&out, start)?;
        }
        Ok(out)
    }
}

/// What is nothing, `.` or `..` in its place would lead out of it (RFC 3986, 5.2.4).
fn check_segment(path: &[u8], start: usize) -> Result<(), Bad> {
    let from = path.get(start..).unwrap_or_default();
    match from.split(|b| *b == b'/').next() {
        Some(b"" | b"." | b"..") | None => Err(Bad::Segment),
        Some(_) => Ok(()),
    }
}

/// Writes a value as a part of something else. CR, LF and NUL are refused
/// everywhere: what splits a header would be a trap elsewhere too.
fn encode(value: &[u8], into: Into, out: &mut Vec<u8>) -> Result<(), Bad> {
    if value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Err(Bad::Control);
    }
    match into {
        Into::Header => {
            if value.iter().any(|b| *b < b' ' && *b != b'\t' || *b == 0x7f) {
                return Err(Bad::Control);
            }
            out.extend_from_slice(value);
        }
        Into::Form | Into::Path => percent(value, out),
        Into::Json => quote(std::str::from_utf8(value).map_err(|_| Bad::Encoding)?, out),
    }
    Ok(())
}

/// Percent-encodes all but unreserved characters (RFC 3986, 2.3).
pub(crate) fn percent(value: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |n: u8| HEX.get(usize::from(n & 15)).copied().unwrap_or(b'0');
    for byte in value {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(*byte),
            byte => out.extend([b'%', digit(byte >> 4), digit(*byte)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(text: &str, into: Into) -> Result<String, String> {
        let mut template = Template::new();
        template.text(text, into, false)?;
        let bytes = template.fixed().map_err(|_| "not fixed")?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn text_without_a_template_is_fixed() {
        assert_eq!(fixed("a b", Into::Header).unwrap(), "a b");
        assert_eq!(fixed("a b/é", Into::Form).unwrap(), "a%20b%2F%C3%A9");
        assert_eq!(fixed("/a/b", Into::Path).unwrap(), "/a/b");
        assert_eq!(fixed("\"\n", Into::Json).unwrap(), "\\\"\\n");
        assert_eq!(fixed("", Into::Header).unwrap(), "");
        assert_eq!(
            fixed("$${header.x} $", Into::Header).unwrap(),
            "${header.x} $"
        );
        assert_eq!(fixed("$$${x}", Into::Header).unwrap(), "$${x}");
    }

    #[test]
    fn control_characters_are_refused_when_they_are_written() {
        for text in ["a\nb", "a\rb", "a\0b", "\u{7f}", "${header.x ?? \"a\\nb\"}"] {
            assert!(fixed(text, Into::Header).is_err(), "{text:?}");
        }
        assert!(fixed("a\tb", Into::Header).is_ok());
        assert!(fixed("${header.x ?? \"\\u0000\"}", Into::Json).is_err());
    }
}
