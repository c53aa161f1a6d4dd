//! The connections of one worker to the targets of one upstream.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use hyper::client::conn::http2;
use tokio::sync::oneshot;

use super::availability::Availability;
use super::balance::Turns;
use super::idle::Idle;
use super::request_body::RequestBody;
use super::tls::Tls;
use crate::config::model::{Target, Upstream};
use crate::message::Names;
use crate::telemetry::UpstreamSeries;
use crate::worker::Writes;
use crate::worker::timers::Timers;

/// One upstream, as one worker sees it.
pub struct Pool {
    /// What the configuration says.
    pub config: Arc<Upstream>,
    /// TLS, where the targets speak it.
    pub(super) tls: Option<Tls>,
    /// What is counted.
    pub series: Arc<UpstreamSeries>,
    /// Whether its targets take connections.
    pub availability: Arc<Availability>,
    pub(super) targets: Vec<TargetPool>,
    pub(super) turns: Turns,
    pub(super) counts: Rc<Counts>,
    pub(super) timers: Timers,
    pub(super) writes: Rc<Writes>,
    pub(super) names: Rc<Names>,
}

/// One target, as one worker sees it.
pub(super) struct TargetPool {
    pub(super) idle: Idle,
    pub(super) shared: tokio::sync::Mutex<Option<http2::SendRequest<RequestBody>>>,
    /// How often there was no connection to share, and why the last time.
    pub(super) refusals: Cell<u64>,
    pub(super) refused: Cell<std::io::ErrorKind>,
    pub(super) in_flight: Cell<u32>,
}

impl Default for TargetPool {
    fn default() -> Self {
        Self {
            idle: Idle::default(),
            shared: tokio::sync::Mutex::default(),
            refusals: Cell::new(0),
            refused: Cell::new(std::io::ErrorKind::Other),
            in_flight: Cell::new(0),
        }
    }
}

/// What connections need after their pool has gone.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) open: Cell<usize>,
    pub(super) waiting: RefCell<VecDeque<oneshot::Sender<()>>>,
}

impl Counts {
    /// Tells the one who has waited longest that there may be room.
    pub(super) fn wake_one(&self) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(next) = waiting.pop_front() {
            if next.send(()).is_ok() {
                break;
            }
        }
    }
}

impl Pool {
    /// An empty pool for worker number `worker`.
    pub fn new(
        config: Arc<Upstream>,
        tls: Option<Tls>,
        series: Arc<UpstreamSeries>,
        timers: Timers,
        writes: Rc<Writes>,
        names: Rc<Names>,
        worker: usize,
    ) -> Rc<Self> {
        Rc::new(Self {
            targets: config
                .targets
                .iter()
                .map(|_| TargetPool::default())
                .collect(),
            availability: Arc::new(Availability::new(config.targets.len(), timers.clock())),
            turns: Turns::beginning_at(worker),
            counts: Rc::default(),
            config,
            tls,
            series,
            timers,
            writes,
            names,
        })
    }

    /// Closes what has been idle for too long. Called now and then.
    pub fn sweep(&self) {
        let span = Timers::ticks(self.config.pool.idle_timeout);
        let oldest = self.timers.now().saturating_sub(span);
        for target in &self.targets {
            target.idle.sweep(oldest);
        }
        let idle: usize = self.targets.iter().map(|t| t.idle.len()).sum();
        self.series
            .idle
            .set(i64::try_from(idle).unwrap_or(i64::MAX));
    }

    /// The target at `index`, as the configuration names it.
    pub fn target(&self, index: usize) -> Option<&Target> {
        self.config.targets.get(index)
    }
}
