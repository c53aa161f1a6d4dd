//! The threads that the workers live on.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{LocalOptions, LocalRuntime};
use tokio::sync::watch;

use super::timers::{TICK, Timers};
use super::view::View;
use super::{Lines, Worker};
use crate::config::model::Name;
use crate::generation::{Generation, Listening};
use crate::server::{Accepting, Connections, Leave, Sockets};
use crate::telemetry::{Metrics, Shard};
use crate::usage::{Ledger, Tally};

/// Ticks between two looks at idle connections.
const SWEEP_EVERY: u64 = 20;

/// Whether workers go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// They do.
    No,
    /// No new connections; exchanges that are under way may take so long.
    Within(Duration),
}

/// All worker threads.
pub struct Workers {
    threads: Vec<JoinHandle<()>>,
    stop: watch::Sender<Stop>,
}

impl Workers {
    /// Starts `count` workers on the generation that is current.
    ///
    /// # Errors
    /// Where threads or their runtimes cannot be made.
    pub fn start(
        count: usize,
        metrics: &Metrics,
        usage: &Ledger,
        generations: &watch::Receiver<Arc<Generation>>,
    ) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(Stop::No);
        let threads = (0..count).map(|index| {
            let (stopped, generations) = (stopped.clone(), generations.clone());
            let (shard, usage) = (metrics.shard(index), usage.tally(index));
            std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || match runtime() {
                    Ok(runtime) => {
                        let main = run(index, shard, usage, generations, stopped);
                        runtime.block_on(main);
                    }
                    Err(why) => tracing::error!(worker = index, "cannot start: {why}"),
                })
        });
        Ok(Self {
            threads: threads.collect::<io::Result<_>>()?,
            stop,
        })
    }

    /// Stops them all, and waits until they have.
    pub fn stop(self, within: Duration) {
        self.stop.send_replace(Stop::Within(within));
        for thread in self.threads {
            // A worker that panicked has said so already.
            let _ = thread.join();
        }
    }
}

fn runtime() -> io::Result<LocalRuntime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
}

async fn run(
    index: usize,
    shard: Arc<Shard>,
    usage: Arc<Tally>,
    mut generations: watch::Receiver<Arc<Generation>>,
    mut stopped: watch::Receiver<Stop>,
) {
    let worker = Worker::new(index, shard, usage, generations.clone());
    generations.mark_unchanged();
    tokio::task::spawn_local(tick(worker.clone()));
    let writes = worker.writes.clone();
    tokio::task::spawn_local(async move { writes.send_each_turn().await });
    let mut listening = HashMap::new();
    listen(&worker, &mut listening).await;
    loop {
        tokio::select! {
            changed = generations.changed() => {
                if changed.is_err() {
                    return;
                }
                worker.view();
                listen(&worker, &mut listening).await;
            }
            _ = stopped.changed() => {
                let Stop::Within(span) = *stopped.borrow() else { continue };
                for (_, accepting) in listening.drain() {
                    accepting.end(Leave::Empty).await;
                }
                drain(&worker, span).await;
                return;
            }
        }
    }
}

/// Takes connections on the listeners of the newest generation, and on no others.
async fn listen(worker: &Rc<Worker>, listening: &mut HashMap<Name, Accepting>) {
    let view = worker.view();
    let wanted = &view.generation.listeners;
    let has = |listener: &Listening, sockets: &Arc<Sockets>| {
        let own = listener.sockets.as_ref();
        own.is_some_and(|own| Arc::ptr_eq(own, sockets))
    };
    let gone = listening.extract_if(|name, accepting| {
        let same = wanted.get(name);
        !same.is_some_and(|listener| has(listener, &accepting.sockets))
    });
    for (_, accepting) in gone {
        // Under another name they may be wanted still.
        let kept = wanted.values().any(|l| has(l, &accepting.sockets));
        let leave = if kept { Leave::Behind } else { Leave::Empty };
        accepting.end(leave).await;
    }
    for (name, listener) in wanted {
        let Some(sockets) = &listener.sockets else {
            continue;
        };
        if !listening.contains_key(name) {
            match Accepting::begin(worker, name.clone(), listener, sockets.clone()) {
                Ok(accepting) => drop(listening.insert(name.clone(), accepting)),
                Err(why) => tracing::error!(listener = &**name, "cannot take connections: {why}"),
            }
        }
    }
    worker
        .connections
        .finish_unless(|name| wanted.contains_key(name));
}

/// The worker's time: time-outs, idle connections, log lines.
async fn tick(worker: Rc<Worker>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut sweep_at = 0;
    loop {
        ticks.tick().await;
        worker.timers.tick();
        let view = worker.view.borrow().clone();
        worker
            .lines
            .flush(&view.generation.access_log, &worker.shard);
        if worker.timers.now() >= sweep_at {
            sweep_at = worker.timers.now() + SWEEP_EVERY;
            worker.connections.sweep();
            // Those too that waited to be taken when their listener went.
            let listeners = &view.generation.listeners;
            worker
                .connections
                .finish_unless(|name| listeners.contains_key(name));
            view.sweep();
            worker.shard.forget_unused();
        }
    }
}

/// Lets exchanges that are under way come to their end.
async fn drain(worker: &Rc<Worker>, span: Duration) {
    worker.connections.finish_all();
    let ended = async {
        // What was taken last has not begun yet.
        tokio::task::yield_now().await;
        while !worker.connections.is_empty() || worker.shard.exchanges.get() > 0 {
            tokio::time::sleep(TICK).await;
            worker.connections.finish_all();
        }
    };
    if tokio::time::timeout(span, ended).await.is_err() {
        let left = worker.connections.len();
        tracing::warn!(
            worker = worker.index,
            connections = left,
            "closed before they were done"
        );
    }
    let view = worker.view();
    worker
        .lines
        .flush(&view.generation.access_log, &worker.shard);
}

impl Worker {
    fn new(
        index: usize,
        shard: Arc<Shard>,
        usage: Arc<Tally>,
        mut generations: watch::Receiver<Arc<Generation>>,
    ) -> Rc<Self> {
        let generation = generations.borrow_and_update().clone();
        let mut seed = [0; 16];
        // Without the kernel's randomness, names are still different for each worker.
        if getrandom::fill(&mut seed).is_err() {
            seed.fill(0x5a);
        }
        let seed = u128::from_ne_bytes(seed) ^ (index as u128 + 1);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let random = [(seed >> 64) as u64, seed as u64];
        let timers = Timers::default();
        let worker = Self {
            index,
            shard,
            usage,
            lines: Lines::default(),
            connections: Connections::default(),
            generations,
            view: RefCell::new(Rc::new(View::empty(generation.clone()))),
            random: Cell::new(random),
            date: super::date::Date::default(),
            timers,
            writes: Rc::default(),
            names: Rc::default(),
        };
        let view = View::new(generation, &worker, None);
        worker.view.replace(Rc::new(view));
        Rc::new(worker)
    }
}
