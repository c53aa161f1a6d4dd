//! The refusals.

use sluice_plugin::prelude::*;
use sluice_plugin::quota::Ticket;

use crate::headers::Style;
use crate::left::{Left, seconds};
use crate::limits::Set;
use crate::options::{LimitOptions, Options};
use crate::values::Part;

/// How refusals are made.
#[derive(Debug)]
pub(crate) struct Replies {
    status: u16,
    message: String,
    style: Style,
}

impl Replies {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            status: options.status,
            message: options.message.clone(),
            style: options.headers,
        }
    }

    /// A limit is reached.
    pub(crate) fn reached(
        &self,
        set: &Set,
        limits: &[LimitOptions],
        ticket: &Ticket,
    ) -> Result<Reply, Error> {
        let refused = || {
            let all = limits.iter().zip(&ticket.standings);
            all.filter(|(_, standing)| standing.retry_ms > 0)
        };
        // All limits must have room again, so the last of them counts.
        let last = refused().max_by_key(|(_, standing)| standing.retry_ms);
        let detail = last.map_or_else(String::new, |(limit, _)| {
            let amount = limit.most().to_string();
            let every = match limit.window.is_calendar() {
                true => "a ",
                false => "in ",
            };
            let window = &limit.window.text;
            [
                "The limit `",
                &limit.name,
                "` of ",
                &amount,
                " ",
                every,
                window,
                " is reached.",
            ]
            .concat()
        });
        let mut reply = Reply::problem(self.status, &self.message, &detail);
        let names: Vec<_> = refused().map(|(limit, _)| limit.name.as_str()).collect();
        // Clients of other gateways read `message`.
        let message = serde_json::Value::from(self.message.as_str()).to_string();
        reply.body.pop();
        let members = [
            ",\"violated-policies\":[\"",
            &names.join("\",\""),
            "\"],\"message\":",
            &message,
            "}",
        ];
        reply.body.extend(members.concat().into_bytes());
        if self.style != Style::None {
            let wait = last.map_or(0, |(_, standing)| seconds(standing.retry_ms));
            reply = reply.with_header("retry-after", wait.max(1).to_string());
            let left: Vec<_> = ticket.standings.iter().map(Left::of).collect();
            set.shown.write(self.style, &left, &mut reply)?;
        }
        Ok(reply)
    }

    /// The request does not have what it is counted by.
    pub(crate) fn uncountable(&self, part: &Part) -> Reply {
        let what = match part {
            Part::Consumer => "nobody is identified",
            Part::Credential => "no credential was shown",
            Part::Header(name) => &["the header ", name, " is missing"].concat(),
            _ => "something is missing",
        };
        let detail = ["This request cannot be counted: ", what, "."].concat();
        Reply::problem(403, "Forbidden", &detail)
    }

    /// The store does not answer, and nothing may pass uncounted.
    pub(crate) fn unavailable(&self) -> Reply {
        let detail = "The limits of this request cannot be looked up at the moment.";
        Reply::problem(503, "Service Unavailable", detail).with_header("retry-after", "1")
    }
}
