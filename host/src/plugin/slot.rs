//! A binding on one worker: its instances, and what happens when one dies.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::call::HookCall;
use super::trip::Trip;
use super::{Binding, Failure, Instance};
use crate::capability::http::Outcalls;
use crate::exchange::Exchange;

/// Exchanges that wait for an instance, for each instance that there may be.
const MAX_QUEUE: usize = 16;
/// Why a plugin whose calls succeed is left alone.
const DEAR: &str = "fills its memory so fast that making it anew takes longer than its calls";

/// One binding on one worker. A plugin that never waits has one instance; one
/// that waits has as many as hooks of it wait, up to `limits.instances`. A
/// failure costs the instance that failed, and the next call makes another.
pub struct Slot {
    binding: Arc<Binding>,
    inner: RefCell<Inner>,
}

struct Inner {
    #[expect(
        clippy::vec_box,
        reason = "lending one and giving it back moves a pointer"
    )]
    idle: Vec<Box<Instance>>,
    /// Places that are taken: by instances in a call, and by those about to begin one.
    busy: usize,
    /// Who waits for a place, in the order of coming. Where somebody waits, nothing is idle.
    queue: VecDeque<oneshot::Sender<Place>>,
    trip: Trip,
}

/// A place among the instances, with the instance that had it where that one
/// can go on.
type Place = Option<Box<Instance>>;

/// Somebody in the queue. Who leaves it passes on the place that came too late.
struct Queued<'a> {
    slot: &'a Slot,
    place: oneshot::Receiver<Place>,
}

/// An instance in a call that waits. Where the call is given up, the exchange
/// goes back to `home`, and the instance is gone.
struct Lent<'a> {
    slot: &'a Slot,
    home: &'a mut Option<Box<Exchange>>,
    /// In a call.
    instance: Option<Box<Instance>>,
    /// Done with its call.
    free: Option<Box<Instance>>,
}

impl Slot {
    /// A slot with an instance that was made before, or that makes its own when
    /// it is first called.
    pub fn new(binding: Arc<Binding>, first: Option<Instance>) -> Self {
        Self {
            binding,
            inner: RefCell::new(Inner {
                idle: first.map(Box::new).into_iter().collect(),
                busy: 0,
                queue: VecDeque::new(),
                trip: Trip::default(),
            }),
        }
    }

    /// The binding.
    pub fn binding(&self) -> &Arc<Binding> {
        &self.binding
    }

    /// Whether hooks of it may wait: then [`Slot::wait`] calls them.
    #[inline]
    pub fn waits(&self) -> bool {
        self.binding.waits()
    }

    /// Bytes of linear memory and tables of the instances that are idle.
    pub fn memory_bytes(&self) -> usize {
        let inner = self.inner.borrow();
        inner.idle.iter().map(|i| i.memory_bytes()).sum()
    }

    /// Whether the plugin is left alone at the moment.
    pub fn tripped(&self) -> bool {
        self.inner.borrow().trip.tripped(Instant::now())
    }

    /// Calls a hook of a plugin that never waits. The edits of a failed call are
    /// undone; the exchange comes back in any case.
    #[inline]
    pub fn call<C: HookCall>(
        &self,
        exchange: Box<Exchange>,
        hook: &C,
    ) -> (Box<Exchange>, Result<C::Verdict, Failure>) {
        let mut inner = self.inner.borrow_mut();
        let Inner { idle, trip, .. } = &mut *inner;
        if !trip.allows(Instant::now) {
            return (exchange, Err(Failure::Tripped));
        }
        if idle.is_empty() {
            match self.binding.instantiate() {
                Ok(new) => idle.push(Box::new(new)),
                Err(error) => {
                    let failure = Failure::Unavailable(error.to_string());
                    self.failed(trip, &failure);
                    return (exchange, Err(failure));
                }
            }
        }
        let Some(instance) = idle.last_mut() else {
            return (exchange, Err(Failure::Busy));
        };
        let (exchange, result) = instance.call(exchange, hook);
        match &result {
            Err(failure) if failure.costs_the_instance() => {
                idle.clear();
                self.failed(trip, failure);
            }
            _ => {
                trip.succeeded();
                if instance.is_worn() {
                    self.worn(trip, instance);
                    idle.clear();
                }
            }
        }
        (exchange, result)
    }

    /// Calls a hook of a plugin that may wait. The exchange is taken from `home`
    /// and put back there, also where this future is dropped before its end.
    /// `outcalls` is where the plugin's own calls go meanwhile.
    pub async fn wait<C: HookCall>(
        &self,
        home: &mut Option<Box<Exchange>>,
        hook: &C,
        outcalls: Outcalls,
    ) -> Result<C::Verdict, Failure> {
        if !self.inner.borrow_mut().trip.allows(Instant::now) {
            return Err(Failure::Tripped);
        }
        let instance = self.acquire().await?;
        let mut lent = Lent {
            slot: self,
            home,
            instance: Some(instance),
            free: None,
        };
        let (Some(exchange), Some(instance)) = (lent.home.take(), &mut lent.instance) else {
            return Err(Failure::Unavailable("the exchange has ended".into()));
        };
        instance.connect(outcalls);
        let result = instance.wait(exchange, hook).await;
        *lent.home = instance.take_exchange();
        let trip = &mut self.inner.borrow_mut().trip;
        let done = lent.instance.take();
        match &result {
            Err(failure) if failure.costs_the_instance() => self.failed(trip, failure),
            _ => {
                trip.succeeded();
                lent.free = done.filter(|instance| {
                    let worn = instance.is_worn();
                    if worn {
                        self.worn(trip, instance);
                    }
                    !worn
                });
            }
        }
        result
    }

    /// An idle instance, a new one, or the next that becomes free.
    async fn acquire(&self) -> Result<Box<Instance>, Failure> {
        let limits = &self.binding.plugin().limits;
        let mut queued = {
            let mut inner = self.inner.borrow_mut();
            let idle = inner.idle.pop();
            if idle.is_some() || inner.busy < limits.instances {
                inner.busy += 1;
                drop(inner);
                return self.settle(idle);
            }
            inner.queue.retain(|waiting| !waiting.is_closed());
            if inner.queue.len() >= limits.instances.saturating_mul(MAX_QUEUE) {
                return Err(Failure::Busy);
            }
            let (tell, place) = oneshot::channel();
            inner.queue.push_back(tell);
            Queued { slot: self, place }
        };
        match tokio::time::timeout(limits.wait, &mut queued.place).await {
            Ok(Ok(place)) => self.settle(place),
            _ => Err(Failure::Busy),
        }
    }

    /// The instance of a place, or a new one for it.
    fn settle(&self, place: Place) -> Result<Box<Instance>, Failure> {
        if let Some(ready) = place {
            return Ok(ready);
        }
        self.binding.instantiate().map(Box::new).map_err(|error| {
            let failure = Failure::Unavailable(error.to_string());
            let mut inner = self.inner.borrow_mut();
            self.failed(&mut inner.trip, &failure);
            inner.pass_on(None);
            failure
        })
    }

    /// An instance makes way for a new one. Where those cost more than the calls
    /// that they serve, the plugin is about to hold the worker up.
    #[cold]
    fn worn(&self, trip: &mut Trip, instance: &Instance) {
        if instance.was_dear(self.binding.plugin().limits.deadline) {
            self.failed(trip, &DEAR);
        }
    }

    #[cold]
    fn failed(&self, trip: &mut Trip, failure: &dyn fmt::Display) {
        let now = Instant::now();
        if trip.failed(now) {
            self.binding.report_trip(now, failure);
        }
    }
}

impl Inner {
    /// Gives a place to whoever has waited longest, or leaves it empty.
    fn pass_on(&mut self, mut place: Place) {
        while let Some(next) = self.queue.pop_front() {
            match next.send(place) {
                Ok(()) => return,
                Err(back) => place = back,
            }
        }
        self.busy = self.busy.saturating_sub(1);
        self.idle.extend(place);
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.place.close();
        if let Ok(place) = self.place.try_recv() {
            self.slot.inner.borrow_mut().pass_on(place);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let unfinished = self.instance.take();
        if let Some(mut instance) = unfinished {
            // In the middle of a call: what the hook has done so far is undone.
            instance.undo();
            if let Some(exchange) = instance.take_exchange() {
                *self.home = Some(exchange);
            }
        }
        let free = self.free.take();
        self.slot.inner.borrow_mut().pass_on(free);
    }
}
