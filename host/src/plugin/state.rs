//! What the host keeps beside each instance, and host functions can reach.

use std::fmt;
use std::sync::Arc;

use wasmtime::StoreContextMut;

use super::deadline::Deadline;
use super::limiter::Limiter;
use super::names::Names;
use crate::capability::Scope;
use crate::capability::metrics::Handles;
use crate::capability::wasi::Lines;
use crate::exchange::Exchange;

/// The data of an instance's store.
pub(crate) struct State {
    /// The exchange whose hook is running.
    pub(super) exchange: Option<Box<Exchange>>,
    pub(super) deadline: Deadline,
    pub(super) limiter: Limiter,
    /// Whose instance it is.
    pub(crate) scope: Arc<Scope>,
    /// The header names that it edits.
    pub(crate) names: Names,
    /// What it registered.
    pub(crate) metrics: Handles,
    /// What it wrote to standard output and error, by way of WASI.
    pub(crate) lines: Lines,
    /// It has not been configured yet, or is being configured.
    pub(crate) starting: bool,
}

/// The error of a host function that needs an exchange where there is none.
#[derive(Debug)]
struct OutsideOfHook;

impl fmt::Display for OutsideOfHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no exchange to read or edit in `describe` and `configure`")
    }
}

impl std::error::Error for OutsideOfHook {}

impl State {
    pub(super) fn new(scope: Arc<Scope>, deadline: Deadline, limiter: Limiter) -> Self {
        Self {
            exchange: None,
            deadline,
            limiter,
            scope,
            names: Names::default(),
            metrics: Handles::default(),
            lines: Lines::default(),
            starting: true,
        }
    }

    /// The exchange whose hook is running.
    #[inline]
    pub(crate) fn exchange(&self) -> wasmtime::Result<&Exchange> {
        match &self.exchange {
            Some(exchange) => Ok(exchange),
            None => Err(wasmtime::Error::new(OutsideOfHook)),
        }
    }
}

/// Changes the exchange while the guest's memory is borrowed, so that names and
/// values need no copy before they are checked.
#[inline]
pub(crate) fn edit<R>(
    store: &mut StoreContextMut<'_, State>,
    change: impl FnOnce(&StoreContextMut<'_, State>, &mut Exchange) -> wasmtime::Result<R>,
) -> wasmtime::Result<R> {
    let taken = store.data_mut().exchange.take();
    let mut exchange = taken.ok_or_else(|| wasmtime::Error::new(OutsideOfHook))?;
    let result = change(store, &mut exchange);
    store.data_mut().exchange = Some(exchange);
    result
}
