//! The engine: compiles components, keeps them, and counts time for them.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, OptLevel};

use super::abi::v0_1::{self, Pace};
use super::artifact::Artifact;
use super::cache::Cache;
use super::state::State;
use super::ticker::Ticker;
use super::world::World;
use super::{Digest, LoadError, encode, handover};
use crate::capability::wasi;

/// Bytes of the largest component that is compiled.
const MAX_SIZE: usize = 64 << 20;

/// The engine, its clock, and what it has compiled. Cheap to clone.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    engine: Engine,
    linker: Linker<State>,
    waiting: Linker<State>,
    ticker: Arc<Ticker>,
    cache: Option<Cache>,
    loaded: Mutex<HashMap<Digest, Weak<Artifact>>>,
    compiled: AtomicU64,
}

/// Why plugins cannot run on this machine.
#[derive(Debug)]
pub struct RuntimeError(String);

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the WebAssembly engine cannot start: {}", self.0)
    }
}

impl std::error::Error for RuntimeError {}

impl Runtime {
    /// Starts the engine. `cache` is the folder of compiled components; where
    /// it cannot be used, a warning says why, and everything is compiled.
    pub fn new(cache: Option<&Path>) -> Result<Self, RuntimeError> {
        let failed = |error: wasmtime::Error| RuntimeError(format!("{error:#}"));
        let engine = engine().map_err(failed)?;
        let (mut linker, mut waiting) = (Linker::new(&engine), Linker::new(&engine));
        v0_1::link(&mut linker, Pace::AtOnce).map_err(failed)?;
        v0_1::link(&mut waiting, Pace::Waiting).map_err(failed)?;
        let ticker = Ticker::start(&engine).map_err(|e| RuntimeError(e.to_string()))?;
        let cache = cache.and_then(|folder| {
            Cache::open(folder, &engine)
                .inspect_err(|error| {
                    let folder = folder.display();
                    tracing::warn!(%folder, %error, "the compile cache cannot be used");
                })
                .ok()
        });
        Ok(Self(Arc::new(Inner {
            engine,
            linker,
            waiting,
            ticker: Arc::new(ticker),
            cache,
            loaded: Mutex::default(),
            compiled: AtomicU64::new(0),
        })))
    }

    /// Compiles a component, or takes it from the cache: for the control
    /// thread, since it may take seconds. The same bytes give the same artifact
    /// while somebody has it.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Artifact>, LoadError> {
        if bytes.len() > MAX_SIZE {
            return Err(LoadError::TooLarge(MAX_SIZE));
        }
        let digest = Digest::of(bytes);
        if let Some(artifact) = self.loaded().get(&digest).and_then(Weak::upgrade) {
            return Ok(artifact);
        }
        let component = self.component(digest, bytes)?;
        let linker = |world: &World, pace: Pace| {
            let mut linker = match pace {
                Pace::AtOnce => self.0.linker.clone(),
                Pace::Waiting => self.0.waiting.clone(),
            };
            if world.wasi {
                wasi::link(&mut linker, &component.component_type())?;
            }
            Ok(linker)
        };
        let artifact = Artifact::new(digest, bytes.len(), &component, linker, &self.0.ticker)?;
        let artifact = Arc::new(artifact);
        let mut loaded = self.loaded();
        loaded.retain(|_, artifact| artifact.strong_count() > 0);
        loaded.insert(digest, Arc::downgrade(&artifact));
        Ok(artifact)
    }

    /// How many components were compiled, and not taken from the cache.
    pub fn compiled(&self) -> u64 {
        self.0.compiled.load(Ordering::Relaxed)
    }

    pub(super) fn ticker(&self) -> &Arc<Ticker> {
        &self.0.ticker
    }

    fn component(&self, digest: Digest, bytes: &[u8]) -> Result<Component, LoadError> {
        let Inner { engine, cache, .. } = &*self.0;
        if let Some(component) = cache.as_ref().and_then(|c| c.get(engine, digest)) {
            return Ok(component);
        }
        let encoded = encode::component(bytes)?;
        // What cannot be read there is refused in the engine's own words.
        let handed_over =
            handover::through(&encoded).and_then(|bytes| Component::new(engine, bytes).ok());
        let compiled = match handed_over {
            Some(component) => Ok(component),
            None => Component::new(engine, &encoded),
        };
        let component = compiled.map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        self.0.compiled.fetch_add(1, Ordering::Relaxed);
        if let Some(cache) = cache
            && let Err(error) = cache.put(digest, &component)
        {
            tracing::warn!(%error, "a compiled plugin was not cached");
        }
        Ok(component)
    }

    fn loaded(&self) -> MutexGuard<'_, HashMap<Digest, Weak<Artifact>>> {
        let loaded = &self.0.loaded;
        loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_memory64(false)
        // Fibers and component-model async cost each call half again.
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_init_cow(true)
        // Nothing unwinds through compiled code but the engine's own traps.
        .native_unwind_info(false);
    Engine::new(&config)
}
