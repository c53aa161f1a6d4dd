//! Rollouts with time that the test hands in.

mod edits;
mod gates;
mod persistence;
mod points;
mod steps;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::*;

/// Rollouts, and a clock.
struct World {
    rollouts: Rollouts,
    now: Now,
}

const GATES: Gates = Gates {
    interval_ms: 10_000,
    min_requests: 10,
    error_ratio: Some(200),
    p99_ms: None,
    consecutive_failures: None,
    on_fail: OnFail::Rollback,
};

/// `v1` is the baseline, `v2` the canary.
fn plan(steps: &[Step], gates: Option<Gates>) -> Plan {
    Plan {
        variants: vec![variant("v1", 8_000), variant("v2", 2_000)],
        baseline: 0,
        steps: steps.to_vec(),
        gates,
    }
}

fn variant(name: &str, weight: u32) -> Variant {
    Variant {
        name: name.to_owned(),
        weight,
    }
}

/// A weight that stays for so many seconds.
fn hold(weight: u32, seconds: u64) -> Step {
    Step {
        from: weight,
        to: weight,
        duration_ms: seconds * 1000,
    }
}

/// 5 %, 50 %, 100 %.
fn three_steps() -> [Step; 3] {
    [hold(500, 600), hold(5_000, 1_800), hold(10_000, 0)]
}

impl World {
    fn new() -> Self {
        Self::with(Rollouts::in_memory())
    }

    fn with(rollouts: Rollouts) -> Self {
        Self {
            rollouts,
            now: Now {
                monotonic: Instant::now(),
                wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            },
        }
    }

    /// Opens and publishes a plan, and lets its time begin.
    fn run(&mut self, plan: Plan) -> Arc<Rollout> {
        let rollout = self.rollouts.open("canary", plan).unwrap();
        self.rollouts.publish(std::slice::from_ref(&rollout));
        self.rollouts.tick(self.now);
        rollout
    }

    /// Lets time pass in one go.
    fn pass(&mut self, seconds: u64) -> Vec<Event> {
        let passed = Duration::from_secs(seconds);
        self.now.monotonic += passed;
        self.now.wall += passed;
        self.rollouts.tick(self.now)
    }
}

/// The canary's weight.
fn weight(rollout: &Rollout) -> u32 {
    rollout.weights()[1]
}

fn state(rollout: &Rollout) -> State {
    rollout.status().state
}

/// So many requests of a variant, so many of them failed, each this slow.
fn requests(rollout: &Rollout, variant: usize, count: u32, failed: u32, millis: u64) {
    for n in 0..count {
        rollout.record(variant, n < failed, Duration::from_millis(millis));
    }
}
