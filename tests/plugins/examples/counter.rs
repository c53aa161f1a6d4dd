//! Counts what exchanges come to, and says it in the log.

use sluice_plugin::metrics::Counter;
use sluice_plugin::prelude::*;

/// Nothing to configure.
#[derive(Config)]
struct Empty {}

struct Log {
    exchanges: Counter,
}

#[plugin]
impl Plugin for Log {
    type Config = Empty;

    fn configure(_: Empty) -> Result<Self, Problems> {
        match Counter::register("exchanges", &["outcome"]) {
            Ok(exchanges) => Ok(Self { exchanges }),
            Err(_) => Err(Problems::one("", "the counter was refused")),
        }
    }

    fn on_log(&self, request: &Request, _: &Response, summary: &Summary) {
        let outcome = match summary.outcome {
            Outcome::Proxied => "proxied",
            Outcome::UpstreamFailed => "upstream-failed",
            Outcome::ClientGone => "client-gone",
            _ => "other",
        };
        self.exchanges.add(1, &[outcome]);
        let Summary {
            status,
            request_bytes,
            response_bytes,
            ..
        } = summary;
        log::info(format!(
            "counted {} {outcome} {status} {request_bytes} {response_bytes}",
            request.path()
        ));
    }
}
