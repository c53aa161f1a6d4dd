//! Edits of an exchange by a plugin: checked, bounded, and undone when the hook fails.

use std::sync::Arc;

use http::header::HeaderValue;
use http::uri::PathAndQuery;
use http::{Method, StatusCode};

use super::headers::{self, EditName};
use super::undo::Undo;
use super::{Caller, Exchange, Note, Phase, query};
use crate::config::model::{Consumer, Name};

/// Bytes of one header value that a plugin sets.
const MAX_VALUE: usize = 32 * 1024;
/// Bytes of a method.
const MAX_METHOD: usize = 256;
/// Bytes of a caller's name, and of the name of its credential.
const MAX_ID: usize = 256;
/// Groups and attributes of a caller, and the bytes of all of them.
const MAX_FACTS: usize = 1024;
const MAX_FACTS_BYTES: usize = 64 * 1024;
/// Values that each plugin keeps in one exchange, and their size.
const MAX_NOTES: usize = 16;
const MAX_NOTE: usize = 64 * 1024;
/// Fields that each plugin adds to one access log line, and their size.
const MAX_TAGS: usize = 16;
const MAX_TAG: usize = 1024;

/// Why an edit was refused; the WIT's `rejected`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// Not a valid method, target, status, header name or header value.
    Invalid,
    /// The header belongs to the host.
    Reserved,
    /// No such consumer or upstream.
    Unknown,
    /// Too late, or a bound was reached.
    Refused,
}

/// What becomes of the header lines of one name.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// One line instead of all.
    Set(&'a [u8]),
    /// One line where there is none.
    Add(&'a [u8]),
    /// One more line.
    Append(&'a [u8]),
    /// No line.
    Remove,
    /// No line and, in a request, no field in the query, of the name as it was written.
    Hide(&'a str),
}

impl Exchange {
    /// Starts a draft: what follows can be undone up to here.
    pub fn begin_edits(&mut self) {
        self.undo.clear();
    }

    /// How many edits there are since [`Exchange::begin_edits`].
    pub fn edits(&self) -> usize {
        self.undo.len()
    }

    /// Ends the draft: what was replaced is let go.
    #[inline]
    pub fn keep_edits(&mut self) {
        self.undo.clear();
    }

    /// Takes back every edit since [`Exchange::begin_edits`].
    pub fn undo_edits(&mut self) {
        self.undo_to(0);
    }

    /// Takes back every edit but the first `edits`.
    pub fn undo_to(&mut self, edits: usize) {
        while self.undo.len() > edits
            && let Some(undo) = self.undo.pop()
        {
            match undo {
                Undo::RequestHeader(name, old) => {
                    headers::restore(&mut self.request.headers, &name, old);
                }
                Undo::ResponseHeader(name, old) => {
                    headers::restore(&mut self.response.headers, &name, old);
                }
                Undo::Method(old) => self.request.method = old,
                Undo::Target(old) => self.request.target = old,
                Undo::Status(old) => self.response.status = old,
                Undo::Upstream(old) => self.upstream = old,
                Undo::Caller(old) => self.caller = old,
                Undo::Tag => {
                    self.tags.pop();
                    self.taggers.pop();
                }
                Undo::Note(at, Some(old)) => {
                    if let Some(note) = self.notes.get_mut(at) {
                        note.value = old;
                    }
                }
                Undo::Note(_, None) => drop(self.notes.pop()),
            }
        }
    }

    /// Changes the request header lines of one name.
    #[inline]
    pub fn change_request_header(
        &mut self,
        name: &EditName,
        change: Change<'_>,
    ) -> Result<(), Rejected> {
        match change {
            Change::Set(value) => self.set_request_header(name, value),
            Change::Add(value) => self.add_request_header(name, value).map(drop),
            Change::Append(value) => self.append_request_header(name, value),
            Change::Remove => self.remove_request_header(name).map(drop),
            Change::Hide(field) => {
                self.remove_request_header(name)?;
                self.remove_from_query(field)
            }
        }
    }

    /// Changes the response header lines of one name.
    #[inline]
    pub fn change_response_header(
        &mut self,
        name: &EditName,
        change: Change<'_>,
    ) -> Result<(), Rejected> {
        match change {
            Change::Set(value) => self.set_response_header(name, value),
            Change::Add(value) => self.add_response_header(name, value).map(drop),
            Change::Append(value) => self.append_response_header(name, value),
            Change::Remove | Change::Hide(_) => self.remove_response_header(name).map(drop),
        }
    }

    /// One request header line instead of all of this name.
    pub fn set_request_header(&mut self, name: &EditName, value: &[u8]) -> Result<(), Rejected> {
        let value = parse_value(value)?;
        if name.is_host() && !is_host(&value) {
            return Err(Rejected::Invalid);
        }
        self.may_edit(Phase::Request)?;
        let old = headers::set(&mut self.request.headers, name, value)?;
        self.undo.push(Undo::RequestHeader(name.clone(), old));
        Ok(())
    }

    /// One request header line where there is none of this name; whether it was made.
    pub fn add_request_header(&mut self, name: &EditName, value: &[u8]) -> Result<bool, Rejected> {
        if name.is_in(&self.request.headers) {
            return self.may_edit(Phase::Request).map(|()| false);
        }
        self.set_request_header(name, value).map(|()| true)
    }

    /// One more request header line.
    pub fn append_request_header(&mut self, name: &EditName, value: &[u8]) -> Result<(), Rejected> {
        let value = parse_value(value)?;
        if name.is_host() {
            return Err(Rejected::Reserved);
        }
        self.may_edit(Phase::Request)?;
        let old = headers::append(&mut self.request.headers, name, value)?;
        self.undo.push(Undo::RequestHeader(name.clone(), old));
        Ok(())
    }

    /// No request header line of this name; whether there was one.
    pub fn remove_request_header(&mut self, name: &EditName) -> Result<bool, Rejected> {
        if name.is_host() {
            return Err(Rejected::Reserved);
        }
        self.may_edit(Phase::Request)?;
        let Some(old) = headers::remove(&mut self.request.headers, name) else {
            return Ok(false);
        };
        self.undo.push(Undo::RequestHeader(name.clone(), old));
        Ok(true)
    }

    /// One response header line instead of all of this name.
    pub fn set_response_header(&mut self, name: &EditName, value: &[u8]) -> Result<(), Rejected> {
        let value = parse_value(value)?;
        self.may_edit(Phase::Response)?;
        let old = headers::set(&mut self.response.headers, name, value)?;
        self.undo.push(Undo::ResponseHeader(name.clone(), old));
        Ok(())
    }

    /// One response header line where there is none of this name; whether it was made.
    pub fn add_response_header(&mut self, name: &EditName, value: &[u8]) -> Result<bool, Rejected> {
        if name.is_in(&self.response.headers) {
            return self.may_edit(Phase::Response).map(|()| false);
        }
        self.set_response_header(name, value).map(|()| true)
    }

    /// One more response header line.
    pub fn append_response_header(
        &mut self,
        name: &EditName,
        value: &[u8],
    ) -> Result<(), Rejected> {
        let value = parse_value(value)?;
        self.may_edit(Phase::Response)?;
        let old = headers::append(&mut self.response.headers, name, value)?;
        self.undo.push(Undo::ResponseHeader(name.clone(), old));
        Ok(())
    }

    /// No response header line of this name; whether there was one.
    pub fn remove_response_header(&mut self, name: &EditName) -> Result<bool, Rejected> {
        self.may_edit(Phase::Response)?;
        let Some(old) = headers::remove(&mut self.response.headers, name) else {
            return Ok(false);
        };
        self.undo.push(Undo::ResponseHeader(name.clone(), old));
        Ok(true)
    }

    /// Another method. `CONNECT` would change what the target means, and is invalid.
    pub fn set_method(&mut self, method: &str) -> Result<(), Rejected> {
        self.may_edit(Phase::Request)?;
        if method.len() > MAX_METHOD {
            return Err(Rejected::Refused);
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Rejected::Invalid)?;
        if method == Method::CONNECT {
            return Err(Rejected::Invalid);
        }
        let old = std::mem::replace(&mut self.request.method, method);
        self.undo.push(Undo::Method(old));
        Ok(())
    }

    /// Another path and query, normalised like a client's.
    pub fn set_target(&mut self, target: &str) -> Result<(), Rejected> {
        self.may_edit(Phase::Request)?;
        let target = normalised_target(target).ok_or(Rejected::Invalid)?;
        let old = std::mem::replace(&mut self.request.target, target);
        self.undo.push(Undo::Target(old));
        Ok(())
    }

    /// No field of this name in the query.
    fn remove_from_query(&mut self, name: &str) -> Result<(), Rejected> {
        self.may_edit(Phase::Request)?;
        if let Some(target) = query::without(&self.request.target, name) {
            let old = std::mem::replace(&mut self.request.target, target);
            self.undo.push(Undo::Target(old));
        }
        Ok(())
    }

    /// Another final status (200 to 599).
    pub fn set_status(&mut self, status: u16) -> Result<(), Rejected> {
        self.may_edit(Phase::Response)?;
        let status = final_status(status).ok_or(Rejected::Invalid)?;
        let old = std::mem::replace(&mut self.response.status, status);
        self.undo.push(Undo::Status(old));
        Ok(())
    }

    /// Another of the route's upstreams.
    pub fn choose_upstream(&mut self, upstream: &str) -> Result<(), Rejected> {
        self.may_edit(Phase::Request)?;
        let choices = &self.route.upstreams;
        let at = choices.iter().position(|name| &**name == upstream);
        let at = at.ok_or(Rejected::Unknown)?;
        let old = std::mem::replace(&mut self.upstream, at);
        self.undo.push(Undo::Upstream(old));
        Ok(())
    }

    /// The caller is this consumer of the configuration.
    pub fn identify(&mut self, consumer: &str, credential: Option<&str>) -> Result<(), Rejected> {
        self.may_edit(Phase::Request)?;
        if credential.is_some_and(|c| c.len() > MAX_ID) {
            return Err(Rejected::Refused);
        }
        let known = self.consumers.0.get_key_value(consumer);
        let (id, consumer) = known.ok_or(Rejected::Unknown)?;
        let caller = Caller {
            id: id.clone(),
            consumer: consumer.clone(),
            credential: credential.map(Into::into),
        };
        self.replace_caller(caller);
        Ok(())
    }

    /// The caller is somebody whom the configuration does not know.
    pub fn set_caller(
        &mut self,
        id: &str,
        groups: Vec<String>,
        attributes: Vec<(String, String)>,
        credential: Option<&str>,
    ) -> Result<(), Rejected> {
        self.may_edit(Phase::Request)?;
        if id.is_empty() {
            return Err(Rejected::Invalid);
        }
        let facts = groups.len() + attributes.len();
        let bytes = groups.iter().map(String::len).sum::<usize>()
            + attributes
                .iter()
                .map(|(k, v)| k.len() + v.len())
                .sum::<usize>();
        if id.len() > MAX_ID
            || credential.is_some_and(|c| c.len() > MAX_ID)
            || facts > MAX_FACTS
            || bytes > MAX_FACTS_BYTES
        {
            return Err(Rejected::Refused);
        }
        let caller = Caller {
            id: Name::from(id),
            consumer: Arc::new(Consumer {
                groups,
                attributes,
                credentials: Vec::new(),
            }),
            credential: credential.map(Into::into),
        };
        self.replace_caller(caller);
        Ok(())
    }

    /// Keeps a value for the later hooks of `plugin` in this exchange.
    pub fn set_note(&mut self, plugin: &Name, key: &str, value: &[u8]) -> Result<(), Rejected> {
        if self.undo.is_full() || key.len() + value.len() > MAX_NOTE {
            return Err(Rejected::Refused);
        }
        let notes = self.notes.iter_mut().enumerate();
        let mut own = notes.filter(|(_, note)| note.plugin == *plugin);
        let mut others = 0;
        let same = own.find(|(_, note)| {
            let same = &*note.key == key;
            others += usize::from(!same);
            same
        });
        if let Some((at, note)) = same {
            let old = std::mem::replace(&mut note.value, value.to_vec());
            self.undo.push(Undo::Note(at, Some(old)));
        } else if others < MAX_NOTES {
            self.notes.push(Note {
                plugin: plugin.clone(),
                key: key.into(),
                value: value.to_vec(),
            });
            self.undo.push(Undo::Note(self.notes.len() - 1, None));
        } else {
            return Err(Rejected::Refused);
        }
        Ok(())
    }

    /// Puts a field on the access log line.
    pub fn tag(&mut self, plugin: &Name, key: &str, value: &str) -> Result<(), Rejected> {
        let own = self.taggers.iter().filter(|tagger| *tagger == plugin);
        if self.undo.is_full() || own.count() >= MAX_TAGS || key.len() + value.len() > MAX_TAG {
            return Err(Rejected::Refused);
        }
        self.tags.push((key.into(), value.into()));
        self.taggers.push(plugin.clone());
        self.undo.push(Undo::Tag);
        Ok(())
    }

    fn may_edit(&self, phase: Phase) -> Result<(), Rejected> {
        if self.phase == phase && !self.undo.is_full() {
            Ok(())
        } else {
            Err(Rejected::Refused)
        }
    }

    fn replace_caller(&mut self, caller: Caller) {
        let old = self.caller.replace(caller);
        self.undo.push(Undo::Caller(old));
    }
}

/// A status that ends a response: 101 and the other interim ones belong to the host.
pub(crate) fn final_status(status: u16) -> Option<StatusCode> {
    (200..=599).contains(&status).then_some(())?;
    StatusCode::from_u16(status).ok()
}

fn parse_value(value: &[u8]) -> Result<HeaderValue, Rejected> {
    if value.len() > MAX_VALUE {
        return Err(Rejected::Refused);
    }
    HeaderValue::from_bytes(value).map_err(|_| Rejected::Invalid)
}

fn is_host(value: &HeaderValue) -> bool {
    value
        .to_str()
        .is_ok_and(|v| !v.contains('@') && v.parse::<http::uri::Authority>().is_ok())
}

/// Path and query, normalised like a client's.
pub(crate) fn normalised_target(target: &str) -> Option<PathAndQuery> {
    crate::proxy::path::normalise(target).ok()
}
