//! Keys among the parts of `multipart/form-data` (RFC 7578). What is not taken
//! out stays byte for byte as it was.

use std::ops::Range;

use crate::Found;

/// Parts that are looked at; a body with more has no key.
const MAX_PARTS: usize = 1024;

/// One part: the bytes from its delimiter to the next one.
struct Part<'b> {
    range: Range<usize>,
    name: String,
    value: &'b [u8],
}

/// The value of the field `name`. Empty values are none.
pub(crate) fn find(body: &[u8], boundary: &str, name: &str) -> Found {
    let mut found = Found::Nothing;
    for part in parts(body, boundary).unwrap_or_default() {
        if part.name != name || part.value.is_empty() {
            continue;
        }
        if found != Found::Nothing {
            return Found::Several;
        }
        found = Found::Key(part.value.to_vec());
    }
    found
}

/// The body without these fields; none where it has none of them.
pub(crate) fn without(body: &[u8], boundary: &str, names: &[String]) -> Option<Vec<u8>> {
    let parts = parts(body, boundary)?;
    let mut out = Vec::new();
    let mut end = 0;
    for part in parts.iter().filter(|part| names.contains(&part.name)) {
        out.extend_from_slice(body.get(end..part.range.start)?);
        end = part.range.end;
    }
    if end == 0 {
        return None;
    }
    out.extend_from_slice(body.get(end..)?);
    Some(out)
}

/// The value of a parameter of a header, such as `boundary`.
pub(crate) fn parameter(mut parameters: &str, name: &str) -> Option<String> {
    loop {
        let (found, rest) = parameters.split_once('=')?;
        let found = found.trim_start_matches([' ', '\t', ';']);
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = rest.find(';').unwrap_or(rest.len());
                let (value, after) = rest.split_at(end);
                (value.trim().to_owned(), after)
            }
        };
        if found.eq_ignore_ascii_case(name) {
            return (!value.is_empty()).then_some(value);
        }
        parameters = after;
    }
}

/// What stands before the closing quote, and what follows it.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    loop {
        match chars.next()? {
            (at, '"') => return Some((value, quoted.get(at + 1..)?)),
            (_, '\\') => value.push(chars.next()?.1),
            (_, c) => value.push(c),
        }
    }
}

/// The parts in their order; none of what is not closed, or has too many.
fn parts<'b>(body: &'b [u8], boundary: &str) -> Option<Vec<Part<'b>>> {
    let delimiter = ["--", boundary].concat().into_bytes();
    let mut parts = Vec::new();
    let mut start = next(body, &delimiter, 0)?;
    while parts.len() < MAX_PARTS {
        let after = start + delimiter.len();
        if body.get(after..)?.starts_with(b"--") {
            return Some(parts);
        }
        let end = next(body, &delimiter, after)?;
        // The line end before a delimiter belongs to the delimiter.
        let content = body.get(after..end.checked_sub(2)?)?;
        let head = position(content, b"\r\n\r\n")?;
        parts.push(Part {
            range: start..end,
            name: field_name(content.get(..head)?).unwrap_or_default(),
            value: content.get(head + 4..)?,
        });
        start = end;
    }
    None
}

/// The next delimiter that begins a line, from `from` on.
fn next(body: &[u8], delimiter: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + position(body.get(from..)?, delimiter)?;
        if at == 0 || body.get(..at)?.ends_with(b"\r\n") {
            return Some(at);
        }
        from = at + 1;
    }
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

/// The name that `content-disposition` gives.
fn field_name(head: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(head).ok()?;
    head.split(['\r', '\n']).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if !name.trim().eq_ignore_ascii_case("content-disposition") {
            return None;
        }
        let (_, parameters) = value.split_once(';')?;
        parameter(parameters, "name")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = "preamble\r\n--B\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\nkong\r\n\
        --B\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; filename=\"--B\"; name=foo\r\n\r\n\
        a--B\r\n\r\n--B--\r\n";

    #[test]
    fn fields_are_found_by_name() {
        assert_eq!(
            find(BODY.as_bytes(), "B", "apikey"),
            Found::Key(b"kong".to_vec())
        );
        assert_eq!(
            find(BODY.as_bytes(), "B", "foo"),
            Found::Key(b"a--B\r\n".to_vec())
        );
        assert_eq!(find(BODY.as_bytes(), "B", "bar"), Found::Nothing);
        assert_eq!(find(BODY.as_bytes(), "C", "apikey"), Found::Nothing);
    }

    #[test]
    fn the_rest_stays_as_it_was() {
        let rest = without(BODY.as_bytes(), "B", &["apikey".to_owned()]).unwrap();
        let part = BODY.find("--B\r\n").unwrap();
        let second = BODY.rfind("--B\r\nContent-Type").unwrap();
        let expected = [&BODY[..part], &BODY[second..]].concat();
        assert_eq!(String::from_utf8(rest).unwrap(), expected);
        assert_eq!(without(BODY.as_bytes(), "B", &["bar".to_owned()]), None);
    }

    proptest! {
        #[test]
        fn reading_is_total(body in "(--B|--|\r\n|:|;|name=|\"|content-disposition|a){0,30}") {
            find(body.as_bytes(), "B", "a");
            let names = ["a".to_owned()];
            if let Some(rest) = without(body.as_bytes(), "B", &names) {
                prop_assert_eq!(find(&rest, "B", "a"), Found::Nothing);
            }
        }

        #[test]
        fn parameters_are_total(text in "(boundary|=|\"|;| |\\\\|a){0,20}") {
            parameter(&text, "boundary");
        }
    }
}
