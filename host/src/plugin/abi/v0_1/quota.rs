//! `quota`: limits that count right.

use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower, WasmStr};
use wasmtime::{Result, StoreContextMut};

use super::Pace;
use super::types::StoreError;
use crate::capability::quota::{self, OpenLimits};
use crate::plugin::state::{State, wait};
use crate::store;

type Store<'a> = StoreContextMut<'a, State>;
type Take = (u32, WasmStr, u64);
type Taken<T> = (std::result::Result<T, StoreError>,);
type Charged = (std::result::Result<(), StoreError>,);

/// `quota.algorithm`
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "guests make them")]
enum Algorithm {
    #[component(name = "sliding-window")]
    SlidingWindow,
    #[component(name = "fixed-window")]
    FixedWindow,
    #[component(name = "token-bucket")]
    TokenBucket,
}

/// `quota.window`
#[derive(ComponentType, Lift)]
#[component(variant)]
enum Window {
    #[component(name = "ms")]
    Ms(u64),
    #[component(name = "day")]
    Day,
    #[component(name = "week")]
    Week,
    #[component(name = "month")]
    Month,
}

/// `quota.limit`
#[derive(ComponentType, Lift)]
#[component(record)]
struct Limit {
    #[component(name = "name")]
    name: String,
    #[component(name = "amount")]
    amount: u64,
    #[component(name = "window")]
    window: Window,
    #[component(name = "algorithm")]
    algorithm: Algorithm,
    #[component(name = "burst")]
    burst: u64,
}

/// `quota.consistency`
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "guests make them")]
enum Consistency {
    #[component(name = "strict")]
    Strict,
    #[component(name = "lease")]
    Lease,
}

/// `quota.standing`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Standing {
    #[component(name = "remaining")]
    remaining: u64,
    #[component(name = "reset-ms")]
    reset_ms: u64,
    #[component(name = "retry-ms")]
    retry_ms: u64,
}

/// `quota.ticket`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Ticket {
    #[component(name = "granted")]
    granted: bool,
    #[component(name = "standings")]
    standings: Vec<Standing>,
}

impl From<Limit> for store::Limit {
    fn from(limit: Limit) -> Self {
        Self {
            name: limit.name,
            amount: limit.amount,
            window: match limit.window {
                Window::Ms(ms) => store::Window::Ms(ms),
                Window::Day => store::Window::Day,
                Window::Week => store::Window::Week,
                Window::Month => store::Window::Month,
            },
            algorithm: match limit.algorithm {
                Algorithm::SlidingWindow => store::Algorithm::SlidingWindow,
                Algorithm::FixedWindow => store::Algorithm::FixedWindow,
                Algorithm::TokenBucket => store::Algorithm::TokenBucket,
            },
            burst: limit.burst,
        }
    }
}

impl From<store::Standing> for Standing {
    fn from(standing: store::Standing) -> Self {
        Self {
            remaining: standing.remaining,
            reset_ms: standing.reset_ms,
            retry_ms: standing.retry_ms,
        }
    }
}

/// What a plugin gets of a ticket.
trait OfTicket: From<store::Ticket> + ComponentType + Lower + 'static {}

/// `take`
impl OfTicket for Ticket {}

/// `admit`
impl OfTicket for Option<Vec<Standing>> {}

impl From<store::Ticket> for Option<Vec<Standing>> {
    fn from(ticket: store::Ticket) -> Self {
        let refused = (!ticket.granted).then_some(ticket.standings);
        refused.map(|standings| standings.into_iter().map(Into::into).collect())
    }
}

impl From<store::Ticket> for Ticket {
    fn from(ticket: store::Ticket) -> Self {
        Self {
            granted: ticket.granted,
            standings: ticket.standings.into_iter().map(Into::into).collect(),
        }
    }
}

pub(super) fn link(linker: &mut LinkerInstance<'_, State>, pace: Pace) -> Result<()> {
    linker.func_wrap(
        "open",
        |mut store: Store, (name, consistency, limits): (String, Consistency, Vec<Limit>)| {
            let State {
                scope,
                limit_sets,
                starting,
                ..
            } = store.data_mut();
            if !*starting {
                return Ok((Err("only `configure` may open limits".to_owned()),));
            }
            let consistency = match consistency {
                Consistency::Strict => store::Consistency::Strict,
                Consistency::Lease => store::Consistency::Lease,
            };
            let limits = limits.into_iter().map(Into::into).collect();
            Ok((quota::open(scope, limit_sets, &name, consistency, limits),))
        },
    )?;
    match pace {
        Pace::AtOnce => at_once(linker),
        Pace::Waiting => waiting(linker),
    }
}

fn at_once(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    take_at_once::<Ticket>(linker, "take")?;
    take_at_once::<Option<Vec<Standing>>>(linker, "admit")?;
    linker.func_wrap("charge", |mut store: Store, (handle, key, cost): Take| {
        let charged = {
            let key = key.to_str(&store)?;
            match find(store.data(), handle)? {
                Some(open) => open.store.charge_now(&open.set, key.as_bytes(), cost),
                None => return Ok((Err(StoreError::NotGranted),)),
            }
        };
        Ok(counted(store.data_mut(), cost, charged))
    })
}

fn take_at_once<T: OfTicket>(linker: &mut LinkerInstance<'_, State>, name: &str) -> Result<()> {
    linker.func_wrap(name, |mut store: Store, (handle, key, cost): Take| {
        let taken = {
            let key = key.to_str(&store)?;
            match find(store.data(), handle)? {
                Some(open) => open.store.take_now(&open.set, key.as_bytes(), cost),
                None => return Ok(not_granted::<T>()),
            }
        };
        Ok(told(store.data_mut(), cost, taken))
    })
}

fn waiting(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    take_waiting::<Ticket>(linker, "take")?;
    take_waiting::<Option<Vec<Standing>>>(linker, "admit")?;
    linker.func_wrap_async("charge", |mut store: Store, (handle, key, cost): Take| {
        Box::new(async move {
            let (open, key) = {
                let key = key.to_str(&store)?;
                let Some(open) = find(store.data(), handle)? else {
                    return Ok((Err(StoreError::NotGranted),));
                };
                (open.clone(), key.as_bytes().to_vec())
            };
            let asked = open.store.charge(open.set.clone(), key, cost);
            let charged = wait(&mut store, asked).await?;
            Ok(counted(store.data_mut(), cost, charged))
        })
    })
}

fn take_waiting<T: OfTicket>(linker: &mut LinkerInstance<'_, State>, name: &str) -> Result<()> {
    linker.func_wrap_async(name, |mut store: Store, (handle, key, cost): Take| {
        Box::new(async move {
            let (open, key) = {
                let key = key.to_str(&store)?;
                let Some(open) = find(store.data(), handle)? else {
                    return Ok(not_granted::<T>());
                };
                // A share that was taken in advance needs nobody to be asked.
                if let Some(taken) = open.store.try_take(&open.set, key.as_bytes(), cost) {
                    drop(key);
                    return Ok(told(store.data_mut(), cost, taken));
                }
                (open.clone(), key.as_bytes().to_vec())
            };
            let asked = open.store.take(open.set.clone(), key, cost);
            let taken = wait(&mut store, asked).await?;
            Ok(told(store.data_mut(), cost, taken))
        })
    })
}

/// The limits of a handle. Nothing is taken where there is no exchange.
fn find(state: &State, handle: u32) -> Result<Option<&OpenLimits>> {
    state.exchange()?;
    let at = usize::try_from(handle).ok();
    Ok(at.and_then(|at| state.limit_sets.get(at)))
}

fn not_granted<T>() -> Taken<T> {
    (Err(StoreError::NotGranted),)
}

fn told<T: OfTicket>(
    state: &mut State,
    cost: u64,
    taken: std::result::Result<store::Ticket, store::StoreError>,
) -> Taken<T> {
    if let (Ok(ticket), Some(exchange)) = (&taken, state.exchange_mut()) {
        exchange.quota.denied |= !ticket.granted;
        if ticket.granted {
            exchange.quota.cost = exchange.quota.cost.saturating_add(cost);
        }
    }
    (taken.map(Into::into).map_err(Into::into),)
}

fn counted(
    state: &mut State,
    cost: u64,
    charged: std::result::Result<(), store::StoreError>,
) -> Charged {
    if let (Ok(()), Some(exchange)) = (&charged, state.exchange_mut()) {
        exchange.quota.cost = exchange.quota.cost.saturating_add(cost);
    }
    (charged.map_err(Into::into),)
}
