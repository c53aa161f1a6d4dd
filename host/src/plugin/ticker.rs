//! The engine's clock: a thread that counts ticks while hooks run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// The unit of epoch deadlines. Each tick wakes a thread, which a worker on the
/// same core pays for: shorter ticks cost more than they find.
pub(super) const TICK: Duration = Duration::from_millis(4);
/// Ticks between two looks at whether anybody still needs the clock.
pub(super) const ROUND: u32 = 250;

/// A hook has run since the last look.
const RECENT: u8 = 0;
/// None has.
const STALE: u8 = 1;
/// The clock stands.
const PARKED: u8 = 2;
/// The clock is not needed any more.
const STOPPED: u8 = 3;

/// Increments the engine's epoch each tick. It stands still when no hook
/// has run for a second, and costs nothing then.
///
/// A call that lasts longer than a round keeps the clock going: its deadline
/// callback, which runs at least twice a round, calls [`Ticker::touch`].
pub(super) struct Ticker {
    seen: Arc<Seen>,
    thread: Thread,
}

/// What both sides see of the clock.
struct Seen {
    state: AtomicU8,
    /// Ticks so far; written by the clock's thread alone.
    ticks: AtomicU64,
}

impl Ticker {
    /// Starts the thread.
    pub(super) fn start(engine: &Engine) -> std::io::Result<Self> {
        let seen = Arc::new(Seen {
            state: AtomicU8::new(RECENT),
            ticks: AtomicU64::new(0),
        });
        let (engine, shared) = (engine.clone(), seen.clone());
        let handle = thread::Builder::new()
            .name("sluice-epoch".into())
            .stack_size(64 * 1024)
            .spawn(move || run(&engine, &shared))?;
        Ok(Self {
            seen,
            thread: handle.thread().clone(),
        })
    }

    /// Says that a deadline is about to be needed.
    #[inline]
    pub(super) fn touch(&self) {
        if self.seen.state.load(Ordering::Relaxed) != RECENT {
            self.wake();
        }
    }

    /// Ticks so far. They stand still with the clock.
    #[inline]
    pub(super) fn ticks(&self) -> u64 {
        self.seen.ticks.load(Ordering::Relaxed)
    }

    #[cold]
    fn wake(&self) {
        if self.seen.state.swap(RECENT, Ordering::AcqRel) == PARKED {
            self.thread.unpark();
        }
    }

    /// Whether the clock stands.
    #[cfg(test)]
    pub(super) fn parked(&self) -> bool {
        self.seen.state.load(Ordering::Acquire) == PARKED
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.seen.state.store(STOPPED, Ordering::Release);
        self.thread.unpark();
    }
}

fn run(engine: &Engine, seen: &Seen) {
    let state = &seen.state;
    let mut ticks = 0;
    loop {
        for _ in 0..ROUND {
            thread::sleep(TICK);
            ticks += 1;
            // Before the epoch: who is stopped by that one must see this.
            seen.ticks.store(ticks, Ordering::Relaxed);
            engine.increment_epoch();
            if state.load(Ordering::Relaxed) == STOPPED {
                return;
            }
        }
        let turn = |from, to| {
            state
                .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        };
        if !turn(RECENT, STALE) && turn(STALE, PARKED) {
            while state.load(Ordering::Acquire) == PARKED {
                thread::park();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// Waits for a state that comes by itself.
    fn eventually(what: impl Fn() -> bool) -> bool {
        let began = Instant::now();
        while !what() && began.elapsed() < Duration::from_secs(60) {
            thread::park_timeout(10 * TICK);
        }
        what()
    }

    #[test]
    fn the_clock_stands_while_nobody_needs_it() {
        let ticker = Ticker::start(&Engine::default()).unwrap();
        assert!(eventually(|| ticker.parked()));
        let before = ticker.ticks();
        ticker.touch();
        assert!(!ticker.parked());
        assert!(eventually(|| ticker.parked()), "it ran, and stopped again");
        assert!(ticker.ticks() > before);
    }
}
