//! A binding on one worker: its instance, and what happens when that one dies.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::trip::Trip;
use super::{Binding, BodyVerdict, Failure, HeadVerdict, Instance, Summary};
use crate::exchange::Exchange;

/// What a hook gives back: the exchange always, and a verdict or a failure.
type Called<V> = (Box<Exchange>, Result<V, Failure>);

/// One binding on one worker. It has at most one instance; a failure costs that
/// one, and the next call makes another.
pub struct Slot {
    binding: Arc<Binding>,
    inner: RefCell<Inner>,
}

struct Inner {
    // A box, so that giving an instance back to the slot moves a pointer.
    instance: Option<Box<Instance>>,
    trip: Trip,
}

impl Slot {
    /// A slot with an instance that was made before, or that makes its own when
    /// it is first called.
    pub fn new(binding: Arc<Binding>, first: Option<Instance>) -> Self {
        Self {
            binding,
            inner: RefCell::new(Inner {
                instance: first.map(Box::new),
                trip: Trip::default(),
            }),
        }
    }

    /// Calls `on-request`. The edits of a failed call are undone.
    pub fn on_request(&self, exchange: Box<Exchange>) -> Called<HeadVerdict> {
        self.call(exchange, Instance::on_request)
    }

    /// Calls `on-request-body` with the whole body.
    pub fn on_request_body(&self, exchange: Box<Exchange>, body: &Bytes) -> Called<BodyVerdict> {
        self.call(exchange, |i, exchange| i.on_request_body(exchange, body))
    }

    /// Calls `on-response`.
    pub fn on_response(&self, exchange: Box<Exchange>) -> Called<HeadVerdict> {
        self.call(exchange, Instance::on_response)
    }

    /// Calls `on-response-body` with the whole body.
    pub fn on_response_body(&self, exchange: Box<Exchange>, body: &Bytes) -> Called<BodyVerdict> {
        self.call(exchange, |i, exchange| i.on_response_body(exchange, body))
    }

    /// Calls `on-log`.
    pub fn on_log(&self, exchange: Box<Exchange>, summary: &Summary) -> Called<()> {
        self.call(exchange, |i, exchange| i.on_log(exchange, summary))
    }

    /// The binding.
    pub fn binding(&self) -> &Arc<Binding> {
        &self.binding
    }

    /// Bytes of linear memory of the instance, 0 where there is none.
    pub fn memory_bytes(&self) -> usize {
        let inner = self.inner.borrow();
        inner.instance.as_ref().map_or(0, |i| i.memory_bytes())
    }

    /// Whether the plugin is left alone at the moment.
    pub fn tripped(&self) -> bool {
        self.inner.borrow().trip.tripped(Instant::now())
    }

    #[inline]
    fn call<V>(
        &self,
        exchange: Box<Exchange>,
        hook: impl FnOnce(&mut Instance, Box<Exchange>) -> Called<V>,
    ) -> Called<V> {
        let mut inner = self.inner.borrow_mut();
        let Inner { instance, trip } = &mut *inner;
        if !trip.allows(Instant::now) {
            return (exchange, Err(Failure::Tripped));
        }
        let ready = match instance {
            Some(ready) => ready,
            None => match self.binding.instantiate() {
                Ok(new) => instance.insert(Box::new(new)),
                Err(error) => {
                    let failure = Failure::Unavailable(error.to_string());
                    self.failed(trip, &failure);
                    return (exchange, Err(failure));
                }
            },
        };
        let (exchange, result) = hook(ready, exchange);
        match &result {
            Err(failure) if failure.costs_the_instance() => {
                *instance = None;
                self.failed(trip, failure);
            }
            _ => trip.succeeded(),
        }
        (exchange, result)
    }

    #[cold]
    fn failed(&self, trip: &mut Trip, failure: &Failure) {
        let now = Instant::now();
        if trip.failed(now) {
            self.binding.report_trip(now, failure);
        }
    }
}
