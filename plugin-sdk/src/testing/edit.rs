//! Edits, refused for the reasons that the gateway has.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::world::{Phase, World, ask};
use crate::bindings::types::{Edit, RefusedEdit};
use crate::error::Rejected;
use crate::{RESERVED_HEADERS, form};

/// In one call, as in the gateway.
const MOST_EDITS: u32 = 256;

/// What to do with the lines of one name.
pub(super) enum Change<'a> {
    Set(&'a [u8]),
    Add(&'a [u8]),
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
        Change::Add(_) if headers.contains_key(&name) => Ok(true),
        Change::Add(value) => Ok(headers.insert(name, header_value(value)?).is_some()),
        Change::Append(value) => Ok(headers.append(name, header_value(value)?)),
        Change::Remove => Ok(headers.remove(name).is_some()),
    }
}

/// Makes the edits up to the first that is refused. What they hide is for `hide` too.
pub(super) fn apply(
    edits: &[Edit<'_>],
    mut one: impl FnMut(&str, Change<'_>) -> Result<bool, Rejected>,
    mut hide: impl FnMut(&str),
) -> Result<(), RefusedEdit> {
    for (at, edit) in (0..).zip(edits) {
        let done = match *edit {
            _ if at >= MOST_EDITS => Err(Rejected::Refused),
            Edit::Set((name, value)) => one(name, Change::Set(value)).map(drop),
            Edit::Add((name, value)) => one(name, Change::Add(value)).map(drop),
            Edit::Append((name, value)) => one(name, Change::Append(value)).map(drop),
            Edit::Remove(name) => one(name, Change::Remove).map(drop),
            Edit::Hide(name) => one(name, Change::Remove).map(|_| hide(name)),
        };
        done.map_err(|why| RefusedEdit { at, why })?;
    }
    Ok(())
}

/// The target without the fields of this name in its query.
pub(super) fn without(target: &str, name: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let is = |field: &&str| form::decode(form::split(field.as_bytes()).0).eq(name.bytes());
    let all: Vec<&str> = query.split('&').collect();
    let kept: Vec<&str> = all.iter().copied().filter(|field| !is(field)).collect();
    match kept.join("&") {
        _ if kept.len() == all.len() => target.to_owned(),
        kept if kept.is_empty() => path.to_owned(),
        kept => [path, "?", &kept].concat(),
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
