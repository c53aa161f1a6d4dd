//! When calls fail one after the other, the next ones fail at once, and only
//! one in a while is let through to see whether that has changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many failures in a row open it.
const FAILURES: u32 = 5;
const OPEN_FOR: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Breaker {
    open: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    /// While it is open: when the next call may try.
    try_at: Option<Instant>,
}

impl Breaker {
    /// Whether a call may go ahead.
    pub(super) fn admits(&self, now: Instant) -> bool {
        if !self.is_open() {
            return true;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.try_at {
            Some(at) if now < at => false,
            Some(_) => {
                // One tries; the others wait for what becomes of it, or for another turn.
                state.try_at = Some(now + pause());
                true
            }
            None => true,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// A call got its answer, or a new connection was made.
    pub(super) fn worked(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State::default();
        self.open.store(false, Ordering::Relaxed);
    }

    /// A call failed. True where that opened it.
    pub(super) fn failed(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        if state.failures < FAILURES {
            return false;
        }
        let opens = state.try_at.is_none();
        state.try_at = Some(now + pause());
        self.open.store(true, Ordering::Relaxed);
        opens
    }
}

fn pause() -> Duration {
    super::jitter(OPEN_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_and_one_success_closes_it() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..4 {
            assert!(!breaker.failed(now));
        }
        breaker.worked();
        for _ in 0..4 {
            assert!(!breaker.failed(now) && breaker.admits(now));
        }
        assert!(breaker.failed(now) && !breaker.admits(now));
        breaker.worked();
        assert!(breaker.admits(now));
    }

    #[test]
    fn one_call_in_a_while_is_let_through() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..5 {
            breaker.failed(now);
        }
        let later = now + 2 * OPEN_FOR;
        let tries = (0..100).filter(|_| breaker.admits(later)).count();
        assert_eq!(tries, 1);
        assert!(!breaker.failed(later) && !breaker.admits(later));
        assert!(breaker.admits(later + 2 * OPEN_FOR));
    }
}
