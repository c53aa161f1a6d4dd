//! One exchange that a test makes up.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::identity::Caller;
use crate::log::Level;

/// A request, its response, and what is known about both.
///
/// # Panics
/// The builders panic on what could not come through a gateway, such as a
/// header name with a space: it is the test that is wrong.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Path and query.
    pub target: String,
    /// The request.
    pub request: Message,
    /// The status of the response.
    pub status: u16,
    /// The response.
    pub response: Message,
    /// The upstream that answered.
    pub answered_by: Option<String>,
    /// What the route's path captured.
    pub captures: BTreeMap<String, String>,
    /// The upstreams of the route.
    pub upstreams: Vec<String>,
    /// Which of them gets the request.
    pub upstream: String,
    /// Who is calling.
    pub caller: Option<Caller>,
    /// The route.
    pub route: String,
    /// The client's address.
    pub client_address: String,
    /// The request's id.
    pub request_id: String,
    /// What the plugin put on the access log line.
    pub tags: Vec<(String, String)>,
    /// What the plugin keeps for its later hooks.
    pub kept: BTreeMap<String, Vec<u8>>,
    /// What the plugin logged.
    pub log: Vec<Line>,
}

/// Headers and body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    /// All header lines.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

/// A line in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// How urgent it is.
    pub level: Level,
    /// The text.
    pub message: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

impl Exchange {
    /// A request for `target`, with `host: example.com`, to a route with one upstream.
    pub fn new(method: &str, target: &str) -> Self {
        assert!(target.starts_with('/'), "a target begins with /: {target}");
        Self {
            method: method.to_owned(),
            scheme: "http".to_owned(),
            target: target.to_owned(),
            request: Message::default(),
            status: 200,
            response: Message::default(),
            answered_by: None,
            captures: BTreeMap::new(),
            upstreams: vec!["upstream".to_owned()],
            upstream: "upstream".to_owned(),
            caller: None,
            route: "route".to_owned(),
            client_address: "192.0.2.1".to_owned(),
            request_id: "00000000-0000-4000-8000-000000000000".to_owned(),
            tags: Vec::new(),
            kept: BTreeMap::new(),
            log: Vec::new(),
        }
        .with_header("host", "example.com")
    }

    /// `GET target`
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// `POST target` with a body of this media type.
    pub fn post(target: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut exchange = Self::new("POST", target).with_header("content-type", content_type);
        exchange.request.body = body.into();
        exchange
    }

    /// One more request header line.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request.append(name, value.as_ref());
        self
    }

    /// An answer of the upstream.
    #[must_use]
    pub fn answered(mut self, status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        self.status = status;
        self.answered_by = Some(self.upstream.clone());
        self.response = Message {
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        };
        for (name, value) in headers {
            self.response.append(name, value.as_bytes());
        }
        self
    }

    /// What the route's path captured under `name`.
    #[must_use]
    pub fn with_capture(mut self, name: &str, value: &str) -> Self {
        self.captures.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The upstreams of the route; the first is the default.
    #[must_use]
    pub fn with_upstreams(mut self, names: &[&str]) -> Self {
        self.upstreams = names.iter().map(|&name| name.to_owned()).collect();
        self.upstream = self.upstreams.first().cloned().unwrap_or_default();
        self
    }

    /// Somebody whom an earlier plugin identified.
    #[must_use]
    pub fn with_caller(mut self, caller: Caller) -> Self {
        self.caller = Some(caller);
        self
    }

    /// The path of the target.
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(&*self.target, |(path, _)| path)
    }

    /// The query of the target.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }
}

impl Message {
    /// The value of a header as text; none also where it is not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn append(&mut self, name: &str, value: &[u8]) {
        let header = HeaderName::from_bytes(name.as_bytes());
        let header = header.unwrap_or_else(|_| panic!("not a header name: {name}"));
        let value = HeaderValue::from_bytes(value);
        let value = value.unwrap_or_else(|_| panic!("not a value of header {name}"));
        self.headers.append(header, value);
    }
}
