//! `log`: lines in the gateway's log.

use wasmtime::component::{ComponentType, Lift, LinkerInstance, WasmList, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::capability::log;
use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;
type Line = (Level, WasmStr, WasmList<(String, String)>);

/// Fields that are read of one line.
const MAX_FIELDS: usize = 16;

/// `log.level`
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "guests make them")]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

impl From<Level> for log::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        }
    }
}

pub(super) fn link(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("enabled", |store: Store, (at,): (Level,)| {
        Ok((store.data().scope.log.enabled(at.into()),))
    })?;
    linker.func_wrap("write", |mut store: Store, (at, message, fields): Line| {
        if !store.data().scope.log.enabled(at.into()) {
            return Ok(());
        }
        let read = fields.iter(&mut store)?.take(MAX_FIELDS);
        let fields = read.collect::<Result<Vec<_>>>()?;
        let message = message.to_str(&store)?;
        store.data().scope.log.write(at.into(), &message, &fields);
        Ok(())
    })
}
