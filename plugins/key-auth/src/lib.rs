//! The built-in plugin `key-auth`: lets in callers that show a key.

mod body;
mod form;
mod keys;
mod options;
mod replies;
mod store;

use sluice_plugin::EditError;
use sluice_plugin::consumers::Shown as InHeader;
use sluice_plugin::prelude::*;

use body::Kind;
use keys::{Keys, Owner};
use options::{OnStoreError, Options};
use replies::Replies;
use store::StoredKeys;

const CONSUMER: &str = "x-consumer-id";
const GROUPS: &str = "x-consumer-groups";
const CREDENTIAL: &str = "x-credential-id";
const ANONYMOUS: &str = "x-anonymous-consumer";

/// The configured plugin.
#[derive(Debug)]
pub struct KeyAuth {
    options: Options,
    keys: Keys,
    stored: Option<StoredKeys>,
    anonymous: Option<Owner>,
    replies: Replies,
}

/// What stands in one place under one name.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Key(Vec<u8>),
    Several,
}

/// What the request shows.
enum Shown {
    Nothing,
    /// The key of the credential at this place.
    Known(usize),
    /// A key that is not of the configuration, where there is a store to ask.
    Stranger(Option<Vec<u8>>),
    Key(Vec<u8>),
    Several,
    /// The next place to look is the body, which is not there yet.
    AskBody,
}

/// How it ends.
enum Decision {
    Pass,
    AskBody,
    Refuse(Reply),
}

/// A body that has been read, and how to take it apart.
struct Body<'b> {
    kind: Kind,
    bytes: &'b [u8],
}

#[plugin]
impl Plugin for KeyAuth {
    type Config = Options;

    fn configure(options: Options) -> Result<Self, Problems> {
        let mut problems = options.problems();
        let keys = match Keys::load() {
            Ok(keys) => keys,
            Err(message) => {
                problems.add("", message);
                Keys::default()
            }
        };
        let anonymous = options.anonymous.as_deref().and_then(|name| {
            let owner = Owner::load(name);
            if owner.is_none() {
                let message = ["no such consumer: `", name, "`; add [consumers.", name, "]"];
                problems.add("/anonymous", message.concat());
            }
            owner
        });
        let stored = options.store.as_deref().and_then(|name| {
            let stored = StoredKeys::open(name, options.cache);
            stored.map_err(|why| problems.add("/store", why)).ok()
        });
        problems.or(Self {
            keys,
            stored,
            anonymous,
            replies: Replies::new(options.realm.as_deref()),
            options,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        Ok(match self.decide(request, None)? {
            Decision::Pass => Verdict::Next,
            Decision::AskBody => Verdict::ReadBody,
            Decision::Refuse(reply) => Verdict::Respond(reply),
        })
    }

    fn on_request_body(&self, request: &mut Request, bytes: Vec<u8>) -> Result<BodyVerdict, Error> {
        let body = self.body_kind(request).map(|kind| Body {
            kind,
            bytes: &bytes,
        });
        match self.decide(request, body.as_ref())? {
            Decision::Refuse(reply) => Ok(BodyVerdict::Respond(reply)),
            Decision::AskBody => Err(Error::new("the body is not what its head promised")),
            Decision::Pass => {
                let hidden = body
                    .filter(|_| self.options.hide_credentials)
                    .and_then(|body| body.kind.without(body.bytes, &self.options.key_names));
                Ok(hidden.map_or(BodyVerdict::Keep, BodyVerdict::Replace))
            }
        }
    }
}

impl KeyAuth {
    fn decide(&self, request: &mut Request, body: Option<&Body>) -> Result<Decision, Error> {
        if !self.options.run_on_preflight && is_preflight(request) {
            self.forward(request, None)?;
            return Ok(Decision::Pass);
        }
        let (known, key) = match self.shown(request, body) {
            Shown::Several => return Ok(Decision::Refuse(self.replies.duplicate())),
            Shown::AskBody => return Ok(Decision::AskBody),
            Shown::Nothing => return self.without_key(request, body),
            Shown::Known(place) => (self.keys.at(place), None),
            Shown::Stranger(key) => (None, key),
            Shown::Key(key) => (self.keys.find(&key), Some(key)),
        };
        match (known, key, &self.stored) {
            (Some(known), ..) => self.with_key(request, &known.owner, &known.id, body),
            (None, Some(key), Some(stored)) => match stored.find(&key) {
                Ok(Some(known)) => self.with_key(request, &known.owner, &known.id, body),
                Err(_) if self.options.on_store_error == OnStoreError::Deny => {
                    Ok(Decision::Refuse(self.replies.unavailable()))
                }
                Ok(None) | Err(_) => Ok(Decision::Refuse(self.replies.unauthorized())),
            },
            _ => Ok(Decision::Refuse(self.replies.unauthorized())),
        }
    }

    /// Somebody who is known.
    fn with_key(
        &self,
        request: &mut Request,
        owner: &Owner,
        id: &str,
        body: Option<&Body>,
    ) -> Result<Decision, Error> {
        if self.hides_later(request, body) {
            return Ok(Decision::AskBody);
        }
        request.identify(&owner.consumer, Some(id))?;
        self.forward(request, Some((owner, Some(id))))?;
        Ok(Decision::Pass)
    }

    /// No key: somebody whom an earlier plugin identified, or `anonymous`, or nobody.
    fn without_key(&self, request: &mut Request, body: Option<&Body>) -> Result<Decision, Error> {
        let Some(anonymous) = &self.anonymous else {
            return Ok(Decision::Refuse(self.replies.missing()));
        };
        if self.hides_later(request, body) {
            return Ok(Decision::AskBody);
        }
        match request.caller() {
            Some(caller) => {
                let owner = Owner::new(caller.id, &caller.groups);
                let credential = caller.credential.as_deref();
                self.forward(request, Some((&owner, credential)))?;
            }
            None => {
                request.identify(&anonymous.consumer, None)?;
                self.forward(request, Some((anonymous, None)))?;
            }
        }
        Ok(Decision::Pass)
    }

    /// For each name, the header, then the query, then the body.
    fn shown(&self, request: &Request, body: Option<&Body>) -> Shown {
        let query = if self.options.key_in_query {
            request.query()
        } else {
            None
        };
        let mut may_ask = None;
        for name in &self.options.key_names {
            let mut found = Found::Nothing;
            if self.options.key_in_header {
                match consumers::find_in_header(name) {
                    InHeader::None => {}
                    InHeader::Several => return Shown::Several,
                    InHeader::Known(place) => return Shown::Known(place as usize),
                    InHeader::Unknown => {
                        let stored = self.stored.as_ref();
                        return Shown::Stranger(stored.and_then(|_| request.header(name)));
                    }
                }
            }
            if found == Found::Nothing && self.options.key_in_query {
                let query = query.as_deref().unwrap_or_default();
                found = form::find(query.as_bytes(), name);
            }
            if found == Found::Nothing && self.options.key_in_body {
                match body {
                    Some(body) => found = body.kind.find(body.bytes, name),
                    None if *may_ask.get_or_insert_with(|| self.body_kind(request).is_some()) => {
                        return Shown::AskBody;
                    }
                    None => {}
                }
            }
            match found {
                Found::Nothing => {}
                Found::Key(key) => return Shown::Key(key),
                Found::Several => return Shown::Several,
            }
        }
        Shown::Nothing
    }

    /// How to read the body; none where keys are not looked for in it.
    fn body_kind(&self, request: &Request) -> Option<Kind> {
        if !self.options.key_in_body || request.has_header("content-encoding") {
            return None;
        }
        Kind::of(&request.header_text("content-type")?)
    }

    /// Whether names must be hidden in a body that is not there yet.
    fn hides_later(&self, request: &Request, body: Option<&Body>) -> bool {
        self.options.hide_credentials && body.is_none() && self.body_kind(request).is_some()
    }

    /// Tells the upstream who is calling, and nothing that the client said of it.
    fn forward(
        &self,
        request: &mut Request,
        who: Option<(&Owner, Option<&str>)>,
    ) -> Result<(), EditError> {
        let owner = who.map(|(owner, _)| owner);
        let credential = who.and_then(|(_, credential)| credential);
        let anonymous = credential.is_none() && owner.is_some() && owner == self.anonymous.as_ref();
        let names = &self.options.key_names;
        let mut edits = Vec::with_capacity(4 + names.len());
        edits.extend([
            tell(CONSUMER, owner.map(|o| &*o.consumer)),
            tell(GROUPS, owner.and_then(|o| o.groups.as_deref())),
            tell(CREDENTIAL, credential),
            tell(ANONYMOUS, anonymous.then_some("true")),
        ]);
        if self.options.hide_credentials {
            edits.extend(names.iter().map(|name| Edit::hide(name)));
        }
        request.apply(&edits)
    }
}

/// One line with this value, or none at all.
fn tell<'a>(name: &'a str, value: Option<&'a str>) -> Edit<'a> {
    match value {
        Some(value) => Edit::set(name, value),
        None => Edit::remove(name),
    }
}

/// A preflight of the Fetch standard; another `OPTIONS` is a request like any other.
fn is_preflight(request: &Request) -> bool {
    request.has_header("access-control-request-method")
        && request.has_header("origin")
        && request.method() == "OPTIONS"
}
