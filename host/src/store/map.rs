//! A bounded map of expiring entries, in shards with a lock each. Nothing here
//! takes longer the more there is: an insertion looks at a few others, throws
//! out what has expired, and where there is no room evicts the one of a few
//! that would expire soonest.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use indexmap::{Equivalent, IndexMap};

use super::answer::StoreStats;
use super::memory::MemoryConfig;

/// Entries that an insertion looks at for what has expired.
const SWEEP: usize = 4;
/// Entries among which the one is chosen that has to go.
const SAMPLE: usize = 8;
const SHARDS: usize = 64;
/// Fewer shards where each would hold less than this.
const MIN_ENTRIES: usize = 256;
const MIN_BYTES: usize = 4 << 20;
/// About what an entry takes beside its key and value.
const OVERHEAD: usize = 32;

/// Finds the entry of a key without a copy of it.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    hash: u64,
    space: u128,
    key: &'a [u8],
}

struct Key {
    hash: u64,
    space: u128,
    key: Box<[u8]>,
}

impl Hash for Probe<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (self.space, &self.key) == (other.space, &other.key)
    }
}

impl Eq for Key {}

impl Equivalent<Key> for Probe<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.space == key.space && *self.key == *key.key
    }
}

/// Keys bring their hash along.
#[derive(Default)]
pub(super) struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

pub(super) struct Map<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    hasher: RandomState,
    evictions: AtomicU64,
}

pub(super) struct Shard<V> {
    entries: IndexMap<Key, Entry<V>, BuildHasherDefault<Same>>,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
    cursor: usize,
    dice: u64,
    evicted: u64,
}

pub(super) struct Entry<V> {
    pub(super) value: V,
    /// Steady microseconds; `u64::MAX` for never.
    pub(super) expires_us: u64,
    bytes: usize,
}

impl<V> Map<V> {
    pub(super) fn new(config: &MemoryConfig) -> Self {
        let shards = SHARDS
            .min(config.max_entries / MIN_ENTRIES)
            .min(config.max_bytes / MIN_BYTES)
            .max(1);
        let hasher = RandomState::new();
        let shards = (0..shards)
            .map(|i| {
                Mutex::new(Shard {
                    entries: IndexMap::default(),
                    bytes: 0,
                    max_entries: (config.max_entries / shards).max(1),
                    max_bytes: config.max_bytes / shards,
                    cursor: 0,
                    dice: hasher.hash_one(i) | 1,
                    evicted: 0,
                })
            })
            .collect();
        Self {
            shards,
            hasher,
            evictions: AtomicU64::new(0),
        }
    }

    /// Lends the shard of a key, locked.
    pub(super) fn with<R>(
        &self,
        space: u128,
        key: &[u8],
        use_it: impl FnOnce(&mut Shard<V>, Probe<'_>) -> R,
    ) -> Option<R> {
        let mut state = self.hasher.build_hasher();
        state.write_u64(space as u64);
        state.write(key);
        let hash = state.finish();
        let probe = Probe { hash, space, key };
        // The map uses the ends of a hash, so the shard is chosen by its middle.
        let middle = usize::try_from(hash >> 24 & 0xffff).unwrap_or(0);
        let shard = self.shards.get(middle % self.shards.len().max(1))?;
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let done = use_it(&mut shard, probe);
        let evicted = std::mem::take(&mut shard.evicted);
        drop(shard);
        if evicted > 0 {
            self.evictions.fetch_add(evicted, Ordering::Relaxed);
        }
        Some(done)
    }

    /// Shows all entries: space, key, value. One shard is locked at a time.
    pub(super) fn each(&self, mut show: impl FnMut(u128, &[u8], &mut V)) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, entry) in &mut shard.entries {
                show(key.space, &key.key, &mut entry.value);
            }
        }
    }

    pub(super) fn usage(&self) -> StoreStats {
        let mut stats = StoreStats {
            evictions: self.evictions.load(Ordering::Relaxed),
            ..StoreStats::default()
        };
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            stats.entries += shard.entries.len() as u64;
            stats.bytes += shard.bytes as u64;
        }
        stats
    }
}

impl<V> Shard<V> {
    /// The entry of a key, be it expired or not.
    pub(super) fn find(&mut self, probe: Probe<'_>) -> Option<&mut Entry<V>> {
        self.entries.get_mut(&probe)
    }

    /// Whether an entry of this size can be held at all.
    pub(super) fn holds(&self, probe: Probe<'_>, heap: usize) -> bool {
        weight::<V>(probe.key.len(), heap) <= self.max_bytes
    }

    /// Puts a value in, with `heap` bytes of its own, instead of what was there.
    pub(super) fn put(
        &mut self,
        probe: Probe<'_>,
        value: V,
        heap: usize,
        expires_us: u64,
        now_us: u64,
    ) {
        self.remove(probe);
        let bytes = weight::<V>(probe.key.len(), heap);
        self.sweep(now_us);
        while !self.entries.is_empty()
            && (self.entries.len() >= self.max_entries || self.bytes + bytes > self.max_bytes)
        {
            self.evict(None, now_us);
        }
        let key = Key {
            hash: probe.hash,
            space: probe.space,
            key: probe.key.into(),
        };
        self.bytes += bytes;
        self.entries.insert(
            key,
            Entry {
                value,
                expires_us,
                bytes,
            },
        );
    }

    /// Tells how much the value of a key takes now, where that has changed.
    pub(super) fn grown(&mut self, probe: Probe<'_>, heap: usize, now_us: u64) {
        let Some((index, _, entry)) = self.entries.get_full_mut(&probe) else {
            return;
        };
        let bytes = weight::<V>(probe.key.len(), heap);
        let before = std::mem::replace(&mut entry.bytes, bytes);
        self.bytes = self.bytes.saturating_sub(before) + bytes;
        let mut index = Some(index);
        while self.bytes > self.max_bytes && self.entries.len() > 1 {
            self.evict(index, now_us);
            index = self.entries.get_index_of(&probe);
        }
    }

    /// Takes out what a key has.
    pub(super) fn remove(&mut self, probe: Probe<'_>) -> Option<Entry<V>> {
        let entry = self.entries.swap_remove(&probe)?;
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        Some(entry)
    }

    fn remove_at(&mut self, index: usize) {
        if let Some((_, entry)) = self.entries.swap_remove_index(index) {
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
    }

    fn sweep(&mut self, now_us: u64) {
        for _ in 0..SWEEP {
            if self.cursor >= self.entries.len() {
                self.cursor = 0;
            }
            match self.entries.get_index(self.cursor) {
                Some((_, entry)) if entry.expires_us <= now_us => self.remove_at(self.cursor),
                Some(_) => self.cursor += 1,
                None => return,
            }
        }
    }

    /// Makes one entry go, but not the one at `keep`.
    fn evict(&mut self, keep: Option<usize>, now_us: u64) {
        let n = self.entries.len().max(1);
        let mut soonest: Option<(u64, usize)> = None;
        for _ in 0..SAMPLE {
            let mut index = self.roll_dice() % n;
            if Some(index) == keep {
                index = (index + 1) % n;
            }
            let Some((_, entry)) = self.entries.get_index(index) else {
                continue;
            };
            if soonest.is_none_or(|(us, _)| entry.expires_us < us) {
                soonest = Some((entry.expires_us, index));
            }
        }
        if let Some((expires_us, index)) = soonest {
            self.remove_at(index);
            self.evicted += u64::from(expires_us > now_us);
        }
    }

    /// xorshift: which entries are looked at need not be a secret.
    fn roll_dice(&mut self) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice >> 33).unwrap_or(0)
    }
}

fn weight<V>(key: usize, heap: usize) -> usize {
    key + heap + size_of::<Key>() + size_of::<Entry<V>>() + OVERHEAD
}
