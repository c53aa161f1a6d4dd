//! `sluice run`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::LocalOptions;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinHandle};

use super::{check, demo, print, state};
use crate::admin::Admin;
use crate::config::{self, Loaded, Problem};
use crate::generation::{Cause, Control, ReloadOutcome, watch};
use crate::rollout::Rollouts;
use crate::telemetry::{Metrics, log};
use crate::usage::Ledger;
use crate::worker::Workers;

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn run(path: Option<PathBuf>) -> ExitCode {
    log::init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default());
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(serve(path));
            // Nobody waits for a reload that is still being made.
            runtime.shutdown_background();
            result
        }
        Err(why) => Err(Failed::Start(why.to_string())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Problems(problems)) => {
            print::problems(&problems);
            ExitCode::FAILURE
        }
        Err(Failed::Start(why)) => {
            print::err(why);
            ExitCode::FAILURE
        }
    }
}

enum Failed {
    Problems(Vec<Problem>),
    Start(String),
}

impl From<Vec<Problem>> for Failed {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Problems(problems)
    }
}

async fn serve(path: Option<PathBuf>) -> Result<(), Failed> {
    let (loaded, demo) = match &path {
        Some(path) => (config::load(path).map_err(|r| r.problems)?, None),
        None => {
            let demo = demo::Demo::start().await.map_err(Failed::Start)?;
            (demo.load()?, Some(demo))
        }
    };
    let workers = loaded.config.runtime.workers;
    let mut environment = check::environment(&loaded, workers)?;
    let state = state::folder(&loaded.config.runtime, path.as_deref());
    if let Some(folder) = &state {
        let (rollouts, warning) =
            Rollouts::load(folder).map_err(|why| Failed::Start(why.to_string()))?;
        if let Some(warning) = warning {
            tracing::warn!("{warning}");
        }
        environment.rollouts = Arc::new(rollouts);
    }
    let metrics = Metrics::new(workers);
    let control = Control::start(path, &loaded, environment, metrics.clone())?;
    let control = Arc::new(control);
    let usage = Arc::new(Ledger::open(workers, state, SystemTime::now()));
    let threads = Workers::start(workers, &metrics, &usage, &control.subscribe())
        .map_err(|why| Failed::Start(format!("cannot start the workers: {why}")))?;
    let admin = Admin::new(control.clone(), usage.clone());
    announce(&control);
    let judge = control.clone();
    tokio::task::spawn_local(every_second("judging canaries", move || judge.second()));
    listen_admin(&admin, &loaded).await?;
    if loaded.config.runtime.watch && demo.is_none() {
        tokio::task::spawn_local(watch(control.clone()));
    }
    let (ledger, current) = (usage.clone(), control.clone());
    let collect = move || {
        let keep = current.current().config.runtime.usage_days;
        ledger.collect(SystemTime::now(), keep);
    };
    tokio::task::spawn_local(every_second("collecting the usage", collect));
    drop(loaded);
    if let Some(demo) = &demo {
        demo.show();
    }
    until_stopped(&control)
        .await
        .map_err(|why| Failed::Start(why.to_string()))?;
    admin.stop();
    control.stop();
    let last = control.current();
    let within = last.config.runtime.drain;
    tracing::info!("stopping: exchanges under way have {within:?}");
    let stopping = tokio::task::spawn_blocking(move || threads.stop(within));
    tokio::select! {
        _ = stopping => {}
        () = second_signal() => tracing::warn!("stopped at once"),
    }
    control.second();
    if let Err(why) = control.rollouts().save() {
        tracing::warn!("{why}");
    }
    for open in last.stores.values() {
        open.store.give_back().await;
    }
    last.access_log.flush();
    usage.close(SystemTime::now(), last.config.runtime.usage_days);
    Ok(())
}

fn announce(control: &Control) {
    for (name, listener) in &control.current().listeners {
        if let Some(sockets) = &listener.sockets {
            tracing::info!(listener = %name, address = %sockets.address(), "listening");
        }
    }
}

async fn listen_admin(admin: &std::rc::Rc<Admin>, loaded: &Loaded) -> Result<(), Failed> {
    let Some(config) = &loaded.config.admin else {
        return Ok(());
    };
    match admin.listen(config.address).await {
        Ok(address) => {
            tracing::info!(admin = true, address = %address, "listening");
            Ok(())
        }
        Err(why) => {
            let message = format!("cannot listen on {}: {why}", config.address);
            Err(vec![loaded.places.problem("admin.address", message)].into())
        }
    }
}

/// Reloads on SIGHUP; returns on SIGTERM and SIGINT.
async fn until_stopped(control: &Arc<Control>) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // One at a time; signals that come meanwhile are one more.
    let mut reload: Option<JoinHandle<ReloadOutcome>> = None;
    loop {
        tokio::select! {
            _ = hangup.recv(), if reload.is_none() => {
                let control = control.clone();
                let reloading = tokio::task::spawn_blocking(move || control.reload(Cause::Signal));
                reload = Some(reloading);
            }
            ended = ended(&mut reload) => {
                reload = None;
                if ended.is_err() {
                    tracing::error!("a reload panicked; the current generation goes on");
                }
            }
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

/// Waits for the end of a task, for ever where there is none.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

/// Does something that may wait for a disk once a second, beside this thread.
async fn every_second(what: &str, job: impl Fn() + Clone + Send + 'static) {
    let mut seconds = tokio::time::interval(SECOND);
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        if tokio::task::spawn_blocking(job.clone()).await.is_err() {
            tracing::error!("{what} panicked; it is tried again");
        }
    }
}

async fn second_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
