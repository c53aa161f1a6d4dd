//! Between the exports of a component and [`Plugin`]; `#[plugin]` calls it.

use std::cell::OnceCell;

use crate::bindings::on_request::exports::sluice::plugin::on_request as request_hook;
use crate::bindings::on_request_body::exports::sluice::plugin::on_request_body as request_body_hook;
use crate::bindings::on_response::exports::sluice::plugin::on_response as response_hook;
use crate::bindings::on_response_body::exports::sluice::plugin::on_response_body as response_body_hook;
use crate::bindings::plugin::exports::sluice::plugin::lifecycle;
use crate::plugin::{BodyVerdict, Plugin, Summary, Verdict};
use crate::request::Request;
use crate::response::Response;
use crate::{Config, Error, config};

/// The plugin, once it is configured.
pub type Instance<P> = OnceCell<P>;

pub fn describe<P: Plugin>() -> lifecycle::Description {
    let summary = match P::SUMMARY {
        "" => P::Config::SUMMARY,
        summary => summary,
    };
    lifecycle::Description {
        summary: summary.to_owned(),
        config_schema: config::schema::<P::Config>(),
    }
}

pub fn configure<P: Plugin>(
    instance: &Instance<P>,
    config: String,
) -> Result<(), Vec<lifecycle::Problem>> {
    let plugin = config::from_json(&config).and_then(P::configure);
    match plugin {
        // The gateway configures an instance once.
        Ok(plugin) => Ok(drop(instance.set(plugin))),
        Err(problems) => Err(problems
            .into_iter()
            .map(|problem| lifecycle::Problem {
                at: problem.at,
                message: problem.message,
            })
            .collect()),
    }
}

fn configured<P>(instance: &Instance<P>) -> Result<&P, String> {
    instance.get().ok_or_else(|| "not configured".to_owned())
}

pub fn on_request<P: Plugin>(instance: &Instance<P>) -> Result<request_hook::Verdict, String> {
    let verdict = configured(instance)?.on_request(&mut Request::current());
    Ok(match verdict.map_err(Error::into_message)? {
        Verdict::Next => request_hook::Verdict::Next,
        Verdict::ReadBody => request_hook::Verdict::ReadBody,
        Verdict::Respond(reply) => request_hook::Verdict::Respond(reply),
    })
}

pub fn on_request_body<P: Plugin>(
    instance: &Instance<P>,
    body: Vec<u8>,
) -> Result<request_body_hook::Verdict, String> {
    let verdict = configured(instance)?.on_request_body(&mut Request::current(), body);
    Ok(match verdict.map_err(Error::into_message)? {
        BodyVerdict::Keep => request_body_hook::Verdict::Keep,
        BodyVerdict::Replace(body) => request_body_hook::Verdict::Replace(body),
        BodyVerdict::Respond(reply) => request_body_hook::Verdict::Respond(reply),
    })
}

pub fn on_response<P: Plugin>(instance: &Instance<P>) -> Result<response_hook::Verdict, String> {
    let plugin = configured(instance)?;
    let verdict = plugin.on_response(&Request::current(), &mut Response::current());
    Ok(match verdict.map_err(Error::into_message)? {
        Verdict::Next => response_hook::Verdict::Next,
        Verdict::ReadBody => response_hook::Verdict::ReadBody,
        Verdict::Respond(reply) => response_hook::Verdict::Respond(reply),
    })
}

pub fn on_response_body<P: Plugin>(
    instance: &Instance<P>,
    body: Vec<u8>,
) -> Result<response_body_hook::Verdict, String> {
    let plugin = configured(instance)?;
    let verdict = plugin.on_response_body(&Request::current(), &mut Response::current(), body);
    Ok(match verdict.map_err(Error::into_message)? {
        BodyVerdict::Keep => response_body_hook::Verdict::Keep,
        BodyVerdict::Replace(body) => response_body_hook::Verdict::Replace(body),
        BodyVerdict::Respond(reply) => response_body_hook::Verdict::Respond(reply),
    })
}

pub fn on_log<P: Plugin>(instance: &Instance<P>, what: Summary) {
    if let Some(plugin) = instance.get() {
        plugin.on_log(&Request::current(), &Response::current(), &what);
    }
}

/// From now on the message of a panic goes to the gateway's log.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        crate::log::error(panic.to_string());
    }));
}
