//! The scripts count as memory does: both play the same schedules by a clock
//! that the test moves, and every number of every ticket must be the same.

use std::time::Duration;

use proptest::prelude::*;
use redis::{Arg, Cmd, Connection, Value};

use super::*;
use crate::store::redis::keys::Names;
use crate::store::redis::script::{self, Taken, Taking};
use crate::store::{Clock, Hands, MemoryConfig};

/// 2026-11-27T00:00:00Z: a month ends soon.
const FRIDAY_MS: u64 = 20_784 * 86_400_000;

/// Runs a call at a moment that the test chose.
fn at(now_us: u64, cmd: &Cmd, server: &mut Connection) -> Value {
    let whole = script::whole(cmd).unwrap();
    let mut args = whole.args_iter().filter_map(|arg| match arg {
        Arg::Simple(arg) => Some(arg),
        _ => None,
    });
    let (_, text) = (args.next(), args.next().unwrap());
    let text = String::from_utf8(text.to_vec()).unwrap();
    let replace = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    let clock = format!("{{ '{}', '{}' }}", now_us / 1_000_000, now_us % 1_000_000);
    let text = replace(&text, "redis.call('TIME')", &clock);
    // Keys expire by the clock of the server, which is not this one.
    let expires = ", 'PX', string.format('%.0f', max(ttl_ms, 1))";
    let text = replace(&text, expires, "");
    let mut cmd = redis::cmd("EVAL");
    cmd.arg(text);
    for arg in args {
        cmd.arg(arg);
    }
    cmd.query(server).unwrap()
}

struct Bench {
    _server: Server,
    connection: Connection,
    names: Names,
}

impl Bench {
    fn new() -> Self {
        let server = Server::start();
        let connection = server.connection();
        Self {
            _server: server,
            connection,
            names: Names::new("p"),
        }
    }

    fn take(&mut self, now_us: u64, set: &LimitSet, taking: Taking) -> Taken {
        let cmd = script::take(&self.names, set, b"k", taking);
        let answer = at(now_us, &cmd, &mut self.connection);
        script::taken(set, taking.cost, &answer, 1).unwrap()
    }

    fn give(&mut self, now_us: u64, set: &LimitSet, units: u64, marks: &[u64]) {
        let cmd = script::give(&self.names, set, b"k", units, marks);
        at(now_us, &cmd, &mut self.connection);
    }

    fn forget(&mut self) {
        let _: Value = redis::cmd("FLUSHALL").query(&mut self.connection).unwrap();
    }
}

fn taking(cost: u64, charge: bool) -> Taking {
    Taking {
        charge,
        cost,
        share: 0,
        live_us: 0,
    }
}

fn any_limits() -> impl Strategy<Value = Vec<Limit>> {
    let one = prop_oneof![
        4 => (1u64..5000, 0u8..3),
        1 => (prop_oneof![Just(1), Just(59), Just(61), Just(86_400_000), Just(3_600_000)], 0u8..3),
        1 => (Just(0), 3u8..6),
    ];
    let sizes = prop_oneof![
        4 => (1u64..30, 1u64..30),
        1 => (1u64..2_000_000_000, 1u64..2_000_000_000),
    ];
    let one = (one, sizes).prop_map(|((ms, which), (amount, burst))| Limit {
        name: String::new(),
        amount,
        // A bucket has to be full again within a year.
        burst: burst.min(amount.saturating_mul(100)),
        window: match which {
            3 => Window::Day,
            4 => Window::Week,
            5 => Window::Month,
            _ => Window::Ms(ms),
        },
        algorithm: match which {
            0 => Algorithm::SlidingWindow,
            1 | 3..6 => Algorithm::FixedWindow,
            _ => Algorithm::TokenBucket,
        },
    });
    prop::collection::vec(one, 1..4).prop_map(|mut limits| {
        for (i, limit) in limits.iter_mut().enumerate() {
            limit.name = i.to_string();
        }
        limits
    })
}

/// Microseconds that pass, what it costs, and whether it is a charge.
fn steps() -> impl Strategy<Value = Vec<(u64, u64, bool)>> {
    let gap = prop_oneof![
        6 => 0u64..400_000,
        2 => 0u64..6_000_000,
        1 => 0u64..100_000_000_000,
    ];
    let cost = prop_oneof![8 => 0u64..6, 1 => 0u64..40, 1 => 0u64..900_000_000];
    prop::collection::vec((gap, cost, prop::bool::weighted(0.1)), 1..60)
}

#[test]
fn the_scripts_count_as_memory_does() {
    let mut bench = Bench::new();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(150));
    let bench = std::cell::RefCell::new(&mut bench);
    let outcome = runner.run(&(any_limits(), steps()), |(limits, steps)| {
        let mut bench = bench.borrow_mut();
        bench.forget();
        let set = set(Consistency::Strict, limits);
        let hands = Hands::at(FRIDAY_MS);
        let memory = Store::memory_with(MemoryConfig::default(), Clock::given(&hands));
        let mut now_us = FRIDAY_MS * 1000;
        for (gap, cost, charge) in steps {
            now_us += gap;
            hands.pass(Duration::from_micros(gap));
            let taken = bench.take(now_us, &set, taking(cost, charge));
            if charge {
                memory.charge_now(&set, b"k", cost).unwrap();
            } else {
                prop_assert_eq!(taken.ticket, memory.take_now(&set, b"k", cost).unwrap());
            }
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn what_is_given_back_is_as_if_it_had_never_been_taken() {
    let mut bench = Bench::new();
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        let set = set(Consistency::Lease, vec![limit("l", 100, 60_000, algorithm)]);
        let now_us = FRIDAY_MS * 1000;
        let taken = bench.take(
            now_us,
            &set,
            Taking {
                share: 50,
                live_us: 1000,
                ..taking(1, false)
            },
        );
        // A fair part of the 99 that were left.
        assert_eq!((taken.share, taken.ticket.standings[0].remaining), (12, 87));
        bench.give(now_us + 2_000_000, &set, 12, &taken.marks);
        let left = |bench: &mut Bench, later_us: u64| {
            bench
                .take(now_us + later_us, &set, taking(0, false))
                .ticket
                .standings[0]
                .remaining
        };
        assert_eq!(left(&mut bench, 2_000_000), 99);
        // In another window it is too late.
        assert_eq!(left(&mut bench, 200_000_000), 100);
        bench.take(now_us + 200_000_000, &set, taking(5, false));
        bench.give(now_us + 200_000_000, &set, 1, &taken.marks);
        assert_eq!(left(&mut bench, 200_000_000), 95);
    }
}

#[test]
fn another_amount_keeps_the_count_on_a_server_too() {
    let mut bench = Bench::new();
    for algorithm in [
        Algorithm::SlidingWindow,
        Algorithm::FixedWindow,
        Algorithm::TokenBucket,
    ] {
        bench.forget();
        let with = |amount, ms| set(Consistency::Strict, vec![limit("l", amount, ms, algorithm)]);
        let mut left = |amount, ms, cost| {
            let taken = bench.take(FRIDAY_MS * 1000, &with(amount, ms), taking(cost, false));
            taken.ticket.standings[0].remaining
        };
        assert_eq!(left(10, 60_000, 8), 2);
        // A bucket's owed time is rounded up when its pace changes.
        assert!([11, 12].contains(&left(20, 60_000, 0)));
        assert_eq!(left(5, 60_000, 0), 0);
        assert_eq!(left(10, 50_000, 0), 10);
    }
}

/// Processes hold shares, use them at random while they last, and give some back.
#[test]
fn shares_never_make_a_window_admit_more_than_its_limit() {
    let mut bench = Bench::new();
    let gap = prop_oneof![0u64..700_000, 0u64..60_000, Just(0)];
    let cost = prop_oneof![3 => 1u64..4, 1 => 1u64..40];
    let step = (gap, 0usize..3, cost, 0u64..30, prop::bool::weighted(0.15));
    let plan = (
        0u8..3,
        1u64..300,
        1u64..120,
        prop::collection::vec(step, 20..150),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(150));
    let bench = std::cell::RefCell::new(&mut bench);
    let outcome = runner.run(&plan, |(which, amount, burst, steps)| {
        let mut bench = bench.borrow_mut();
        bench.forget();
        let algorithm = [
            Algorithm::SlidingWindow,
            Algorithm::FixedWindow,
            Algorithm::TokenBucket,
        ][usize::from(which)];
        let window_ms = 6000;
        let limit = Limit {
            burst,
            ..limit("l", amount, window_ms, algorithm)
        };
        let set = set(Consistency::Lease, vec![limit]);
        let mut now_us = FRIDAY_MS * 1000;
        // What each process holds: units, until when, and from where.
        let mut held = [const { None::<(u64, u64, Vec<u64>)> }; 3];
        let mut used: Vec<(u64, u64)> = Vec::new();
        for (gap, process, cost, share, gives) in steps {
            now_us += gap;
            if let Some((units, until_us, _)) = &mut held[process]
                && *units >= cost
                && now_us < *until_us
                && !gives
            {
                *units -= cost;
                used.push((now_us, cost));
                continue;
            }
            if let Some((units, _, marks)) = held[process].take() {
                bench.give(now_us, &set, units, &marks);
            }
            let taken = bench.take(
                now_us,
                &set,
                Taking {
                    share,
                    live_us: 400_000,
                    ..taking(cost, false)
                },
            );
            if taken.ticket.granted {
                used.push((now_us, cost));
                held[process] = Some((taken.share, now_us + taken.live_us, taken.marks));
            }
        }
        let window_us = window_ms * 1000;
        for (i, (from, _)) in used.iter().enumerate() {
            let mut sum = 0;
            for (to, cost) in &used[i..] {
                sum += cost;
                let holds = match algorithm {
                    Algorithm::SlidingWindow => to - from >= window_us || sum <= amount,
                    Algorithm::FixedWindow => to / window_us != from / window_us || sum <= amount,
                    Algorithm::TokenBucket => {
                        sum * window_us <= burst * window_us + amount * (to - from)
                    }
                };
                prop_assert!(holds, "{sum} of {amount} in {from}..{to}: {used:?}");
            }
        }
        Ok(())
    });
    outcome.unwrap();
}
