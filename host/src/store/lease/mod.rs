//! Shares of limits, taken in advance and held in this process, so that most
//! takes need no round trip. A unit may be used only in the slot or window that
//! it was taken from, and goes back there if it was not: whatever is held or
//! lost, no window admits more than its limit. What was counted by a server that
//! is no longer there is neither used nor given back.

mod share;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};

use super::answer::{StoreError, StoreStats, Ticket};
use super::clock::Clock;
use super::limit::{Leasing, LimitSet};
use super::map::{Map, Probe, Shard};
use super::memory::MemoryConfig;
use super::redis::{Redis, Taken, Taking};
use share::{Share, Unused};

/// Keys whose shares are known at a time.
const MAX_KEYS: usize = 1 << 16;
const MAX_BYTES: usize = 64 << 20;
/// What nobody asked for so long is forgotten. What it held went back before.
const FORGET_AFTER_US: u64 = 5_000_000;
/// Shares that go back side by side at the end of a process, and how long that may take.
const GIVING: usize = 64;
const GIVE_WITHIN: Duration = Duration::from_secs(2);
/// The keeper of a share looks no more often.
const LOOK_AFTER: Duration = Duration::from_millis(5);

pub(super) struct Leases {
    redis: Arc<Redis>,
    shares: Map<Share>,
    clock: Clock,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What a take finds where no share answers it.
enum Found {
    Answer(Ticket),
    /// Somebody asks already: wait for what comes.
    Wait(tokio::sync::futures::OwnedNotified),
    /// Ask, for so much in advance, and wake those who wait for the answer.
    Ask(u64, Arc<Notify>),
}

/// A take that the server has to answer.
struct Question {
    leasing: Leasing,
    set: Arc<LimitSet>,
    key: Vec<u8>,
    cost: u64,
    answered: Arc<Notify>,
}

impl Leases {
    pub(super) fn new(redis: Arc<Redis>) -> Arc<Self> {
        Arc::new(Self {
            redis,
            shares: Map::new(&MemoryConfig {
                max_entries: MAX_KEYS,
                max_bytes: MAX_BYTES,
            }),
            clock: Clock::system(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        })
    }

    /// The answer where it is known here; nothing is waited for.
    pub(super) fn try_take(&self, leasing: Leasing, key: &[u8], cost: u64) -> Option<Ticket> {
        let ticket = self.with(leasing, key, |shard, probe| {
            let share = &mut shard.find(probe)?.value;
            share.only_of(self.redis.newest_connection());
            share.take(Instant::now(), cost)
        })?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(ticket)
    }

    /// Takes of a share what it has of a charge: that much is counted already.
    /// What is still to be charged.
    pub(super) fn charge(&self, leasing: Leasing, key: &[u8], cost: u64) -> u64 {
        let rest = self.with(leasing, key, |shard, probe| {
            let share = &mut shard.find(probe)?.value;
            share.only_of(self.redis.newest_connection());
            Some(share.charge(Instant::now(), cost))
        });
        rest.unwrap_or(cost)
    }

    pub(super) async fn take(
        self: &Arc<Self>,
        leasing: Leasing,
        set: Arc<LimitSet>,
        key: Vec<u8>,
        cost: u64,
    ) -> Result<Ticket, StoreError> {
        let deadline = Instant::now() + self.redis.timeout();
        match self.find(leasing, &set, &key, cost) {
            Found::Answer(ticket) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(ticket);
            }
            Found::Ask(share, answered) => {
                self.misses.fetch_add(1, Ordering::Relaxed);
                let question = Question {
                    leasing,
                    set,
                    key,
                    cost,
                    answered,
                };
                return self.ask(question, share, deadline).await;
            }
            Found::Wait(answered) => {
                // What comes late is as good as nothing: the next call says so.
                let _ = tokio::time::timeout_at(deadline.into(), answered).await;
            }
        }
        if let Some(ticket) = self.try_take(leasing, &key, cost) {
            return Ok(ticket);
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let taking = Taking {
            charge: false,
            cost,
            share: 0,
            live_us: 0,
        };
        let taken = self.redis.take(&set, &key, taking, deadline).await?;
        Ok(taken.ticket)
    }

    fn find(&self, leasing: Leasing, set: &Arc<LimitSet>, key: &[u8], cost: u64) -> Found {
        let found = self.with(leasing, key, |shard, probe| {
            let (now, now_us) = (Instant::now(), self.clock.steady_us());
            if shard.find(probe).is_none() {
                let share = Share::new(set.clone(), now);
                let heap = set.limits().len() * 64;
                shard.put(probe, share, heap, now_us + FORGET_AFTER_US, now_us);
            }
            let entry = shard.find(probe)?;
            let share = &mut entry.value;
            if !share.kept {
                entry.expires_us = now_us + FORGET_AFTER_US;
            }
            share.only_of(self.redis.newest_connection());
            Some(if let Some(ticket) = share.take(now, cost) {
                Found::Answer(ticket)
            } else if share.asking {
                Found::Wait(share.answered.clone().notified_owned())
            } else {
                share.asking = true;
                Found::Ask(share.wanted(now, cost), share.answered.clone())
            })
        });
        found.unwrap_or_else(|| Found::Ask(0, Arc::default()))
    }

    /// Asks the server on the thread of the stores, where the answer is kept
    /// also when the caller has gone.
    async fn ask(
        self: &Arc<Self>,
        question: Question,
        share: u64,
        deadline: Instant,
    ) -> Result<Ticket, StoreError> {
        let leases = self.clone();
        let asking = self.redis.thread().spawn(async move {
            let taking = Taking {
                charge: false,
                cost: question.cost,
                share,
                live_us: question.leasing.live_us,
            };
            let sent = Instant::now();
            let (set, key) = (&question.set, &question.key);
            let taken = leases.redis.take(set, key, taking, deadline).await;
            leases.settle(&question, sent, taken.as_ref().ok());
            taken.map(|taken| taken.ticket)
        });
        match tokio::time::timeout_at(deadline.into(), asking).await {
            Ok(Ok(ticket)) => ticket,
            Ok(Err(_)) => Err(self.redis.failed()),
            Err(_) => Err(self.redis.late()),
        }
    }

    /// Keeps what came, and wakes those who wait for it.
    fn settle(self: &Arc<Self>, question: &Question, sent: Instant, taken: Option<&Taken>) {
        let Question {
            leasing, set, key, ..
        } = question;
        let mut keep = false;
        let unused = self.with(*leasing, key, |shard, probe| {
            let Some(entry) = shard.find(probe) else {
                // It was forgotten meanwhile.
                return taken.filter(|t| t.share > 0).map(|t| Unused {
                    units: t.share,
                    marks: t.marks.clone(),
                    connection: t.connection,
                });
            };
            let share = &mut entry.value;
            share.asking = false;
            let unused = taken.and_then(|t| share.keep(sent, Instant::now(), question.cost, t));
            keep = !share.kept && taken.is_some_and(|t| t.share > 0);
            if keep {
                share.kept = true;
                // Its keeper says when it may be forgotten.
                entry.expires_us = u64::MAX;
            }
            unused
        });
        question.answered.notify_waiters();
        if let Some(unused) = unused {
            self.give_later(set.clone(), key.clone(), unused);
        }
        if keep {
            let keeper = self.clone().look_after(*leasing, key.clone());
            self.redis.thread().spawn(keeper);
        }
    }

    /// Gives back what a share does not use, for as long as there is one.
    async fn look_after(self: Arc<Self>, leasing: Leasing, key: Vec<u8>) {
        let mut at = Instant::now() + LOOK_AFTER;
        loop {
            tokio::time::sleep_until(at.into()).await;
            let now = Instant::now();
            let found = self.with(leasing, &key, |shard, probe| {
                let entry = shard.find(probe)?;
                let share = &mut entry.value;
                let unused = share.over(now);
                // A share that somebody asks for may be back in a moment.
                let idle = share.is_idle(now) && !share.asking;
                if idle {
                    share.kept = false;
                    entry.expires_us = self.clock.steady_us() + FORGET_AFTER_US;
                }
                Some((share.set.clone(), unused, idle, share.look_at()))
            });
            let Some((set, unused, idle, next)) = found else {
                return;
            };
            if let Some(unused) = unused {
                self.give(&set, &key, unused).await;
            }
            if idle {
                return;
            }
            at = next.max(now + LOOK_AFTER);
        }
    }

    fn give_later(self: &Arc<Self>, set: Arc<LimitSet>, key: Vec<u8>, unused: Unused) {
        let leases = self.clone();
        let giving = async move { leases.give(&set, &key, unused).await };
        self.redis.thread().spawn(giving);
    }

    /// What does not arrive counts as used: it is never tried twice.
    async fn give(&self, set: &LimitSet, key: &[u8], unused: Unused) {
        let Unused {
            units,
            marks,
            connection,
        } = unused;
        let _ = self.redis.give(set, key, units, &marks, connection).await;
    }

    /// Gives back all that is unused.
    pub(super) async fn give_back(self: &Arc<Self>) {
        let mut all = Vec::new();
        self.shares.each(|_, key, share| {
            if let Some(unused) = share.unused() {
                all.push((share.set.clone(), key.to_vec(), unused));
            }
        });
        let side_by_side = Arc::new(Semaphore::new(GIVING));
        let giving = async {
            for (set, key, unused) in all {
                let (leases, turn) = (self.clone(), side_by_side.clone());
                let Ok(turn) = turn.acquire_owned().await else {
                    return;
                };
                self.redis.thread().spawn(async move {
                    leases.give(&set, &key, unused).await;
                    drop(turn);
                });
            }
            let all = u32::try_from(GIVING).unwrap_or(1);
            let _ = side_by_side.acquire_many(all).await;
        };
        // What could not be given back in time counts as used.
        let _ = tokio::time::timeout(GIVE_WITHIN, giving).await;
    }

    pub(super) fn usage(&self) -> StoreStats {
        StoreStats {
            lease_hits: self.hits.load(Ordering::Relaxed),
            lease_misses: self.misses.load(Ordering::Relaxed),
            ..self.shares.usage()
        }
    }

    fn with<R>(
        &self,
        leasing: Leasing,
        key: &[u8],
        use_it: impl FnOnce(&mut Shard<Share>, Probe<'_>) -> Option<R>,
    ) -> Option<R> {
        self.shares.with(leasing.id, key, use_it).flatten()
    }
}
