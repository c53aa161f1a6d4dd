//! `wasi:cli`: nothing is known of the surroundings, and output goes to the log.

use wasmtime::component::{LinkerInstance, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut, bail};

use super::io::{InputStream, OutputStream, STDERR, STDOUT};
use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;
type Linker<'a> = LinkerInstance<'a, State>;

/// A terminal that there never is.
pub(super) struct TerminalInput;
/// The other end of it.
pub(super) struct TerminalOutput;

pub(super) fn environment(linker: &mut Linker<'_>) -> Result<()> {
    linker.func_wrap("get-environment", |_: Store, (): ()| {
        Ok((Vec::<(String, String)>::new(),))
    })?;
    linker.func_wrap("get-arguments", |_: Store, (): ()| {
        Ok((Vec::<String>::new(),))
    })?;
    linker.func_wrap("initial-cwd", |_: Store, (): ()| Ok((None::<String>,)))
}

pub(super) fn exit(linker: &mut Linker<'_>) -> Result<()> {
    linker.func_wrap("exit", |_: Store, (_,): (Result<(), ()>,)| -> Result<()> {
        bail!("the plugin called exit")
    })?;
    linker.func_wrap("exit-with-code", |_: Store, (_,): (u8,)| -> Result<()> {
        bail!("the plugin called exit")
    })
}

pub(super) fn stdin(linker: &mut Linker<'_>) -> Result<()> {
    linker.func_wrap("get-stdin", |_: Store, (): ()| {
        Ok((Resource::<InputStream>::new_own(0),))
    })
}

pub(super) fn stdout(linker: &mut Linker<'_>) -> Result<()> {
    linker.func_wrap("get-stdout", |_: Store, (): ()| {
        Ok((Resource::<OutputStream>::new_own(STDOUT),))
    })
}

pub(super) fn stderr(linker: &mut Linker<'_>) -> Result<()> {
    linker.func_wrap("get-stderr", |_: Store, (): ()| {
        Ok((Resource::<OutputStream>::new_own(STDERR),))
    })
}

pub(super) fn terminal_input(linker: &mut Linker<'_>) -> Result<()> {
    let ty = ResourceType::host::<TerminalInput>();
    linker.resource("terminal-input", ty, |_, _| Ok(()))
}

pub(super) fn terminal_output(linker: &mut Linker<'_>) -> Result<()> {
    let ty = ResourceType::host::<TerminalOutput>();
    linker.resource("terminal-output", ty, |_, _| Ok(()))
}

pub(super) fn terminal_stdin(linker: &mut Linker<'_>) -> Result<()> {
    linker.func_wrap("get-terminal-stdin", |_: Store, (): ()| {
        Ok((None::<Resource<TerminalInput>>,))
    })
}

pub(super) fn terminal_stdout(linker: &mut Linker<'_>) -> Result<()> {
    linker.func_wrap("get-terminal-stdout", |_: Store, (): ()| {
        Ok((None::<Resource<TerminalOutput>>,))
    })
}

pub(super) fn terminal_stderr(linker: &mut Linker<'_>) -> Result<()> {
    linker.func_wrap("get-terminal-stderr", |_: Store, (): ()| {
        Ok((None::<Resource<TerminalOutput>>,))
    })
}
