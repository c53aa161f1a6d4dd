//! One request and its response, as the hooks of a plugin see them.
//!
//! [`Exchange`] is plain data without a border to cross: the proxy moves it into
//! the plugin for the time of a hook, and takes it back afterwards. Edits go
//! through [`Exchange`]'s own methods (see `edit`), which check them and can undo them.

mod edit;
mod headers;
mod names;
mod query;
mod undo;

use std::net::IpAddr;
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode};

use crate::config::model::{Consumer, Consumers, Name, Route};
use crate::message::Headers;
use crate::rollout::Rollout;
use crate::upstream::Availability;

pub use edit::{Change, Rejected};
pub(crate) use edit::{final_status, normalised_target};
pub use headers::EditName;
pub use names::{is_reserved, strip_hop_by_hop};

/// Which hooks are running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the request has gone upstream: the request can be edited.
    Request,
    /// The response is there: the response can be edited.
    Response,
    /// All is over: nothing can be edited.
    Log,
}

/// The state of one exchange that hooks can reach.
#[derive(Debug)]
pub struct Exchange {
    /// What may be edited now.
    pub phase: Phase,
    /// The request, as it would go upstream.
    pub request: RequestState,
    /// The response, as it would go to the client; empty before there is one.
    pub response: ResponseState,
    /// `x-request-id`
    pub request_id: HeaderValue,
    /// The route that matched.
    pub route: Arc<Route>,
    /// What the route's path captured, in the order of the pattern, percent-decoded.
    pub captures: Vec<Box<str>>,
    /// Who is at the other end.
    pub client: ClientAddress,
    /// The consumers that a plugin may name.
    pub consumers: Arc<Consumers>,
    /// Who is calling, once a plugin said so.
    pub caller: Option<Caller>,
    /// Which of the route's upstreams gets the request: an index into `route.upstreams`.
    pub upstream: usize,
    /// Whether the route's upstreams are available, in their order.
    pub availability: Arc<[Arc<Availability>]>,
    /// What quotas made of it.
    pub quota: QuotaUse,
    /// The rollouts that it counts for.
    pub rollouts: Vec<Arc<Rollout>>,
    /// Fields that plugins put on the access log line.
    pub tags: Vec<(Box<str>, Box<str>)>,
    /// Whose each of the tags is.
    taggers: Vec<Name>,
    notes: Vec<Note>,
    undo: undo::UndoLog,
}

/// The request half of an exchange.
#[derive(Debug)]
pub struct RequestState {
    /// The method.
    pub method: Method,
    /// True where the client used TLS, or a trusted proxy says so.
    pub https: bool,
    /// The normalised path, and the query as it came.
    pub target: PathAndQuery,
    /// All header lines; `host` is always among them where the client named one.
    pub headers: Headers,
}

/// The response half of an exchange.
#[derive(Debug)]
pub struct ResponseState {
    /// The status.
    pub status: StatusCode,
    /// All header lines.
    pub headers: Headers,
    /// The upstream that answered; none where the gateway or a plugin did.
    pub upstream: Option<Name>,
}

/// What quotas took for an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaUse {
    /// A limit refused it.
    pub denied: bool,
    /// What was taken, and charged afterwards.
    pub cost: u64,
}

/// The client's address, formatted once a connection.
#[derive(Debug, Clone)]
pub struct ClientAddress {
    /// Without the port.
    pub ip: IpAddr,
    /// `ip` as a header value.
    pub text: HeaderValue,
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// The consumer's name.
    pub id: Name,
    /// Groups and attributes; of a configured consumer also its credentials, which no plugin sees.
    pub consumer: Arc<Consumer>,
    /// The public name of the credential that proved it.
    pub credential: Option<Box<str>>,
}

impl Caller {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let Consumer {
            groups, attributes, ..
        } = &*self.consumer;
        let groups = groups.iter().map(|g| size_of_val(g) + g.len());
        let attributes = attributes.iter();
        let attributes = attributes.map(|a| size_of_val(a) + a.0.len() + a.1.len());
        let credential = self.credential.as_ref().map_or(0, |c| c.len());
        self.id.len() + credential + groups.sum::<usize>() + attributes.sum::<usize>()
    }
}

/// A value that one plugin keeps for its later hooks of the same exchange.
#[derive(Debug, Clone)]
struct Note {
    plugin: Name,
    key: Box<str>,
    value: Vec<u8>,
}

impl Exchange {
    /// An exchange at its beginning.
    pub fn new(
        request: RequestState,
        request_id: HeaderValue,
        route: Arc<Route>,
        captures: Vec<Box<str>>,
        client: ClientAddress,
        consumers: Arc<Consumers>,
    ) -> Self {
        Self {
            phase: Phase::Request,
            request,
            response: ResponseState {
                status: StatusCode::OK,
                headers: Headers::new(),
                upstream: None,
            },
            request_id,
            route,
            captures,
            client,
            consumers,
            caller: None,
            upstream: 0,
            availability: Arc::default(),
            quota: QuotaUse::default(),
            rollouts: Vec::new(),
            tags: Vec::new(),
            taggers: Vec::new(),
            notes: Vec::new(),
            undo: undo::UndoLog::default(),
        }
    }

    /// Host and port as the client named them; empty where it named none.
    pub fn authority(&self) -> &str {
        self.request
            .headers
            .get(http::header::HOST)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("")
    }

    /// What the route's path captured under `name`.
    pub fn capture(&self, name: &str) -> Option<&str> {
        let pattern = &self.route.matcher.path;
        let names = pattern.segments.iter().filter_map(|s| match s {
            crate::config::model::Segment::Capture(name) => Some(name),
            crate::config::model::Segment::Literal(_) => None,
        });
        names
            .zip(&self.captures)
            .find(|(n, _)| *n == name)
            .map(|(_, v)| &**v)
    }

    /// Whether some target of this upstream of the route takes connections.
    pub fn is_available(&self, upstream: &str) -> bool {
        let at = self.route.upstreams.iter().position(|u| &**u == upstream);
        at.and_then(|at| self.availability.get(at))
            .is_some_and(|targets| targets.any())
    }

    /// What plugins kept in `other`.
    pub fn copy_notes(&mut self, other: &Self) {
        self.notes.clone_from(&other.notes);
    }

    /// What `plugin` kept under `key`.
    pub fn note(&self, plugin: &str, key: &str) -> Option<&[u8]> {
        self.notes
            .iter()
            .find(|n| &*n.plugin == plugin && &*n.key == key)
            .map(|n| n.value.as_slice())
    }
}
