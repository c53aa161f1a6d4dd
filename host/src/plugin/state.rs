//! What the host keeps beside each instance, and host functions can reach.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use wasmtime::StoreContextMut;

use super::deadline::Deadline;
use super::limiter::Limiter;
use super::names::Names;
use super::ticker::Ticker;
use crate::capability::Scope;
use crate::capability::http::Outcalls;
use crate::capability::metrics::Handles;
use crate::capability::quota::OpenLimits;
use crate::capability::random::Numbers;
use crate::capability::wasi::Lines;
use crate::exchange::Exchange;

/// The data of an instance's store.
pub struct State {
    /// The exchange whose hook is running.
    pub(super) exchange: Option<Box<Exchange>>,
    pub(super) deadline: Deadline,
    pub(super) limiter: Limiter,
    pub(super) ticker: Arc<Ticker>,
    /// Whose instance it is.
    pub(crate) scope: Arc<Scope>,
    /// The header names that it edits.
    pub(crate) names: Names,
    /// What it registered.
    pub(crate) metrics: Handles,
    /// Random numbers that nobody has seen yet.
    pub(crate) random: Numbers,
    /// The limits that it opened.
    pub(crate) limit_sets: Vec<OpenLimits>,
    /// Where its calls go; none outside of hooks that may wait.
    pub(crate) outcalls: Option<Outcalls>,
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
    pub(super) fn new(
        scope: Arc<Scope>,
        deadline: Deadline,
        limiter: Limiter,
        ticker: Arc<Ticker>,
    ) -> Self {
        Self {
            ticker,
            random: Numbers::default(),
            limit_sets: Vec::new(),
            outcalls: None,
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

impl State {
    /// The exchange whose hook is running, to note something in it.
    #[inline]
    pub(crate) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        self.exchange.as_deref_mut()
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

/// Waits, outside of the time that the plugin may use. What is there at once
/// was no wait, and its time is the plugin's.
///
/// # Errors
/// Where the plugin had used its time up.
pub(crate) async fn wait<F: Future>(
    store: &mut StoreContextMut<'_, State>,
    what: F,
) -> wasmtime::Result<F::Output> {
    let mut what = pin!(what);
    let mut waits = false;
    let result = poll_fn(|context| {
        let polled = what.as_mut().poll(context);
        if polled.is_pending() && !waits {
            waits = true;
            store.data_mut().deadline.pause();
        }
        polled
    })
    .await;
    if waits {
        let state = store.data_mut();
        state.ticker.touch();
        let ticks = state.deadline.resume().map_err(wasmtime::Error::new)?;
        store.set_epoch_deadline(ticks);
    }
    Ok(result)
}
