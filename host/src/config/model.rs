//! The validated model: what the gateway is asked to be. Two models that are
//! equal mean the same, whatever the files look like.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use http::{HeaderName, HeaderValue, Method};
use ipnet::IpNet;

pub use super::origin::Origin;

/// A name that the operator gave to a listener, upstream, plugin, route or consumer.
pub type Name = Arc<str>;

/// Everything that one configuration says.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where clients connect. Never empty.
    pub listeners: BTreeMap<Name, Listener>,
    /// The admin API, if there is one.
    pub admin: Option<Admin>,
    /// Workers and the compile cache.
    pub runtime: Runtime,
    /// Where the access log goes.
    pub access_log: AccessLog,
    /// Where plugins keep counters and values; `local` need not be here.
    pub stores: BTreeMap<Name, StoreKind>,
    /// What plugins can be granted to know, by name.
    pub secrets: BTreeMap<Name, Secret<Arc<str>>>,
    /// The groups of targets that routes forward to.
    pub upstreams: BTreeMap<Name, Arc<Upstream>>,
    /// The plugins, by the name that routes use.
    pub plugins: BTreeMap<Name, Arc<Plugin>>,
    /// The routes, in the order of the files.
    pub routes: Vec<Arc<Route>>,
    /// Who may call.
    pub consumers: Arc<Consumers>,
}

/// `[listeners.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// `address`
    pub address: SocketAddr,
    /// `tls`
    pub tls: Option<Tls>,
    /// `trusted_proxies`: peers whose X-Forwarded-* and Forwarded are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `forwarded`: also send RFC 7239 `Forwarded` to upstreams. Default false.
    pub forwarded: bool,
    /// `[listeners.NAME.limits]`
    pub limits: ListenerLimits,
    /// `[listeners.NAME.timeouts]`
    pub timeouts: ListenerTimeouts,
}

/// `tls = { certificates = [{ certificate = "FILE", key = "FILE" }] }`: PEM, one pair for now.
#[derive(Debug, Clone, PartialEq)]
pub struct Tls {
    /// The chain, PEM bytes as read.
    pub certificate: Vec<u8>,
    /// The private key, PEM bytes as read.
    pub key: Secret<Vec<u8>>,
}

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(pub T);

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// `[listeners.NAME.limits]`
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerLimits {
    /// `connections`: open ones per worker. Default 10000.
    pub connections: usize,
    /// `header_bytes`: a whole request head. Default 32 KiB.
    pub header_bytes: usize,
    /// `headers`: lines in a request head. Default 100.
    pub headers: usize,
    /// `streams`: concurrent HTTP/2 streams on a connection. Default 128.
    pub streams: u32,
}

/// `[listeners.NAME.timeouts]`
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerTimeouts {
    /// `header`: from the first byte of a request head to its last, and the TLS handshake. Default 10 s.
    pub header: Duration,
    /// `idle`: a connection without a request. Default 75 s.
    pub idle: Duration,
    /// `body`: between two reads of a request body. Default 60 s.
    pub body: Duration,
    /// `write`: a client that takes nothing of its response. Default 60 s.
    pub write: Duration,
}

/// `[admin]`
#[derive(Debug, Clone, PartialEq)]
pub struct Admin {
    /// `address`
    pub address: SocketAddr,
}

/// `[runtime]`
#[derive(Debug, Clone, PartialEq)]
pub struct Runtime {
    /// `workers`: default one for each allowed core.
    pub workers: usize,
    /// `compile_cache`: a folder, or `"off"` (None). Default `$XDG_CACHE_HOME/sluice` or `~/.cache/sluice`.
    pub compile_cache: Option<PathBuf>,
    /// `state`: a folder for what outlives the process, or `"off"` (None). Default
    /// `$XDG_STATE_HOME/sluice` or `~/.local/state/sluice`.
    pub state: Option<PathBuf>,
    /// `usage_days`: of how many days usage is kept. Default 400.
    pub usage_days: usize,
    /// `history`: how many earlier generations can be rolled back to. Default 5.
    pub history: usize,
    /// `watch`: reload when a file of the configuration or of a plugin changes. Default true.
    pub watch: bool,
    /// `drain`: how long exchanges may go on after the gateway is told to stop. Default 30 s.
    pub drain: Duration,
}

/// `[access_log]`
#[derive(Debug, Clone, PartialEq)]
pub enum AccessLog {
    /// `output = "off"`
    Off,
    /// `output = "stdout"`, the default
    Stdout,
    /// `output = "FILE"`, appended to
    File(PathBuf),
}

/// `[upstreams.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// The key of the table.
    pub name: Name,
    /// `targets`: `"host:port"`, `"1.2.3.4:80"`, `"[::1]:80"`. Never empty, at most 1024, no two equal.
    pub targets: Vec<Target>,
    /// `balance`
    pub balance: Balance,
    /// `protocol`
    pub protocol: Protocol,
    /// `host`: what to send as Host (or :authority) instead of the client's.
    pub host: Option<HeaderValue>,
    /// `tls`: how targets are known. By default they speak clear text.
    pub tls: Option<ClientTls>,
    /// `[upstreams.NAME.timeouts]`
    pub timeouts: UpstreamTimeouts,
    /// `[upstreams.NAME.pool]`
    pub pool: PoolLimits,
}

/// One `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// A name for DNS, or an address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// `balance = "round-robin"` (default) or `"least-request"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests in flight on this worker.
    LeastRequest,
}

/// `protocol = "http1"` (default) or `"http2"` (by prior knowledge, or ALPN with `tls`)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 with keep-alive.
    Http1,
    /// HTTP/2: with TLS agreed on by ALPN (RFC 9113, 3.2), without it by prior knowledge (3.3).
    Http2,
}

/// `[upstreams.NAME.timeouts]`
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamTimeouts {
    /// `connect`: default 5 s.
    pub connect: Duration,
    /// `response`: from the request's last byte to the response's head. Default 60 s.
    pub response: Duration,
    /// `idle`: between two reads of a response body. Default 60 s.
    pub idle: Duration,
}

/// `[upstreams.NAME.pool]`, for each worker
#[derive(Debug, Clone, PartialEq)]
pub struct PoolLimits {
    /// `connections`: open ones to all targets. Default 1024.
    pub connections: usize,
    /// `idle_timeout`: default 60 s.
    pub idle_timeout: Duration,
    /// `pending`: requests that wait for a connection. Default 1024.
    pub pending: usize,
}

/// `[plugins.NAME]`
#[derive(Clone, PartialEq)]
pub struct Plugin {
    /// The key of the table.
    pub name: Name,
    /// `source`
    pub source: PluginSource,
    /// `sha256`: the file must have this digest (64 hex digits).
    pub sha256: Option<[u8; 32]>,
    /// `on_error`
    pub on_error: OnError,
    /// `on_error_status`: what `deny` answers. Default 503; 500 to 599.
    pub on_error_status: u16,
    /// `limits`
    pub limits: PluginLimits,
    /// `grants`
    pub grants: Grants,
    /// `config`: as JSON, secrets resolved. `{}` where there is none.
    pub config: serde_json::Value,
    /// `config` with `${env:…}` and `${file:…}` as they are written: for people to see.
    pub shown_config: serde_json::Value,
}

impl std::fmt::Debug for Plugin {
    /// With `shown_config` alone, as `config` may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            source,
            sha256,
            on_error,
            on_error_status,
            limits,
            grants,
            config: _,
            shown_config,
        } = self;
        f.debug_struct("Plugin")
            .field("name", name)
            .field("source", source)
            .field("sha256", sha256)
            .field("on_error", on_error)
            .field("on_error_status", on_error_status)
            .field("limits", limits)
            .field("grants", grants)
            .field("shown_config", shown_config)
            .finish_non_exhaustive()
    }
}

/// `source = "builtin:NAME"` or `"FILE"` (relative to the file that says so)
#[derive(Debug, Clone, PartialEq)]
pub enum PluginSource {
    /// Ships with the gateway.
    Builtin(String),
    /// A component, or a core module that carries the type of one.
    File(PathBuf),
}

/// `on_error = "deny"` (default) or `"skip"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The exchange is answered with `on_error_status`.
    Deny,
    /// The exchange goes on as if the plugin were not there.
    Skip,
}

/// `limits = { deadline = "50ms", memory = "16MiB", host_call_bytes = "1MiB" }`
#[derive(Debug, Clone, PartialEq)]
pub struct PluginLimits {
    /// `deadline`: CPU time of one hook call, 1 ms to 10 s. Default 50 ms.
    pub deadline: Duration,
    /// `memory`: memory of one instance, tables included. Default 16 MiB.
    pub memory: usize,
    /// `host_call_bytes`: what a plugin hands over in one call or returns from one. Default 8 MiB.
    pub host_call_bytes: usize,
    /// `instances`: on one worker, of a plugin that waits. Default 64.
    pub instances: usize,
    /// `wait`: how long one hook call may wait, for everything together. Default 30 s.
    pub wait: Duration,
}

/// `grants = { consumers = true, quota = ["local"] }`; a builtin is granted what
/// it imports, the store `local`, and the store that its `config.store` names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grants {
    /// Read the credentials of the configuration.
    pub consumers: bool,
    /// Stores in which it may keep values.
    pub kv: Vec<Name>,
    /// Stores in which it may count.
    pub quota: Vec<Name>,
    /// What it may call.
    pub http: Vec<HttpGrant>,
    /// Secrets that it may know.
    pub secrets: Vec<Name>,
}

/// What a plugin may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpGrant {
    /// `"UPSTREAM:/path"`, or `"UPSTREAM"` for all its paths.
    Upstream {
        /// An upstream of the configuration.
        upstream: Name,
        /// This path, and all below it. Begins with a slash, and ends with none but for `/` itself.
        path: String,
    },
    /// `"https://login.example.com"`: a server that is no upstream, all its paths.
    Origin(Origin),
}

impl std::fmt::Display for HttpGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Upstream { upstream, path } => write!(f, "{upstream}:{path}"),
            Self::Origin(origin) => origin.fmt(f),
        }
    }
}

/// `[stores.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub enum StoreKind {
    /// `kind = "memory"`: of this process, shared by its workers.
    Memory(MemoryStore),
    /// `kind = "redis"`: Redis 7 or Valkey, shared by all gateways that use it.
    Redis(RedisStore),
}

/// `kind = "memory"`
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryStore {
    /// `entries`: keys at most; beyond, the one that expires next goes. Default 1,000,000.
    pub entries: usize,
    /// `bytes`: keys and values at most. Default 256 MiB.
    pub bytes: usize,
}

/// `kind = "redis"`
#[derive(Debug, Clone, PartialEq)]
pub struct RedisStore {
    /// `address`: `"host:port"`.
    pub address: Target,
    /// `username`, for access control lists.
    pub username: Option<String>,
    /// `password`
    pub password: Option<Secret<String>>,
    /// `database`: default 0.
    pub database: u32,
    /// `tls`
    pub tls: Option<ClientTls>,
    /// `timeout`: of one operation, connecting and queueing included. Default 25 ms.
    pub timeout: Duration,
    /// `prefix` of every key. Default `sluice`.
    pub prefix: String,
    /// `pending`: operations that wait for an answer; more fail at once. Default 4096.
    pub pending: usize,
}

/// `tls = { ca = "FILE", server_name = "…" }` of what the gateway connects to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientTls {
    /// `ca`: the certificates that are trusted, PEM bytes as read. By default those of the system.
    pub ca: Option<Vec<u8>>,
    /// `server_name`: in the certificate. By default the host that is connected to.
    pub server_name: Option<String>,
}

/// `[[routes]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// `name`, unique.
    pub name: Name,
    /// `match`
    pub matcher: Matcher,
    /// `plugins`: names, in the order in which their request hooks run.
    pub plugins: Vec<Name>,
    /// `upstreams`: the first is the default. Never empty.
    pub upstreams: Vec<Name>,
    /// `body_limit`: a body that a plugin asks for. Default 1 MiB.
    pub body_limit: usize,
}

/// `match = { host, path, methods, headers, query }`
#[derive(Debug, Clone, PartialEq)]
pub struct Matcher {
    /// `host`: default any.
    pub host: HostPattern,
    /// `path`: default `/*`.
    pub path: PathPattern,
    /// `methods`: empty means any.
    pub methods: Vec<Method>,
    /// `headers = { name = "value" }`; `"*"` means present.
    pub headers: Vec<(HeaderName, Condition)>,
    /// `query = { name = "value" }`; `"*"` means present.
    pub query: Vec<(String, Condition)>,
}

/// What a header or query value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Any value.
    Present,
    /// Exactly this one, in bytes.
    Equals(String),
}

/// Which hosts a route serves. Lower case, without a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// Every host.
    Any,
    /// This one.
    Exact(String),
    /// `*.example.com`, stored as `example.com`: any name below it, at any depth.
    Below(String),
}

/// Which paths a route serves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// What stands between the slashes.
    pub segments: Vec<Segment>,
    /// `/*` at the end: this path and all below it.
    pub prefix: bool,
}

/// One segment of a path pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This text, normalised like a request's path.
    Literal(String),
    /// `{name}`: any one non-empty segment.
    Capture(String),
}

/// `[consumers.NAME]`, all of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Consumers(pub HashMap<Name, Arc<Consumer>, RandomState>);

/// `[consumers.NAME]`
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Consumer {
    /// `groups`
    pub groups: Vec<String>,
    /// `attributes = { key = "value" }`
    pub attributes: Vec<(String, String)>,
    /// `credentials`
    pub credentials: Vec<Credential>,
}

/// `{ id = "acme-1", prefix = "k_9f2c", sha256 = "…", not_before = …, expires = … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Credential {
    /// `id`, unique among all consumers.
    pub id: String,
    /// `prefix`: the public beginning of the key, 4 to 16 visible ASCII characters.
    pub prefix: String,
    /// `sha256` of the whole key.
    pub sha256: [u8; 32],
    /// `not_before`: Unix seconds.
    pub not_before: Option<u64>,
    /// `expires`: Unix seconds.
    pub expires: Option<u64>,
}
