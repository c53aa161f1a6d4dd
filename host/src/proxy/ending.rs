//! How an exchange ends: counted, logged, told to the `on-log` hooks. Once,
//! whatever the end is, because it happens when [`Ending`] is dropped.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderValue, Method, Version};

use super::connection::Connection;
use super::{Source, outcalls};
use crate::config::model::Name;
use crate::exchange::{Exchange, Phase};
use crate::plugin::{Hook, OnLog, Outcalls, Outcome, Summary};
use crate::server::Visit;
use crate::telemetry::access_log::{Record, Tags};
use crate::upstream::{Pool, Progress};
use crate::usage::Entry;
use crate::worker::view::{RouteView, View};
use crate::worker::{Link, Stopwatch};

/// What is known of an exchange for its end.
pub struct Ending {
    /// The connection it came on.
    pub connection: Rc<Connection>,
    /// Keeps the connection's time-outs away.
    pub visit: Visit,
    /// The generation it keeps to the end.
    pub view: Rc<View>,
    /// The state that hooks see; elsewhere while one runs.
    pub exchange: Option<Box<Exchange>>,
    /// Which route it took: an index into the view's routes.
    pub route: Option<usize>,
    /// How many plugins of the chain it reached: their response and log hooks run.
    pub reached: usize,
    /// When the request's head had come.
    pub begun: Instant,
    /// What the client asked, for the log line.
    pub asked: Asked,
    /// How far the request's body came.
    pub progress: Rc<Progress>,
    /// The status that the client got; 0 before there is one.
    pub status: u16,
    /// Bytes of the response's body that were handed to the client's connection.
    pub response_bytes: u64,
    /// Who answered.
    pub source: Option<Source>,
    /// How it ended, as far as is known.
    pub outcome: Outcome,
    /// The target that was used.
    pub target: Option<(Rc<Pool>, usize)>,
    /// When the request began to be sent.
    pub sent: Option<Instant>,
    /// How long the upstream took to send its head.
    pub upstream_time: Duration,
    /// The status that the upstream sent, before hooks changed it.
    pub upstream_status: Option<u16>,
    /// It is a gRPC call that the upstream failed.
    pub grpc_failed: bool,
    /// How long hooks took.
    pub plugins_time: Stopwatch,
    /// The log hooks that may wait, and what they are told.
    pub log_later: Option<(Vec<Rc<Link>>, Summary)>,
}

/// The request as it came.
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The version.
    pub version: Version,
    /// Host and port; kept for the access log only.
    pub host: Option<HeaderValue>,
    /// The path where there is no exchange to say it; kept for the access log only.
    pub path: Option<Box<str>>,
    /// `x-request-id`
    pub request_id: HeaderValue,
    /// It is a gRPC call.
    pub grpc: bool,
}

impl Ending {
    /// The route's view, once there is a route.
    pub fn route_view(&self) -> Option<&RouteView> {
        self.view.routes.get(self.route?)
    }

    fn run_log_hooks(&mut self, took: Duration) {
        let view = self.view.clone();
        let Some(route) = self.route.and_then(|r| view.routes.get(r)) else {
            return;
        };
        if !route.has_log_hook {
            return;
        }
        let summary = Summary {
            outcome: self.outcome,
            status: self.status,
            upstream: self.upstream().cloned(),
            duration: took,
            request_bytes: self.progress.bytes(),
            response_bytes: self.response_bytes,
        };
        let mut waiting = Vec::new();
        self.plugins_time.start();
        for link in route.chain.iter().take(self.reached) {
            if !link.has(Hook::OnLog) {
                continue;
            }
            if link.slot.waits() {
                waiting.push(link.clone());
                continue;
            }
            let Some(mut exchange) = self.exchange.take() else {
                return;
            };
            exchange.phase = Phase::Log;
            let (exchange, _) = link.call(exchange, &OnLog(&summary), &mut self.plugins_time);
            self.exchange = Some(exchange);
        }
        if !waiting.is_empty() {
            self.log_later = Some((waiting, summary));
        }
    }

    /// Hooks that may wait run when everything else has been done.
    fn run_waiting_log_hooks(&mut self) {
        let (Some((links, summary)), Some(mut exchange)) =
            (self.log_later.take(), self.exchange.take())
        else {
            return;
        };
        // At the end of a worker there is nobody left to wait with.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        exchange.phase = Phase::Log;
        let view = self.view.clone();
        let worker = self.connection.worker.clone();
        let counted = exchange.quota.cost;
        tokio::task::spawn_local(async move {
            let mut home = Some(exchange);
            let mut watch = Stopwatch::default();
            watch.start();
            for link in links {
                let (outcalls, asked) = Outcalls::new();
                let serving = outcalls::serve(view.clone(), asked);
                let hook = OnLog(&summary);
                tokio::select! {
                    biased;
                    _ = link.wait(&mut home, &hook, outcalls, &mut watch) => {}
                    never = serving => match never {},
                }
            }
            if let Some(exchange) = home {
                let more = exchange.quota.cost.saturating_sub(counted);
                let consumer = exchange.caller.as_ref().map(|caller| &caller.id);
                let route = Some(&exchange.route.name);
                worker.usage.charge(consumer, route, more);
            }
        });
    }

    pub(super) fn upstream(&self) -> Option<&Name> {
        self.target.as_ref().map(|(pool, _)| &pool.config.name)
    }

    fn count(&self, took: Duration) {
        let series = match self.route_view() {
            Some(route) => &route.series,
            None => &self.view.no_route,
        };
        series.record(self.upstream(), self.status, took);
    }

    /// Counts for the bill.
    fn count_usage(&self) {
        let exchange = self.exchange.as_deref();
        let caller = exchange.and_then(|e| e.caller.as_ref());
        let quota = exchange.map(|e| e.quota).unwrap_or_default();
        let entry = Entry {
            request_bytes: self.progress.bytes(),
            response_bytes: self.response_bytes,
            denied: quota.denied,
            cost: quota.cost,
        };
        let consumer = caller.map(|caller| &caller.id);
        let route = self.route_view().map(|view| &view.route.name);
        self.connection.worker.usage.record(consumer, route, entry);
    }

    fn write_line(&self, took: Duration) {
        let worker = &self.connection.worker;
        let log = &self.view.generation.access_log;
        if !log.is_on() {
            return;
        }
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let exchange = self.exchange.as_deref();
        let caller = exchange.and_then(|e| e.caller.as_ref());
        let host = self.asked.host.as_ref().map(text).unwrap_or_default();
        let client = exchange.map_or(&self.connection.peer.text, |e| &e.client.text);
        let target = self.target.as_ref();
        let target = target
            .and_then(|(pool, at)| pool.target(*at))
            .map(ToString::to_string);
        let source = self.source.as_ref().map(ToString::to_string);
        let now = SystemTime::now();
        let record = Record {
            time: humantime::format_rfc3339_micros(now.checked_sub(took).unwrap_or(now))
                .to_string(),
            request_id: &text(&self.asked.request_id),
            listener: &self.connection.listener,
            client: &text(client),
            method: self.asked.method.as_str(),
            host: &host,
            path: self
                .asked
                .path
                .as_deref()
                .or_else(|| exchange.map(|e| e.request.target.path()))
                .unwrap_or(""),
            protocol: protocol(self.asked.version),
            route: self.route_view().map(|r| &*r.route.name),
            consumer: caller.map(|c| &*c.id),
            credential: caller.and_then(|c| c.credential.as_deref()),
            upstream: self.upstream().map(|u| &**u),
            target: target.as_deref(),
            status: self.status,
            source: source.as_deref().unwrap_or(""),
            outcome: outcome_word(self.outcome),
            duration_us: micros(took),
            upstream_us: micros(self.upstream_time),
            plugins_us: micros(self.plugins_time.total()),
            request_bytes: self.progress.bytes(),
            response_bytes: self.response_bytes,
            tags: Tags(exchange.map_or(&[], |e| &e.tags)),
        };
        worker.lines.add(&record, log, &worker.shard);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        self.run_log_hooks(took);
        self.count(took);
        self.count_usage();
        self.judge(took);
        self.write_line(took);
        self.run_waiting_log_hooks();
        self.connection.worker.shard.exchanges.add(-1);
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Proxied => "proxied",
        Outcome::AnsweredByPlugin => "answered-by-plugin",
        Outcome::AnsweredByGateway => "answered-by-gateway",
        Outcome::UpstreamFailed => "upstream-failed",
        Outcome::ClientGone => "client-gone",
        Outcome::TimedOut => "timed-out",
    }
}
