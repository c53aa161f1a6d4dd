//! A configured plugin whose hooks a test calls.

use std::cell::RefCell;
use std::time::Duration;

use serde_json::Value;

use super::edit::{header_name, header_value};
use super::world::{Phase, World};
use super::{Exchange, Gateway, Line, OpenPlan};
use crate::plugin::{BodyVerdict, Hook, Plugin, Summary, Verdict};
use crate::reply::Reply;
use crate::request::Request;
use crate::response::Response;
use crate::{Error, Problems, config};

/// A configured plugin. Its hooks run as in the gateway: edits are checked, and
/// dropped where the hook fails.
///
/// # Panics
/// A hook that the plugin does not have is not called by the gateway, and
/// panics here.
#[derive(Debug)]
pub struct Harness<P> {
    plugin: P,
    pub(super) gateway: RefCell<Gateway>,
    log: Vec<Line>,
}

impl<P: Plugin> Harness<P> {
    /// Configures the plugin in a gateway without consumers. For another one
    /// there is [`Gateway::configure`].
    pub fn configure(config: Value) -> Result<Self, Problems> {
        Self::configure_in(Gateway::new(), &config)
    }

    pub(super) fn configure_in(gateway: Gateway, config: &Value) -> Result<Self, Problems> {
        let world = World {
            gateway,
            exchange: Exchange::get("/"),
            phase: Phase::Configure,
        };
        let (world, plugin) = world.run(|| config::from_value(config).and_then(P::configure));
        Ok(Self {
            plugin: plugin?,
            gateway: RefCell::new(world.gateway),
            log: world.exchange.log,
        })
    }

    /// The plugin itself.
    pub fn plugin(&self) -> &P {
        &self.plugin
    }

    /// What `configure` logged.
    pub fn log(&self) -> &[Line] {
        &self.log
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.gateway.borrow_mut().pass(time);
    }

    /// From now on this store cannot be reached, or can be again.
    ///
    /// # Panics
    /// Where the gateway has no such store.
    pub fn fail_store(&self, name: &str, fails: bool) {
        self.gateway.borrow_mut().fail_store(name, fails);
    }

    /// Somebody who is not the plugin writes one of its keys, or with none takes
    /// it out.
    ///
    /// # Panics
    /// Where the gateway has no such store.
    pub fn write_store(&self, name: &str, key: &str, value: Option<&[u8]>) {
        self.gateway.borrow_mut().write(name, key, value);
    }

    /// From now on no target of this upstream, or again one, takes connections.
    pub fn set_available(&self, upstream: &str, available: bool) {
        let mut gateway = self.gateway.borrow_mut();
        if available {
            gateway.unavailable.remove(upstream);
        } else {
            gateway.unavailable.insert(upstream.to_owned());
        }
    }

    /// The plan that the plugin opened.
    pub fn plan(&self) -> Option<OpenPlan> {
        self.gateway.borrow().plan.clone()
    }

    /// Moves the plan that the plugin opened to these weights, as its steps, a
    /// verdict or an operator would.
    pub fn set_weights(&self, weights: &[u32]) {
        let mut gateway = self.gateway.borrow_mut();
        let plan = gateway.plan.as_mut().expect("the plugin opened a plan");
        plan.set_weights(weights);
    }

    /// What a counter of the plugin, or the number of values of a histogram, has come to.
    pub fn count(&self, metric: &str, values: &[&str]) -> u64 {
        let gateway = self.gateway.borrow();
        let metric = gateway.metrics.iter().find(|m| m.name == metric);
        let series = metric.and_then(|m| m.series.iter().find(|(v, _)| *v == values));
        series.map_or(0, |(_, series)| series.count)
    }

    /// The values that a histogram of the plugin got.
    pub fn observed(&self, histogram: &str, values: &[&str]) -> Vec<f64> {
        let gateway = self.gateway.borrow();
        let metric = gateway.metrics.iter().find(|m| m.name == histogram);
        let series = metric.and_then(|m| m.series.iter().find(|(v, _)| *v == values));
        series.map_or_else(Vec::new, |(_, series)| series.observed.clone())
    }

    /// All that happens before the request goes upstream: `on_request`, and
    /// `on_request_body` where it is asked for. The reply, if the plugin made one.
    pub fn request(&self, exchange: &mut Exchange) -> Result<Option<Reply>, Error> {
        match self.on_request(exchange)? {
            Verdict::Next => Ok(None),
            Verdict::Respond(reply) => Ok(Some(reply)),
            Verdict::ReadBody => {
                let verdict = self.on_request_body(exchange)?;
                Ok(after_body(verdict, &mut exchange.request.body))
            }
        }
    }

    /// All that happens before the response goes to the client: `on_response`,
    /// and `on_response_body` where it is asked for.
    pub fn response(&self, exchange: &mut Exchange) -> Result<Option<Reply>, Error> {
        match self.on_response(exchange)? {
            Verdict::Next => Ok(None),
            Verdict::Respond(reply) => Ok(Some(reply)),
            Verdict::ReadBody => {
                let verdict = self.on_response_body(exchange)?;
                Ok(after_body(verdict, &mut exchange.response.body))
            }
        }
    }

    /// Whether the plugin needs this hook as it is configured.
    pub fn needs(&self, hook: Hook) -> bool {
        P::HOOKS.contains(&hook) && !self.gateway.borrow().skipped.contains(&hook)
    }

    /// [`Plugin::on_request`]
    pub fn on_request(&self, exchange: &mut Exchange) -> Result<Verdict, Error> {
        self.hook(Hook::OnRequest, exchange, || {
            checked(self.plugin.on_request(&mut Request::current())?)
        })
    }

    /// [`Plugin::on_request_body`], with the body of the exchange.
    pub fn on_request_body(&self, exchange: &mut Exchange) -> Result<BodyVerdict, Error> {
        let body = exchange.request.body.clone();
        self.hook(Hook::OnRequestBody, exchange, || {
            let verdict = self.plugin.on_request_body(&mut Request::current(), body)?;
            checked_body(verdict)
        })
    }

    /// [`Plugin::on_response`]
    pub fn on_response(&self, exchange: &mut Exchange) -> Result<Verdict, Error> {
        self.hook(Hook::OnResponse, exchange, || {
            let (request, mut response) = (Request::current(), Response::current());
            checked(self.plugin.on_response(&request, &mut response)?)
        })
    }

    /// [`Plugin::on_response_body`], with the body of the exchange.
    pub fn on_response_body(&self, exchange: &mut Exchange) -> Result<BodyVerdict, Error> {
        let body = exchange.response.body.clone();
        self.hook(Hook::OnResponseBody, exchange, || {
            let (request, mut response) = (Request::current(), Response::current());
            let verdict = self
                .plugin
                .on_response_body(&request, &mut response, body)?;
            checked_body(verdict)
        })
    }

    /// [`Plugin::on_log`]
    pub fn on_log(&self, exchange: &mut Exchange, summary: &Summary) {
        let run = self.hook(Hook::OnLog, exchange, || {
            let (request, response) = (Request::current(), Response::current());
            self.plugin.on_log(&request, &response, summary);
            Ok(())
        });
        debug_assert!(run.is_ok(), "on_log has no way to fail");
    }

    fn hook<T>(
        &self,
        hook: Hook,
        exchange: &mut Exchange,
        call: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        assert!(P::HOOKS.contains(&hook), "the plugin has no hook {hook:?}");
        let before = exchange.clone();
        let world = World {
            gateway: self.gateway.take(),
            exchange: before.clone(),
            phase: match hook {
                Hook::OnRequest | Hook::OnRequestBody => Phase::Request,
                Hook::OnResponse | Hook::OnResponseBody => Phase::Response,
                Hook::OnLog => Phase::Log,
            },
        };
        let (world, result) = world.run(call);
        self.gateway.replace(world.gateway);
        *exchange = if result.is_ok() {
            world.exchange
        } else {
            Exchange {
                log: world.exchange.log,
                ..before
            }
        };
        result
    }
}

fn after_body(verdict: BodyVerdict, body: &mut Vec<u8>) -> Option<Reply> {
    match verdict {
        BodyVerdict::Keep => None,
        BodyVerdict::Replace(new) => {
            *body = new;
            None
        }
        BodyVerdict::Respond(reply) => Some(reply),
    }
}

fn checked(verdict: Verdict) -> Result<Verdict, Error> {
    if let Verdict::Respond(reply) = &verdict {
        check(reply)?;
    }
    Ok(verdict)
}

fn checked_body(verdict: BodyVerdict) -> Result<BodyVerdict, Error> {
    if let BodyVerdict::Respond(reply) = &verdict {
        check(reply)?;
    }
    Ok(verdict)
}

/// Whether the gateway would send this reply.
fn check(reply: &Reply) -> Result<(), Error> {
    if !(200..=599).contains(&reply.status) {
        return Err(Error::new(format!("a reply of status {}", reply.status)));
    }
    for field in &reply.headers {
        if header_name(&field.name).is_err() || header_value(&field.value).is_err() {
            let message = format!("a reply with a header that cannot be sent: {}", field.name);
            return Err(Error::new(message));
        }
    }
    Ok(())
}
