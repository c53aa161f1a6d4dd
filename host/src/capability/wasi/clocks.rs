//! `wasi:clocks`: real time, and no timer to wait for.

use std::time::{Instant, SystemTime};

use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource};
use wasmtime::{Result, StoreContextMut};

use super::io::{LATER, Pollable, READY};
use crate::capability::clock::monotonic_ns;
use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;

/// `wall-clock.datetime`
#[derive(ComponentType, Lower)]
#[component(record)]
struct DateTime {
    #[component(name = "seconds")]
    seconds: u64,
    #[component(name = "nanoseconds")]
    nanoseconds: u32,
}

pub(super) fn monotonic(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    let start = Instant::now();
    linker.func_wrap("now", move |_: Store, (): ()| Ok((monotonic_ns(start),)))?;
    linker.func_wrap("resolution", |_: Store, (): ()| Ok((1u64,)))?;
    linker.func_wrap("subscribe-instant", move |_: Store, (when,): (u64,)| {
        Ok((timer(when <= monotonic_ns(start)),))
    })?;
    linker.func_wrap("subscribe-duration", |_: Store, (wait,): (u64,)| {
        Ok((timer(wait == 0),))
    })
}

fn timer(over: bool) -> Resource<Pollable> {
    Resource::new_own(if over { READY } else { LATER })
}

pub(super) fn wall(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("now", |_: Store, (): ()| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        Ok((DateTime {
            seconds: since.as_secs(),
            nanoseconds: since.subsec_nanos(),
        },))
    })?;
    linker.func_wrap("resolution", |_: Store, (): ()| {
        Ok((DateTime {
            seconds: 0,
            nanoseconds: 1,
        },))
    })
}
