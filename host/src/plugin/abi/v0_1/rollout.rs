//! `rollout`: traffic that moves from one upstream to others.

use std::sync::Arc;

use wasmtime::component::{ComponentType, Lift, LinkerInstance};
use wasmtime::{Result, StoreContextMut};

use super::types::edited;
use crate::exchange::Rejected;
use crate::plugin::state::{State, edit};
use crate::rollout::{self, Rollout};

type Store<'a> = StoreContextMut<'a, State>;

/// `rollout.share`
#[derive(ComponentType, Lift)]
#[component(record)]
struct Share {
    #[component(name = "upstream")]
    upstream: String,
    #[component(name = "weight")]
    weight: u32,
}

/// `rollout.step`
#[derive(ComponentType, Lift)]
#[component(record)]
struct Step {
    #[component(name = "from")]
    from: u32,
    #[component(name = "to")]
    to: u32,
    #[component(name = "duration-ms")]
    duration_ms: u64,
}

/// `rollout.on-fail`
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "guests make them")]
enum OnFail {
    #[component(name = "rollback")]
    Rollback,
    #[component(name = "hold")]
    Hold,
}

/// `rollout.gates`
#[derive(ComponentType, Lift)]
#[component(record)]
struct Gates {
    #[component(name = "interval-ms")]
    interval_ms: u64,
    #[component(name = "min-requests")]
    min_requests: u32,
    #[component(name = "error-ratio")]
    error_ratio: Option<u32>,
    #[component(name = "p99-ms")]
    p99_ms: Option<u32>,
    #[component(name = "consecutive-failures")]
    consecutive_failures: Option<u32>,
    #[component(name = "on-fail")]
    on_fail: OnFail,
}

/// `rollout.plan`
#[derive(ComponentType, Lift)]
#[component(record)]
struct Plan {
    #[component(name = "variants")]
    variants: Vec<Share>,
    #[component(name = "baseline")]
    baseline: u32,
    #[component(name = "steps")]
    steps: Vec<Step>,
    #[component(name = "gates")]
    gates: Option<Gates>,
}

impl From<Plan> for rollout::Plan {
    fn from(plan: Plan) -> Self {
        let variant = |share: Share| rollout::Variant {
            name: share.upstream,
            weight: share.weight,
        };
        let step = |step: Step| rollout::Step {
            from: step.from,
            to: step.to,
            duration_ms: step.duration_ms,
        };
        let gates = |gates: Gates| rollout::Gates {
            interval_ms: gates.interval_ms,
            min_requests: gates.min_requests,
            error_ratio: gates.error_ratio,
            p99_ms: gates.p99_ms,
            consecutive_failures: gates.consecutive_failures,
            on_fail: match gates.on_fail {
                OnFail::Rollback => rollout::OnFail::Rollback,
                OnFail::Hold => rollout::OnFail::Hold,
            },
        };
        Self {
            variants: plan.variants.into_iter().map(variant).collect(),
            baseline: usize::try_from(plan.baseline).unwrap_or(usize::MAX),
            steps: plan.steps.into_iter().map(step).collect(),
            gates: plan.gates.map(gates),
        }
    }
}

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("open", |mut store: Store, (plan,): (Plan,)| {
        let state = store.data_mut();
        if !state.starting {
            return Ok((Err("only `configure` may open a plan".to_owned()),));
        }
        let opened = state.scope.rollout.open(&state.scope.name, plan.into());
        Ok((opened.map(|()| 0_u32),))
    })?;
    // There is one plan a plugin, so that the handle says nothing new.
    linker.func_wrap("assign", |mut store: Store, (_, point): (u32, u32)| {
        store.data().exchange()?;
        Ok((assign(store.data_mut(), point).map_or(0, |(_, index)| index),))
    })?;
    linker.func_wrap("route", |mut store: Store, (_, point): (u32, u32)| {
        let assigned = assign(store.data_mut(), point);
        edit(&mut store, |_, exchange| {
            let Some((rollout, index)) = &assigned else {
                return Ok(edited(Err(Rejected::Unknown)));
            };
            let at = usize::try_from(*index).ok();
            let variant = at.and_then(|at| rollout.plan().variants.get(at));
            let upstream = variant.map_or("", |variant| &variant.name);
            Ok(edited(exchange.choose_upstream(upstream).map(|()| *index)))
        })
    })
}

/// The variant of a point, by its index. The exchange counts for it from now on.
fn assign(state: &mut State, point: u32) -> Option<(Arc<Rollout>, u32)> {
    let rollout = state.scope.rollout.rollout()?.clone();
    let variant = u32::try_from(rollout.assign(point)).unwrap_or(0);
    let exchange = state.exchange_mut()?;
    if !exchange.rollouts.iter().any(|r| Arc::ptr_eq(r, &rollout)) {
        exchange.rollouts.push(rollout.clone());
    }
    Some((rollout, variant))
}
