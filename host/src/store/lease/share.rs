//! What one process holds of one key's limits, and what it knows of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::store::answer::{Standing, Ticket};
use crate::store::limit::LimitSet;
use crate::store::redis::Taken;

/// A key that is not asked for so long gives back what it holds.
pub(super) const IDLE: Duration = Duration::from_millis(500);
/// Who asks again within this asks for more.
const BUSY: Duration = Duration::from_secs(1);
/// What was refused is refused for so long without asking again.
const REFUSED_FOR: Duration = Duration::from_millis(25);
/// Growth of the share of a busy key.
const FIRST_WANT: u64 = 2;
const MOST_WANT: u64 = 1 << 16;

/// Units that were taken in advance.
pub(super) struct Share {
    pub(super) set: Arc<LimitSet>,
    /// Units that are still unused.
    left: u64,
    /// How many they were.
    size: u64,
    /// Until when they may be used.
    until: Instant,
    /// The windows that they were taken from.
    marks: Vec<u64>,
    /// The connection that they were taken on.
    connection: u64,
    /// How the limits stood then.
    standings: Vec<Standing>,
    asked: Option<Instant>,
    /// For how many takes the next question asks in advance.
    want: u64,
    pub(super) used: Instant,
    refused: Option<(u64, Instant, Ticket)>,
    /// Whether a question is under way, for whose answer others wait.
    pub(super) asking: bool,
    pub(super) answered: Arc<Notify>,
    /// Whether a keeper looks after it.
    pub(super) kept: bool,
}

/// Units that go back to where they came from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unused {
    pub(super) units: u64,
    pub(super) marks: Vec<u64>,
    pub(super) connection: u64,
}

impl Share {
    pub(super) fn new(set: Arc<LimitSet>, now: Instant) -> Self {
        Self {
            set,
            left: 0,
            size: 0,
            until: now,
            marks: Vec::new(),
            connection: 0,
            standings: Vec::new(),
            asked: None,
            want: 0,
            used: now,
            refused: None,
            asking: false,
            answered: Arc::default(),
            kept: false,
        }
    }

    /// Drops what was taken on another connection than this: behind the new one
    /// may be a server that never counted it, so it is neither used nor given back.
    pub(super) fn only_of(&mut self, connection: u64) {
        if self.connection != connection {
            self.left = 0;
        }
    }

    /// The answer to a take of 1 or more, where it is known here.
    pub(super) fn take(&mut self, now: Instant, cost: u64) -> Option<Ticket> {
        if now < self.until && self.left >= cost {
            self.left -= cost;
            self.used = now;
            let since = ms(now.saturating_duration_since(self.asked.unwrap_or(now)));
            let standing = |standing: &Standing| Standing {
                remaining: standing.remaining.saturating_add(self.left),
                reset_ms: standing.reset_ms.saturating_sub(since),
                retry_ms: 0,
            };
            return Some(Ticket {
                granted: true,
                standings: self.standings.iter().map(standing).collect(),
            });
        }
        match &self.refused {
            Some((refused, at, ticket)) if cost == *refused => {
                let since = now.saturating_duration_since(*at);
                let again = ticket.standings.iter().map(|s| s.retry_ms).max();
                if since >= REFUSED_FOR.min(Duration::from_millis(again.unwrap_or(0))) {
                    return None;
                }
                let mut ticket = ticket.clone();
                for standing in &mut ticket.standings {
                    standing.reset_ms = standing.reset_ms.saturating_sub(ms(since));
                    standing.retry_ms = standing.retry_ms.saturating_sub(ms(since));
                }
                Some(ticket)
            }
            _ => None,
        }
    }

    /// Uses what it holds for a charge; what is still to be charged.
    pub(super) fn charge(&mut self, now: Instant, cost: u64) -> u64 {
        if now >= self.until {
            return cost;
        }
        let held = self.left.min(cost);
        self.left -= held;
        cost - held
    }

    /// How much to ask for in advance now, with a take of this cost.
    pub(super) fn wanted(&mut self, now: Instant, cost: u64) -> u64 {
        let busy = self
            .asked
            .is_some_and(|asked| now.saturating_duration_since(asked) < BUSY);
        if busy {
            self.want = (self.want * 2).clamp(FIRST_WANT, MOST_WANT);
        }
        self.want.saturating_mul(cost)
    }

    /// Keeps what was taken by a question that was sent at `sent`. What was left
    /// of another window goes back.
    pub(super) fn keep(
        &mut self,
        sent: Instant,
        now: Instant,
        cost: u64,
        taken: &Taken,
    ) -> Option<Unused> {
        self.asked = Some(sent);
        self.used = now;
        if !taken.ticket.granted {
            self.refused = Some((cost, sent, taken.ticket.clone()));
            return None;
        }
        self.refused = None;
        if taken.share == 0 {
            return None;
        }
        // Counted from before the question, and less by what clocks differ in
        // pace and round: it ends early rather than late.
        let live_us = taken.live_us.saturating_sub(taken.live_us / 1000 + 1000);
        let until = sent + Duration::from_micros(live_us);
        let same =
            self.marks == taken.marks && self.connection == taken.connection && now < self.until;
        let before = if same { None } else { self.unused() };
        self.until = if same { self.until.min(until) } else { until };
        self.left += taken.share;
        self.size = self.left;
        self.marks.clone_from(&taken.marks);
        self.connection = taken.connection;
        self.standings.clone_from(&taken.ticket.standings);
        before
    }

    /// Takes out what is unused.
    pub(super) fn unused(&mut self) -> Option<Unused> {
        let units = std::mem::take(&mut self.left);
        (units > 0).then(|| Unused {
            units,
            marks: self.marks.clone(),
            connection: self.connection,
        })
    }

    /// What has to go back now: what nobody used for a while, or not in time.
    pub(super) fn over(&mut self, now: Instant) -> Option<Unused> {
        if now < self.until && !self.is_idle(now) {
            return None;
        }
        if self.left > self.size / 2 {
            self.want /= 2;
        }
        self.unused()
    }

    pub(super) fn is_idle(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) >= IDLE
    }

    /// When to look again.
    pub(super) fn look_at(&self) -> Instant {
        let idle = self.used + IDLE;
        if self.left > 0 {
            idle.min(self.until)
        } else {
            idle
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
