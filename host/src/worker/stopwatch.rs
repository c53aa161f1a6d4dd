//! How long things took that follow one another.

use std::time::{Duration, Instant};

/// Reads the clock once between two laps: the end of one is the beginning of the next.
#[derive(Debug, Default)]
pub struct Stopwatch {
    lap: Option<Instant>,
    total: Duration,
}

impl Stopwatch {
    /// A lap begins now. What was before it belongs to none.
    #[inline]
    pub fn start(&mut self) {
        self.lap = Some(Instant::now());
    }

    /// When the last lap ended, or the present one began where none has.
    #[inline]
    pub fn last(&self) -> Option<Instant> {
        self.lap
    }

    /// A lap ends, and the next begins; how long it took.
    #[inline]
    pub fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let begun = self.lap.replace(now).unwrap_or(now);
        let took = now.saturating_duration_since(begun);
        self.total += took;
        took
    }

    /// All laps together.
    pub fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laps_follow_one_another_and_pauses_belong_to_none() {
        let mut watch = Stopwatch::default();
        assert_eq!(watch.lap(), Duration::ZERO, "it was never started");
        let begun = watch.lap.unwrap();
        let first = watch.lap();
        let between = watch.lap.unwrap();
        assert_eq!(first, between - begun);
        watch.start();
        let second = watch.lap();
        assert!(watch.lap.unwrap() - second >= between);
        assert_eq!(watch.total(), first + second);
    }
}
