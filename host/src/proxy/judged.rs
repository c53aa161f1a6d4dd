//! What rollouts are told of an exchange: how the variant did that answered, or
//! should have. What clients do is not held against it.

use std::time::Duration;

use http::HeaderValue;

use super::ending::Ending;
use crate::plugin::Outcome;

/// What a gRPC server says that has failed: UNKNOWN, DEADLINE_EXCEEDED,
/// UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. The others are about the call.
const GRPC_FAILURES: [&[u8]; 6] = [b"2", b"4", b"12", b"13", b"14", b"15"];

impl Ending {
    /// Tells the rollouts how the variant did.
    pub(super) fn judge(&self, took: Duration) {
        let Some(exchange) = self.exchange.as_deref() else {
            return;
        };
        if exchange.rollouts.is_empty() {
            return;
        }
        let Some(upstream) = self.upstream() else {
            return;
        };
        let broken = matches!(self.outcome, Outcome::UpstreamFailed | Outcome::TimedOut);
        let failed = broken || self.grpc_failed || self.upstream_status.unwrap_or(0) >= 500;
        let client_gone = self.outcome == Outcome::ClientGone;
        if !failed {
            // A request that broke off, or a client that left with its answer under
            // way, says nothing of the upstream.
            let said_something = client_gone && self.upstream_status.is_some();
            let unfinished = client_gone && self.progress.is_open();
            if said_something || unfinished || self.progress.failure().is_some() {
                return;
            }
        }
        let span = self.waited(took, broken);
        for rollout in &exchange.rollouts {
            let Some(variant) = rollout.variant(upstream) else {
                continue;
            };
            if client_gone && !failed {
                rollout.record_given_up(variant, span);
            } else {
                rollout.record(variant, failed, span);
            }
        }
    }

    /// How long the upstream was waited for: not while the client was still sending.
    fn waited(&self, took: Duration, broken: bool) -> Duration {
        let Some(sent) = self.sent else {
            return Duration::ZERO;
        };
        let until = match self.upstream_status {
            Some(_) if !broken => sent + self.upstream_time,
            _ => self.begun + took,
        };
        // Who answers before the body has ended did not wait for its end.
        let ended = self.progress.ended().filter(|ended| *ended < until);
        until.saturating_duration_since(ended.map_or(sent, |ended| ended.max(sent)))
    }

    /// Takes note of the `grpc-status` of a head or of trailers, where it is a gRPC call.
    pub(super) fn note_grpc<'s>(&mut self, status: impl FnOnce() -> Option<&'s HeaderValue>) {
        if self.asked.grpc
            && let Some(status) = status()
        {
            self.grpc_failed = GRPC_FAILURES.contains(&status.as_bytes());
        }
    }
}
