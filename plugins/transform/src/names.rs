//! Names and other words that the gateway would refuse, found before it has to.

use sluice_plugin::RESERVED_HEADERS;

use crate::rules::Step;
use crate::source::is_token;
use crate::template::Template;

/// The name of a header, in lower case.
pub(crate) fn header(name: &str, step: Step, response: bool) -> Result<String, String> {
    if !is_token(name) {
        return Err("expected a header name (RFC 9110, 5.1)".to_owned());
    }
    let name = name.to_ascii_lowercase();
    if RESERVED_HEADERS.contains(&name.as_str()) {
        return Err(["`", &name, "` belongs to the gateway"].concat());
    }
    if name == "host" && !response && step != Step::Replace {
        return Err("a request has exactly one `host`: use `replace`".to_owned());
    }
    Ok(name)
}

/// The value of `host`, as far as it is known already.
pub(crate) fn host(text: &str) -> Result<(), String> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"-._~:[]%".contains(&b);
    if !text.is_empty() && (text.contains("${") || text.bytes().all(valid)) {
        return Ok(());
    }
    Err("expected a host, perhaps with a port".to_owned())
}

/// A method that a request may get.
pub(crate) fn method(method: &str) -> Result<(), String> {
    match method {
        "CONNECT" => Err("a request cannot become a CONNECT".to_owned()),
        _ if is_token(method) => Ok(()),
        _ => Err("expected a method such as `POST`".to_owned()),
    }
}

/// A path without what the gateway refuses in one.
pub(crate) fn path(template: &Template) -> Result<(), String> {
    let first = template.literals().next().flatten();
    if !first.is_some_and(|text| text.starts_with(b"/")) {
        return Err("expected a path that begins with `/`".to_owned());
    }
    for text in template.literals().flatten() {
        if text.contains(&b'?') {
            return Err("a path has no query: use the rules for `query`".to_owned());
        }
        if !text
            .iter()
            .all(|b| b.is_ascii_graphic() && !b"#\\".contains(b))
        {
            return Err("expected a path that is percent-encoded".to_owned());
        }
        if text.split(|b| *b == b'/').any(|segment| segment == b"..") {
            return Err("a path has no `..`".to_owned());
        }
        let mut escapes = text.split(|b| *b == b'%').skip(1);
        if !escapes.all(|after| after.get(..2).is_some_and(is_escape)) {
            return Err(
                "`%` begins two hex digits, of no slash and no control character".to_owned(),
            );
        }
    }
    Ok(())
}

/// Two hex digits that may stand in a path.
fn is_escape(digits: &[u8]) -> bool {
    let text = std::str::from_utf8(digits).ok();
    let byte = text.and_then(|text| u8::from_str_radix(text, 16).ok());
    byte.is_some_and(|b| b >= b' ' && !matches!(b, b'/' | b'\\' | 0x7f))
}
