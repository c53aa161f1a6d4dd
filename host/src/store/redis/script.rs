//! What is asked of the server, each in one atomic step, and what it answers.

use std::sync::LazyLock;

use redis::{Arg, Cmd, Script, Value};

use super::keys::Names;
use super::link::unavailable;
use crate::store::answer::{Standing, StoreError, Ticket};
use crate::store::limit::{Algorithm, LimitSet, MAX_AMOUNT, Rule, Window};

const TAKE: &str = concat!(include_str!("common.lua"), include_str!("take.lua"));
const GIVE: &str = concat!(include_str!("common.lua"), include_str!("give.lua"));
const SWAP: &str = include_str!("swap.lua");

struct Named {
    text: &'static str,
    sha: String,
}

static SCRIPTS: LazyLock<[Named; 3]> = LazyLock::new(|| {
    [TAKE, GIVE, SWAP].map(|text| Named {
        text,
        sha: Script::new(text).get_hash().to_owned(),
    })
});

/// Whole numbers stay exact in a script up to here.
const EXACT: u64 = (1 << 53) - 1;
/// Microseconds: nothing is owed for longer.
const YEAR_US: u64 = 365 * 86_400_000_000;
/// The most that one share may be.
const MAX_SHARE: u64 = 1 << 30;

/// A call of a script by its digest.
fn call(script: usize, keys: &[String]) -> Cmd {
    let sha = SCRIPTS.get(script).map_or("", |s| s.sha.as_str());
    let mut cmd = redis::cmd("EVALSHA");
    cmd.arg(sha).arg(keys.len());
    for key in keys {
        cmd.arg(key);
    }
    cmd
}

/// The same call with the script's text, for a server that does not know it.
pub(super) fn whole(cmd: &Cmd) -> Option<Cmd> {
    let mut args = cmd.args_iter().skip(1);
    let Some(Arg::Simple(sha)) = args.next() else {
        return None;
    };
    let script = SCRIPTS.iter().find(|s| s.sha.as_bytes() == sha)?;
    let mut cmd = redis::cmd("EVAL");
    cmd.arg(script.text);
    for arg in args {
        if let Arg::Simple(arg) = arg {
            cmd.arg(arg);
        }
    }
    Some(cmd)
}

/// What to take.
#[derive(Clone, Copy)]
pub(in crate::store) struct Taking {
    /// Counted even beyond the limits.
    pub(in crate::store) charge: bool,
    pub(in crate::store) cost: u64,
    /// How much more is wanted, for later.
    pub(in crate::store) share: u64,
    /// How long a share of a bucket may live, in microseconds.
    pub(in crate::store) live_us: u64,
}

/// What was taken.
#[derive(Debug)]
pub(in crate::store) struct Taken {
    pub(in crate::store) ticket: Ticket,
    /// How much more than the cost.
    pub(in crate::store) share: u64,
    /// How long that may be used, from when it was taken.
    pub(in crate::store) live_us: u64,
    /// What the share has to be given back to: a number for each limit.
    pub(in crate::store) marks: Vec<u64>,
    /// The number of the connection that it was taken on.
    pub(in crate::store) connection: u64,
}

pub(super) fn keys(names: &Names, set: &LimitSet, key: &[u8]) -> Vec<String> {
    let limits = set.limits().iter();
    limits
        .map(|limit| names.counter(set.namespace(), key, limit))
        .collect()
}

pub(super) fn take(names: &Names, set: &LimitSet, key: &[u8], taking: Taking) -> Cmd {
    let mut cmd = call(0, &keys(names, set, key));
    let cost = taking.cost.min(MAX_AMOUNT + 1);
    let need = cost.max(1);
    let most = set.rules().iter().map(max_share).min().unwrap_or(0);
    cmd.arg(u8::from(taking.charge))
        .arg(need)
        .arg(cost)
        .arg(taking.share.min(most))
        .arg(taking.live_us);
    for rule in set.rules() {
        numbers(&mut cmd, rule, need, cost);
    }
    cmd
}

pub(super) fn give(names: &Names, set: &LimitSet, key: &[u8], units: u64, marks: &[u64]) -> Cmd {
    let mut cmd = call(1, &keys(names, set, key));
    cmd.arg(units);
    for (rule, mark) in set.rules().iter().zip(marks) {
        numbers(&mut cmd, rule, 0, 0);
        cmd.arg(*mark);
    }
    cmd
}

pub(super) fn swap(key: &str, expected: Option<&[u8]>, value: &[u8], ttl_ms: Option<u64>) -> Cmd {
    let mut cmd = call(2, &[key.to_owned()]);
    cmd.arg(u8::from(expected.is_some()))
        .arg(expected.unwrap_or_default())
        .arg(value);
    match ttl_ms {
        Some(ms) => cmd.arg(ms),
        None => cmd.arg(""),
    };
    cmd
}

/// The numbers of a limit: what `limit` in `common.lua` reads.
fn numbers(cmd: &mut Cmd, rule: &Rule, need: u64, cost: u64) {
    let kind: u8 = match rule.algorithm {
        Algorithm::SlidingWindow => 0,
        Algorithm::FixedWindow => 1,
        Algorithm::TokenBucket => 2,
    };
    let window: u8 = match rule.window {
        Window::Ms(_) => 0,
        Window::Day => 1,
        Window::Week => 2,
        Window::Month => 3,
    };
    cmd.arg(kind)
        .arg(window)
        .arg(rule.window_ms)
        .arg(rule.amount)
        .arg(rule.slot_ms)
        .arg(rule.slots);
    for tokens in [rule.burst, 1, need, cost] {
        let (us, rest) = micros(rule, tokens);
        cmd.arg(us).arg(rest);
    }
}

/// How long a bucket takes to gain so many tokens: whole microseconds, and the
/// rest in parts of one by the amount.
fn micros(rule: &Rule, tokens: u64) -> (u64, u64) {
    if rule.algorithm != Algorithm::TokenBucket {
        return (0, 0);
    }
    let amount = u128::from(rule.amount.max(1));
    let whole = u128::from(tokens) * u128::from(rule.window_ms) * 1000;
    // More than two years is never granted, and a charge is cut to one.
    match u64::try_from(whole / amount) {
        Ok(us) if us <= 2 * YEAR_US => (us, u64::try_from(whole % amount).unwrap_or(0)),
        _ => (2 * YEAR_US, 0),
    }
}

/// What is left of a limit: of a bucket the script says how long that takes to gain.
fn tokens(rule: &Rule, left: u64, rest: u64) -> u64 {
    if rule.algorithm != Algorithm::TokenBucket {
        return left;
    }
    let whole = u128::from(left) * u128::from(rule.amount) + u128::from(rest);
    let per_token = u128::from(rule.window_ms.max(1)) * 1000;
    u64::try_from(whole / per_token).unwrap_or(u64::MAX)
}

/// A share whose time is a product of numbers that stay exact.
fn max_share(rule: &Rule) -> u64 {
    let (_, rest) = micros(rule, 1);
    MAX_SHARE.min(EXACT / rest.max(1))
}

/// Reads the answer of `take.lua`, which came on this connection.
pub(super) fn taken(
    set: &LimitSet,
    cost: u64,
    value: &Value,
    connection: u64,
) -> Result<Taken, StoreError> {
    let strange = || unavailable("the answer of the script is not understood");
    let Value::Array(items) = value else {
        return Err(strange());
    };
    let mut numbers = items.iter().map(|item| match item {
        Value::Int(n) => u64::try_from(*n).ok(),
        _ => None,
    });
    let mut next = || numbers.next().flatten().ok_or_else(strange);
    let (granted, share, live_us) = (next()? == 1, next()?, next()?);
    let mut standings = Vec::with_capacity(set.rules().len());
    let mut marks = Vec::with_capacity(set.rules().len());
    for rule in set.rules() {
        let (left, rest) = (next()?, next()?);
        let mut standing = Standing {
            remaining: tokens(rule, left, rest),
            reset_ms: next()?,
            retry_ms: next()?,
        };
        marks.push(next()?);
        if !granted && cost > rule.capacity() {
            standing.retry_ms = rule.window_ms;
        }
        standings.push(standing);
    }
    Ok(Taken {
        ticket: Ticket { granted, standings },
        share,
        live_us,
        marks,
        connection,
    })
}
