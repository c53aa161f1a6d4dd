//! How long one call may run: CPU time of its thread, looked at only when the
//! engine's clock says that the call has lasted suspiciously long.

use std::fmt;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::ticker::{ROUND, TICK};

/// The longest time without a look, in ticks: half a round of the ticker, so
/// that a running call keeps it awake.
const MAX_TICKS: u64 = ROUND as u64 / 2;
/// The first look comes after this part of the deadline. What CPU time was used
/// before it is not known, and forgiven, unless the ticks until then are more
/// than a call may last: one call of the host can take very long.
const FIRST_LOOK: u32 = 8;
/// A call may wait for its turn on the CPU, but not for ever.
const WALL_FACTOR: u32 = 10;

/// The deadline of one instance's calls, and what is known of the present one.
#[derive(Debug)]
pub(crate) struct Deadline {
    limit: Duration,
    first_ticks: u64,
    /// The ticker's count when the call began.
    begun_at: u64,
    begun: Option<Look>,
    paused: Option<Look>,
}

/// One look at the clocks.
#[derive(Debug, Clone, Copy)]
struct Look {
    cpu: Duration,
    wall: Instant,
}

impl Look {
    fn now() -> Self {
        Self {
            cpu: thread_cpu_time(),
            wall: Instant::now(),
        }
    }
}

/// The error that ends a call that ran too long.
#[derive(Debug)]
pub(super) struct Exceeded;

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call ran for longer than its deadline")
    }
}

impl std::error::Error for Exceeded {}

impl Deadline {
    /// Calls may use this much CPU time.
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            first_ticks: ticks(limit / FIRST_LOOK),
            begun_at: 0,
            begun: None,
            paused: None,
        }
    }

    /// A call begins when the ticker stands at `now`; gives the ticks to the first look.
    #[inline]
    pub(super) fn begin(&mut self, now: u64) -> u64 {
        self.begun_at = now;
        self.begun = None;
        self.first_ticks
    }

    /// The same for a call that may wait: it could hide what it uses between
    /// two waits, so nothing is forgiven.
    pub(super) fn begin_counted(&mut self) -> u64 {
        self.begun = Some(Look::now());
        self.paused = None;
        self.first_ticks
    }

    /// The call waits: what its thread does meanwhile is for others.
    pub(crate) fn pause(&mut self) {
        let now = Look::now();
        self.begun.get_or_insert(now);
        self.paused = Some(now);
    }

    /// The call goes on; gives the ticks to the next look, if it has time left.
    pub(crate) fn resume(&mut self) -> Result<u64, Exceeded> {
        self.go_on(Look::now())
    }

    fn go_on(&mut self, now: Look) -> Result<u64, Exceeded> {
        if let (Some(begun), Some(paused)) = (&mut self.begun, self.paused.take()) {
            begun.cpu += now.cpu.saturating_sub(paused.cpu);
            begun.wall += now.wall.saturating_duration_since(paused.wall);
        }
        self.judge(now)
    }

    /// The clock has reached the call's deadline, and the ticker stands at
    /// `at`: more ticks, or the end.
    pub(super) fn look(&mut self, at: u64) -> Result<u64, Exceeded> {
        self.first(Look::now(), at)
    }

    fn first(&mut self, now: Look, at: u64) -> Result<u64, Exceeded> {
        if self.begun.is_none() {
            let passed = u32::try_from(at.saturating_sub(self.begun_at)).unwrap_or(u32::MAX);
            let passed = TICK.saturating_mul(passed);
            if passed >= self.limit * WALL_FACTOR {
                return Err(Exceeded);
            }
            self.begun = Some(Look {
                wall: now.wall.checked_sub(passed).unwrap_or(now.wall),
                ..now
            });
        }
        self.judge(now)
    }

    fn judge(&mut self, now: Look) -> Result<u64, Exceeded> {
        let begun = *self.begun.get_or_insert(now);
        let used = now.cpu.saturating_sub(begun.cpu);
        let waited = now.wall.saturating_duration_since(begun.wall);
        if used >= self.limit || waited >= self.limit * WALL_FACTOR {
            Err(Exceeded)
        } else {
            Ok(ticks(self.limit - used))
        }
    }
}

fn ticks(time: Duration) -> u64 {
    let ticks = time.as_micros().div_ceil(TICK.as_micros());
    u64::try_from(ticks)
        .unwrap_or(MAX_TICKS)
        .clamp(1, MAX_TICKS)
}

fn thread_cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn cpu_time_counts_and_waiting_does_not() {
        let mut deadline = Deadline::new(50 * MS);
        assert_eq!(deadline.begin(0), 2);
        let start = Look {
            cpu: 7 * MS,
            wall: Instant::now(),
        };
        let after = |cpu, wall| Look {
            cpu: start.cpu + cpu,
            wall: start.wall + wall,
        };
        assert_eq!(deadline.judge(start).ok(), Some(13));
        assert_eq!(deadline.judge(after(10 * MS, 300 * MS)).ok(), Some(10));
        assert!(deadline.judge(after(50 * MS, 350 * MS)).is_err());
    }

    #[test]
    fn waiting_has_an_end() {
        let mut deadline = Deadline::new(50 * MS);
        let start = Look {
            cpu: MS,
            wall: Instant::now(),
        };
        assert!(deadline.judge(start).is_ok());
        let late = Look {
            cpu: 2 * MS,
            wall: start.wall + 500 * MS,
        };
        assert!(deadline.judge(late).is_err());
    }

    #[test]
    fn what_others_use_during_a_wait_does_not_count() {
        let mut deadline = Deadline::new(50 * MS);
        let start = Look {
            cpu: MS,
            wall: Instant::now(),
        };
        let after = |ms: u32| Look {
            cpu: start.cpu + ms * MS,
            wall: start.wall + ms * MS,
        };
        deadline.begun = Some(start);
        deadline.paused = Some(after(10));
        assert_eq!(deadline.go_on(after(1000)).ok(), Some(10));
        assert_eq!(deadline.judge(after(1030)).ok(), Some(3));
        assert!(deadline.judge(after(1040)).is_err());
    }

    #[test]
    fn who_waits_in_the_end_gets_no_time_for_it() {
        let mut deadline = Deadline::new(50 * MS);
        let start = Look {
            cpu: MS,
            wall: Instant::now(),
        };
        let after = |ms: u32| Look {
            cpu: start.cpu + ms * MS,
            wall: start.wall + ms * MS,
        };
        deadline.begun = Some(start);
        deadline.paused = Some(after(50));
        assert!(deadline.go_on(after(1000)).is_err());
    }

    #[test]
    fn a_first_look_that_comes_far_too_late_is_the_last() {
        let mut deadline = Deadline::new(20 * MS);
        let now = Look {
            cpu: MS,
            wall: Instant::now(),
        };
        deadline.begin(1000);
        assert!(deadline.first(now, 1049).is_ok(), "it may have been others");
        deadline.begin(1000);
        assert!(deadline.first(now, 1050).is_err(), "200 ms");
        deadline.begin(1050);
        assert!(deadline.first(now, 1051).is_ok(), "each call begins anew");
    }

    #[test]
    fn each_call_begins_anew() {
        let mut deadline = Deadline::new(MS);
        let start = Look {
            cpu: MS,
            wall: Instant::now(),
        };
        let spent = Look {
            cpu: 3 * MS,
            wall: start.wall,
        };
        assert!(deadline.judge(start).is_ok());
        assert!(deadline.judge(spent).is_err());
        assert_eq!(deadline.begin(0), 1);
        assert!(deadline.judge(spent).is_ok());
    }

    #[test]
    fn a_long_deadline_is_looked_at_often() {
        let mut deadline = Deadline::new(10_000 * MS);
        assert_eq!(deadline.begin(0), MAX_TICKS);
        let now = Look {
            cpu: MS,
            wall: Instant::now(),
        };
        assert_eq!(deadline.judge(now).ok(), Some(MAX_TICKS));
    }
}
