//! All numbers of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::shard::Shard;

/// The shards of the workers, and what only the control thread counts.
#[derive(Debug)]
pub struct Metrics {
    pub(super) shards: Vec<Arc<Shard>>,
    /// The number of the generation that new exchanges get.
    pub generation: AtomicU64,
    /// Generations that some exchange or connection still holds.
    pub live_generations: AtomicU64,
    /// Reloads by what came of them.
    pub reloads: Reloads,
}

/// Reloads by what came of them.
#[derive(Debug, Default)]
pub struct Reloads {
    /// A new generation took over.
    pub applied: AtomicU64,
    /// The files mean what they meant before.
    pub unchanged: AtomicU64,
    /// The files have problems.
    pub rejected: AtomicU64,
}

impl Metrics {
    /// For this many workers.
    pub fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            shards: (0..workers).map(|_| Arc::default()).collect(),
            generation: AtomicU64::new(0),
            live_generations: AtomicU64::new(0),
            reloads: Reloads::default(),
        })
    }

    /// The shard of one worker.
    pub fn shard(&self, worker: usize) -> Arc<Shard> {
        self.shards.get(worker).cloned().unwrap_or_default()
    }

    pub(super) fn reload_counts(&self) -> [(&'static str, u64); 3] {
        [
            ("applied", self.reloads.applied.load(Relaxed)),
            ("unchanged", self.reloads.unchanged.load(Relaxed)),
            ("rejected", self.reloads.rejected.load(Relaxed)),
        ]
    }
}
