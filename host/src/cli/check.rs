//! `sluice check`

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::print;
use crate::capability::metrics::CustomMetrics;
use crate::config::{self, Loaded, Problem};
use crate::generation::{self, Environment, Generation};
use crate::plugin::Runtime;
use crate::rollout::Rollouts;

pub(super) fn check(path: &Path, as_json: bool) -> ExitCode {
    let checked = load(path);
    if as_json {
        let problems = checked.as_ref().err();
        let problems = problems.map_or(&[][..], Vec::as_slice);
        print::out(json!({ "ok": checked.is_ok(), "problems": problems }));
    }
    match checked {
        Ok((loaded, _)) => {
            if !as_json {
                let config = &loaded.config;
                print::out(format_args!(
                    "ok: {} listeners, {} routes, {} upstreams, {} plugins, {} consumers",
                    config.listeners.len(),
                    config.routes.len(),
                    config.upstreams.len(),
                    config.plugins.len(),
                    config.consumers.0.len(),
                ));
            }
            ExitCode::SUCCESS
        }
        Err(problems) => {
            if !as_json {
                print::problems(&problems);
            }
            ExitCode::FAILURE
        }
    }
}

/// Loads everything as `run` would.
pub(super) fn load(path: &Path) -> Result<(Loaded, Generation), Vec<Problem>> {
    let loaded = config::load(path).map_err(|rejected| rejected.problems)?;
    let environment = environment(&loaded, 1)?;
    let generation = generation::check(&loaded, &environment)?;
    Ok((loaded, generation))
}

/// What generations are built in.
pub(super) fn environment(loaded: &Loaded, workers: usize) -> Result<Environment, Vec<Problem>> {
    let cache = loaded.config.runtime.compile_cache.as_deref();
    let runtime = Runtime::new(cache).map_err(|why| {
        let message = format!("the plugin runtime cannot start: {why}");
        vec![loaded.places.problem("runtime.compile_cache", message)]
    })?;
    Ok(Environment {
        runtime,
        custom: CustomMetrics::default(),
        rollouts: Arc::new(Rollouts::in_memory()),
        workers,
    })
}
