//! The control of a running gateway: reload, roll back, look back.

use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::sync::watch;

use super::build::{Environment, build, means_the_same};
use super::files::Stamps;
use super::history::{History, Past};
use super::{Generation, Listening};
use crate::config::model::PluginSource;
use crate::config::{self, Loaded, Problem, Rejected};
use crate::rollout::Rollouts;
use crate::server::Sockets;
use crate::telemetry::{Metrics, render_rollouts, render_stores};

/// How long a reload waits for workers to give back the sockets of a listener
/// that is gone: until then it can be connected to.
const RETURN: Duration = Duration::from_secs(1);

/// What asked for a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The start of the gateway.
    Start,
    /// A file changed.
    Watch,
    /// SIGHUP.
    Signal,
    /// `POST /reload` or `POST /rollback`.
    Admin,
}

/// What came of a reload or a roll-back.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ReloadOutcome {
    /// New exchanges get this generation.
    Applied {
        /// Its number.
        generation: u64,
        /// What it changes, in words.
        changes: Vec<String>,
        /// What is the same in meaning, but needs a restart to take effect.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        restart: Vec<String>,
    },
    /// It means what is served already; nothing was touched.
    Unchanged {
        /// The number of what is served.
        generation: u64,
    },
    /// It has problems; nothing was touched.
    Rejected {
        /// The number of what is served.
        generation: u64,
        /// All that is wrong.
        problems: Vec<Problem>,
    },
}

/// Reloads one after the other, and publishes what comes of them.
pub struct Control {
    /// The configuration's file or folder; none for the demo.
    path: Option<PathBuf>,
    environment: Environment,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    current: watch::Sender<Arc<Generation>>,
    /// Whoever makes a generation has this meanwhile, which may be long.
    making: Mutex<Numbers>,
    /// What is shown: nobody has this for long.
    shown: Mutex<Shown>,
    stamps: Mutex<Stamps>,
}

/// The numbers of generations.
struct Numbers {
    last: u64,
}

struct Shown {
    history: History,
    alive: Vec<Weak<Generation>>,
    /// The process is about to end: nothing is published any more.
    stopping: bool,
}

impl Control {
    /// Builds the first generation.
    ///
    /// # Errors
    /// All problems of the configuration.
    pub fn start(
        path: Option<PathBuf>,
        loaded: &Loaded,
        environment: Environment,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Vec<Problem>> {
        let first = Arc::new(build(loaded, &environment, None, 1)?);
        environment.rollouts.publish(&first.rollouts());
        first.publish_metrics();
        let (current, _) = watch::channel(first.clone());
        metrics.generation.store(1, Relaxed);
        Ok(Self {
            path,
            environment,
            metrics,
            current,
            making: Mutex::new(Numbers { last: 1 }),
            shown: Mutex::new(Shown {
                alive: vec![Arc::downgrade(&first)],
                history: History::new(first),
                stopping: false,
            }),
            stamps: Mutex::new(stamps_of(loaded)),
        })
    }

    /// All canaries.
    pub fn rollouts(&self) -> &Arc<Rollouts> {
        &self.environment.rollouts
    }

    /// The generation that new exchanges get.
    pub fn current(&self) -> Arc<Generation> {
        self.current.borrow().clone()
    }

    /// Tells of every new generation.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Generation>> {
        self.current.subscribe()
    }

    /// The metrics that plugins registered, and the host's own.
    pub fn render_metrics(&self) -> String {
        let alive = {
            let mut shown = self.shown();
            shown.alive.retain(|g| g.strong_count() > 0);
            shown.alive.len()
        };
        self.metrics.live_generations.store(alive as u64, Relaxed);
        let mut text = self.metrics.render();
        render_stores(&self.current().stores, &mut text);
        render_rollouts(&self.rollouts().status(), &mut text);
        self.environment.custom.render(&mut text);
        text
    }

    /// Reads the configuration again. Takes as long as compiling plugins takes,
    /// so it never runs on a worker.
    pub fn reload(&self, cause: Cause) -> ReloadOutcome {
        let mut numbers = self.begin_making();
        let Some(path) = &self.path else {
            let generation = self.current().number;
            return ReloadOutcome::Unchanged { generation };
        };
        let before = self.lock_stamps().again();
        let outcome = match config::load(path) {
            Ok(loaded) => {
                *self.lock_stamps() = stamps_of(&loaded).or_earlier(&before);
                self.apply(&mut numbers, &loaded, cause)
            }
            Err(Rejected { problems, files }) => {
                *self.lock_stamps() = Stamps::of(&files).or_earlier(&before).and(before);
                self.rejected(problems)
            }
        };
        self.tell(cause, &outcome);
        outcome
    }

    fn apply(&self, numbers: &mut Numbers, loaded: &Loaded, cause: Cause) -> ReloadOutcome {
        let current = self.current();
        if means_the_same(loaded, &current) {
            return ReloadOutcome::Unchanged {
                generation: current.number,
            };
        }
        match build(loaded, &self.environment, Some(&current), numbers.last + 1) {
            Ok(next) => self.publish(numbers, next, cause),
            Err(problems) => self.rejected(problems),
        }
    }

    /// Goes back to an earlier generation, or to the one before the current
    /// one. What it was is served again under a new number.
    pub fn roll_back(&self, to: Option<u64>, cause: Cause) -> ReloadOutcome {
        let mut numbers = self.begin_making();
        let current = self.current();
        let past = self.shown().history.find(to);
        let outcome = match past {
            None => {
                let message = match to {
                    Some(number) => format!("generation {number} is not kept"),
                    None => "there is no earlier generation".into(),
                };
                self.rejected(vec![problem(String::new(), message)])
            }
            Some(past) if past.number == current.number => ReloadOutcome::Unchanged {
                generation: current.number,
            },
            Some(past) => {
                match again(&past, &current, self.environment.workers, numbers.last + 1) {
                    Ok(next) => self.publish(&mut numbers, next, cause),
                    Err(problem) => self.rejected(vec![*problem]),
                }
            }
        };
        self.tell(cause, &outcome);
        outcome
    }

    /// The process is about to end: nobody connects any more, and what is being
    /// made is not published.
    pub fn stop(&self) {
        let mut shown = self.shown();
        shown.stopping = true;
        for listener in self.current().listeners.values() {
            if let Some(sockets) = &listener.sockets {
                sockets.close();
            }
        }
    }

    fn publish(&self, numbers: &mut Numbers, next: Generation, cause: Cause) -> ReloadOutcome {
        let current = self.current();
        let next = Arc::new(next);
        let changes = changes(&current, &next);
        let restart = restart(&current, &next);
        let keep = next.config.runtime.history;
        let mut shown = self.shown();
        if shown.stopping {
            drop(shown);
            let message = "the gateway is stopping".to_owned();
            return self.rejected(vec![problem(String::new(), message)]);
        }
        numbers.last = next.number;
        shown.alive.retain(|g| g.strong_count() > 0);
        shown.alive.push(Arc::downgrade(&next));
        shown
            .history
            .push(next.clone(), cause, changes.clone(), keep);
        self.metrics.generation.store(next.number, Relaxed);
        self.environment.rollouts.publish(&next.rollouts());
        next.publish_metrics();
        let generation = next.number;
        // What each worker has of these is then the last that listens.
        let gone = gone(&current, &next);
        gone.iter().for_each(|sockets| sockets.close());
        self.current.send_replace(next);
        drop(shown);
        gone.iter()
            .for_each(|sockets| sockets.wait_returned(RETURN));
        ReloadOutcome::Applied {
            generation,
            changes,
            restart,
        }
    }

    /// What is kept, the newest first.
    pub fn generations(&self) -> Vec<Past> {
        self.shown().history.list()
    }

    /// Whether a file has changed since it was last read.
    pub(super) fn files_changed(&self) -> bool {
        let stamps = self.lock_stamps();
        *stamps != stamps.again()
    }

    /// The folders to watch.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.lock_stamps().folders()
    }

    fn lock_stamps(&self) -> std::sync::MutexGuard<'_, Stamps> {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rejected(&self, problems: Vec<Problem>) -> ReloadOutcome {
        ReloadOutcome::Rejected {
            generation: self.current().number,
            problems,
        }
    }

    fn tell(&self, cause: Cause, outcome: &ReloadOutcome) {
        let reloads = &self.metrics.reloads;
        match outcome {
            ReloadOutcome::Applied {
                generation,
                changes,
                restart,
            } => {
                reloads.applied.fetch_add(1, Relaxed);
                tracing::info!(generation, ?cause, "reload applied: {}", changes.join("; "));
                for key in restart {
                    tracing::warn!("{key} takes effect after a restart");
                }
            }
            ReloadOutcome::Unchanged { generation } => {
                reloads.unchanged.fetch_add(1, Relaxed);
                tracing::info!(generation, ?cause, "reload: nothing has changed");
            }
            ReloadOutcome::Rejected {
                generation,
                problems,
            } => {
                reloads.rejected.fetch_add(1, Relaxed);
                tracing::error!(
                    generation,
                    ?cause,
                    problems = problems.len(),
                    "reload rejected, generation {generation} goes on"
                );
                for problem in problems {
                    tracing::error!("{problem}");
                }
            }
        }
    }

    fn begin_making(&self) -> std::sync::MutexGuard<'_, Numbers> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sockets of listeners that `next` does not have.
fn gone(current: &Generation, next: &Generation) -> Vec<Arc<Sockets>> {
    let of = |generation: &Generation| -> Vec<Arc<Sockets>> {
        let listeners = generation.listeners.values();
        listeners.filter_map(|l| l.sockets.clone()).collect()
    };
    let kept = of(next);
    let mut gone = of(current);
    gone.retain(|sockets| !kept.iter().any(|kept| Arc::ptr_eq(kept, sockets)));
    gone
}

/// `past` under a new number, on the sockets that are open now.
fn again(
    past: &Generation,
    current: &Generation,
    workers: usize,
    number: u64,
) -> Result<Generation, Box<Problem>> {
    let mut listeners = std::collections::BTreeMap::new();
    for (name, listener) in &past.listeners {
        let address = listener.config.address;
        let open = current
            .listeners
            .values()
            .find(|l| l.config.address == address);
        let sockets = match open.and_then(|l| l.sockets.clone()) {
            Some(sockets) => sockets,
            // Those that it had were closed when it went.
            None => Sockets::bind(address, workers)
                .map(Arc::new)
                .map_err(|why| {
                    let key = format!("listeners.{name}.address");
                    Box::new(problem(key, format!("cannot listen on {address}: {why}")))
                })?,
        };
        let listening = Listening {
            sockets: Some(sockets),
            ..listener.clone()
        };
        listeners.insert(name.clone(), listening);
    }
    Ok(Generation {
        number,
        built: SystemTime::now(),
        config: past.config.clone(),
        routes: past.routes.clone(),
        bindings: past.bindings.clone(),
        stores: past.stores.clone(),
        destinations: past.destinations.clone(),
        listeners,
        access_log: past.access_log.clone(),
        instances: Mutex::default(),
    })
}

/// A problem that no file has.
fn problem(key: String, message: String) -> Problem {
    Problem {
        place: None,
        key,
        message,
        found: None,
        expected: None,
        nearest: None,
    }
}

/// What `next` changes, in words; a plugin's code counts, though no file of the configuration says so.
fn changes(current: &Generation, next: &Generation) -> Vec<String> {
    let mut changes = in_words(&config::diff(&current.config, &next.config));
    for (name, binding) in &next.bindings {
        let code = |b: &Arc<crate::plugin::Binding>| b.artifact().digest();
        if let Some(before) = current.bindings.get(name)
            && code(before) != code(binding)
        {
            changes.push(format!("~ plugin {name}: code {}", code(binding)));
        }
    }
    changes
}

fn in_words(diff: &config::ConfigDiff) -> Vec<String> {
    diff.changes.iter().map(ToString::to_string).collect()
}

/// What only a new process can change.
fn restart(current: &Generation, next: &Generation) -> Vec<String> {
    let (before, after) = (&current.config, &next.config);
    let mut keys = Vec::new();
    if before.admin != after.admin {
        keys.push("admin".into());
    }
    if before.runtime.workers != after.runtime.workers {
        keys.push("runtime.workers".into());
    }
    if before.runtime.compile_cache != after.runtime.compile_cache {
        keys.push("runtime.compile_cache".into());
    }
    if before.runtime.state != after.runtime.state {
        keys.push("runtime.state".into());
    }
    keys
}

fn stamps_of(loaded: &Loaded) -> Stamps {
    let plugins = loaded
        .config
        .plugins
        .values()
        .filter_map(|p| match &p.source {
            PluginSource::File(path) => Some(path),
            PluginSource::Builtin(_) => None,
        });
    let files: Vec<_> = loaded.files.iter().chain(plugins).collect();
    Stamps::of(files)
}
