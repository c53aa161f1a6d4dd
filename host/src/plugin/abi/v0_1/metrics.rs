//! `metrics`: series in the gateway's metrics.

use wasmtime::component::{ComponentType, LinkerInstance, Lower, WasmList, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::capability::metrics::{self, Key, Shape};
use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;
type Values = WasmList<WasmStr>;
type Registered = (Result<u32, MetricError>,);

/// `metrics.metric-error`
#[derive(ComponentType, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "the order of the cases is the ABI")]
enum MetricError {
    #[component(name = "invalid")]
    Invalid,
    #[component(name = "full")]
    Full,
    #[component(name = "too-late")]
    TooLate,
}

impl From<metrics::MetricError> for MetricError {
    fn from(error: metrics::MetricError) -> Self {
        match error {
            metrics::MetricError::Invalid => MetricError::Invalid,
            metrics::MetricError::Full => MetricError::Full,
        }
    }
}

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap(
        "counter",
        |mut store: Store, (name, labels): (String, Vec<String>)| {
            let shape = || Shape::counter(labels);
            Ok(register(store.data_mut(), name, shape))
        },
    )?;
    linker.func_wrap(
        "histogram",
        |mut store: Store, (name, labels, buckets): (String, Vec<String>, Vec<f64>)| {
            let shape = || Shape::histogram(labels, buckets);
            Ok(register(store.data_mut(), name, shape))
        },
    )?;
    linker.func_wrap(
        "add",
        |mut store: Store, (counter, delta, values): (u32, u64, Values)| {
            if let Some(key) = key(&mut store, counter, &values)? {
                store.data_mut().metrics.add(counter, delta, key);
            }
            Ok(())
        },
    )?;
    linker.func_wrap(
        "observe",
        |mut store: Store, (histogram, value, values): (u32, f64, Values)| {
            if let Some(key) = key(&mut store, histogram, &values)? {
                store.data_mut().metrics.observe(histogram, value, key);
            }
            Ok(())
        },
    )
}

fn register(
    state: &mut State,
    name: String,
    shape: impl FnOnce() -> Result<Shape, metrics::MetricError>,
) -> Registered {
    let Some(metrics) = state.scope.metrics.as_ref().filter(|_| state.starting) else {
        return (Err(MetricError::TooLate),);
    };
    let family = shape().and_then(|shape| metrics.register(name, shape));
    let handle = family.map(|family| state.metrics.insert(family));
    (handle.map_err(MetricError::from),)
}

/// The label values, if there are as many as the metric has labels.
fn key(store: &mut Store, handle: u32, values: &Values) -> Result<Option<Key>> {
    if store.data().metrics.labels(handle) != Some(values.len()) {
        return Ok(None);
    }
    let mut key = store.data_mut().metrics.key();
    for at in 0..values.len() {
        if let Some(value) = values.get(&mut *store, at) {
            key.push(&value?.to_str(&*store)?);
        }
    }
    Ok(Some(key))
}
