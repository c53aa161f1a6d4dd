//! Edits, refused for the reasons that the gateway has.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::world::{Phase, World, ask};
use crate::RESERVED_HEADERS;
use crate::error::Rejected;

/// What to do with the lines of one name.
pub(super) enum Change<'a> {
    Set(&'a [u8]),
    Append(&'a [u8]),
    Remove,
}

/// Edits what belongs to `phase`; refused in the hooks of another.
pub(super) fn edit<T>(
    phase: Phase,
    edit: impl FnOnce(&mut World) -> Result<T, Rejected>,
) -> Result<T, Rejected> {
    ask(|world| {
        if world.phase == phase {
            edit(world)
        } else {
            Err(Rejected::Refused)
        }
    })
}

/// Changes one header; whether it was there.
pub(super) fn change(
    headers: &mut HeaderMap,
    name: &str,
    change: Change<'_>,
) -> Result<bool, Rejected> {
    let name = header_name(name)?;
    match change {
        Change::Set(value) => Ok(headers.insert(name, header_value(value)?).is_some()),
        Change::Append(value) => Ok(headers.append(name, header_value(value)?)),
        Change::Remove => Ok(headers.remove(name).is_some()),
    }
}

/// A name that plugins may use.
pub(super) fn header_name(name: &str) -> Result<HeaderName, Rejected> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Rejected::Invalid)?;
    if RESERVED_HEADERS.contains(&name.as_str()) {
        return Err(Rejected::Reserved);
    }
    Ok(name)
}

pub(super) fn header_value(value: &[u8]) -> Result<HeaderValue, Rejected> {
    HeaderValue::from_bytes(value).map_err(|_| Rejected::Invalid)
}

pub(super) fn method(method: &str) -> Result<String, Rejected> {
    match Method::from_bytes(method.as_bytes()) {
        Ok(method) if method != Method::CONNECT => Ok(method.to_string()),
        _ => Err(Rejected::Invalid),
    }
}

pub(super) fn target(target: &str) -> Result<String, Rejected> {
    let parsed = target.parse::<http::uri::PathAndQuery>();
    match parsed {
        Ok(parsed) if target.starts_with('/') => Ok(parsed.to_string()),
        _ => Err(Rejected::Invalid),
    }
}
