//! The WIT's types, as they cross the border.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use wasmtime::component::{ComponentType, Lift, Lower, WasmList, WasmStr};

use crate::exchange::{self, final_status, is_reserved};
use crate::message::Headers;
use crate::plugin::{self, Failure};
use crate::store;

/// Header lines of one reply.
const MAX_HEADERS: usize = 256;

/// `types.field`
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Field {
    #[component(name = "name")]
    name: String,
    #[component(name = "value")]
    value: Vec<u8>,
}

/// All lines of a message.
pub(super) fn fields(headers: &Headers) -> Vec<Field> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| Field {
        name: name.as_str().to_owned(),
        value: value.as_bytes().to_vec(),
    };
    headers.iter().map(line).collect()
}

/// The lines of one name.
pub(super) fn values(headers: &Headers, name: &str) -> Vec<Vec<u8>> {
    let lines = headers.get_all(name);
    lines.map(|v| v.as_bytes().to_vec()).collect()
}

/// How many lines carry a name.
pub(super) fn count(headers: &Headers, name: &str) -> u32 {
    u32::try_from(headers.get_all(name).count()).unwrap_or(u32::MAX)
}

/// `types.rejected`
#[derive(ComponentType, Lower, Debug, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "the order of the cases is the ABI")]
pub(super) enum Rejected {
    #[component(name = "invalid")]
    Invalid,
    #[component(name = "reserved")]
    Reserved,
    #[component(name = "unknown")]
    Unknown,
    #[component(name = "refused")]
    Refused,
}

impl From<exchange::Rejected> for Rejected {
    fn from(why: exchange::Rejected) -> Self {
        match why {
            exchange::Rejected::Invalid => Rejected::Invalid,
            exchange::Rejected::Reserved => Rejected::Reserved,
            exchange::Rejected::Unknown => Rejected::Unknown,
            exchange::Rejected::Refused => Rejected::Refused,
        }
    }
}

/// `types.edit`
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum Edit {
    #[component(name = "set")]
    Set((WasmStr, WasmList<u8>)),
    #[component(name = "add")]
    Add((WasmStr, WasmList<u8>)),
    #[component(name = "append")]
    Append((WasmStr, WasmList<u8>)),
    #[component(name = "remove")]
    Remove(WasmStr),
    #[component(name = "hide")]
    Hide(WasmStr),
}

/// `types.refused-edit`
#[derive(ComponentType, Lower, Debug, Clone, Copy)]
#[component(record)]
pub(super) struct RefusedEdit {
    #[component(name = "at")]
    pub(super) at: u32,
    #[component(name = "why")]
    pub(super) why: Rejected,
}

/// `types.store-error`
#[derive(ComponentType, Lower, Debug, Clone)]
#[component(variant)]
pub(super) enum StoreError {
    #[component(name = "not-granted")]
    NotGranted,
    #[component(name = "too-large")]
    TooLarge,
    #[component(name = "unavailable")]
    Unavailable(String),
}

impl From<store::StoreError> for StoreError {
    fn from(why: store::StoreError) -> Self {
        match why {
            store::StoreError::TooLarge => StoreError::TooLarge,
            store::StoreError::Unavailable(why) => StoreError::Unavailable(why),
        }
    }
}

/// The result of an edit, as host functions return it.
pub(super) type Edited<T> = (Result<T, Rejected>,);

/// What an edit came to.
pub(super) fn edited<T>(result: Result<T, exchange::Rejected>) -> Edited<T> {
    (result.map_err(Rejected::from),)
}

/// `types.consumer`
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Consumer {
    #[component(name = "id")]
    pub(super) id: String,
    #[component(name = "groups")]
    pub(super) groups: Vec<String>,
    #[component(name = "attributes")]
    pub(super) attributes: Vec<(String, String)>,
    #[component(name = "credential")]
    pub(super) credential: Option<String>,
}

/// `types.reply`
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Reply {
    #[component(name = "status")]
    status: u16,
    #[component(name = "headers")]
    headers: Vec<Field>,
    #[component(name = "body")]
    body: Bytes,
}

impl Reply {
    fn check(self) -> Result<plugin::Reply, Failure> {
        let invalid = Failure::InvalidReply;
        let status = final_status(self.status).ok_or(invalid("a status outside of 200 to 599"))?;
        if self.headers.len() > MAX_HEADERS {
            return Err(invalid("more than 256 header lines"));
        }
        let mut headers = Headers::with_capacity(self.headers.len());
        for field in self.headers {
            let name = HeaderName::from_bytes(field.name.as_bytes())
                .map_err(|_| invalid("an invalid header name"))?;
            if is_reserved(&name) {
                return Err(invalid("a header that belongs to the gateway"));
            }
            let value = HeaderValue::from_maybe_shared(Bytes::from(field.value))
                .map_err(|_| invalid("an invalid header value"))?;
            headers.append(name, value);
        }
        Ok(plugin::Reply {
            status,
            headers,
            body: self.body,
        })
    }
}

/// `on-request.verdict` and `on-response.verdict`
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum HeadVerdict {
    #[component(name = "next")]
    Next,
    #[component(name = "read-body")]
    ReadBody,
    #[component(name = "respond")]
    Respond(Reply),
}

impl HeadVerdict {
    /// The verdict, if what it holds can be sent.
    pub(crate) fn check(self) -> Result<plugin::HeadVerdict, Failure> {
        Ok(match self {
            HeadVerdict::Next => plugin::HeadVerdict::Next,
            HeadVerdict::ReadBody => plugin::HeadVerdict::ReadBody,
            HeadVerdict::Respond(reply) => plugin::HeadVerdict::Respond(reply.check()?),
        })
    }
}

/// `on-request-body.verdict` and `on-response-body.verdict`
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum BodyVerdict {
    #[component(name = "keep")]
    Keep,
    #[component(name = "replace")]
    Replace(Bytes),
    #[component(name = "respond")]
    Respond(Reply),
}

impl BodyVerdict {
    /// The verdict, if what it holds can be sent.
    pub(crate) fn check(self) -> Result<plugin::BodyVerdict, Failure> {
        Ok(match self {
            BodyVerdict::Keep => plugin::BodyVerdict::Keep,
            BodyVerdict::Replace(body) => plugin::BodyVerdict::Replace(body),
            BodyVerdict::Respond(reply) => plugin::BodyVerdict::Respond(reply.check()?),
        })
    }
}

/// `on-log.outcome`
#[derive(ComponentType, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "the order of the cases is the ABI")]
pub(crate) enum Outcome {
    #[component(name = "proxied")]
    Proxied,
    #[component(name = "answered-by-plugin")]
    AnsweredByPlugin,
    #[component(name = "answered-by-gateway")]
    AnsweredByGateway,
    #[component(name = "upstream-failed")]
    UpstreamFailed,
    #[component(name = "client-gone")]
    ClientGone,
    #[component(name = "timed-out")]
    TimedOut,
}

/// `on-log.summary`
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Summary {
    #[component(name = "outcome")]
    outcome: Outcome,
    #[component(name = "status")]
    status: u16,
    #[component(name = "upstream")]
    upstream: Option<std::sync::Arc<str>>,
    #[component(name = "duration-us")]
    duration_us: u64,
    #[component(name = "request-bytes")]
    request_bytes: u64,
    #[component(name = "response-bytes")]
    response_bytes: u64,
}

impl From<&plugin::Summary> for Summary {
    fn from(summary: &plugin::Summary) -> Self {
        Self {
            outcome: match summary.outcome {
                plugin::Outcome::Proxied => Outcome::Proxied,
                plugin::Outcome::AnsweredByPlugin => Outcome::AnsweredByPlugin,
                plugin::Outcome::AnsweredByGateway => Outcome::AnsweredByGateway,
                plugin::Outcome::UpstreamFailed => Outcome::UpstreamFailed,
                plugin::Outcome::ClientGone => Outcome::ClientGone,
                plugin::Outcome::TimedOut => Outcome::TimedOut,
            },
            status: summary.status,
            upstream: summary.upstream.clone(),
            duration_us: u64::try_from(summary.duration.as_micros()).unwrap_or(u64::MAX),
            request_bytes: summary.request_bytes,
            response_bytes: summary.response_bytes,
        }
    }
}
