//! `wasi:io`: input that has ended, output that goes to the log, and polling
//! that never waits.

use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource, ResourceType, WasmList};
use wasmtime::{Result, StoreContextMut, bail};

use super::lines::Stream;
use crate::plugin::state::State;

type Store<'a> = StoreContextMut<'a, State>;
type Linker<'a> = LinkerInstance<'a, State>;
type Input = Resource<InputStream>;
type Output = Resource<OutputStream>;

/// Always at its end.
pub(super) struct InputStream;
/// Standard output or error, told apart by the number of the resource.
pub(super) struct OutputStream;
/// Ready or not, told apart by the number of the resource.
pub(super) struct Pollable;
/// What went wrong with a stream; none is ever made.
pub(super) struct IoError;

/// The numbers of the resources.
pub(super) const STDOUT: u32 = 1;
pub(super) const STDERR: u32 = 2;
pub(super) const READY: u32 = 0;
pub(super) const LATER: u32 = 1;

/// Bytes that a guest may write at a time. WASI traps what writes more.
const WINDOW: usize = 4096;
/// Pollables of one call of `poll`.
const MAX_POLL: usize = 1000;

/// `streams.stream-error`
#[derive(ComponentType, Lower)]
#[component(variant)]
#[allow(dead_code, reason = "the order of the cases is the ABI")]
enum StreamError {
    #[component(name = "last-operation-failed")]
    Failed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

type Streamed<T> = (Result<T, StreamError>,);

pub(super) fn error(linker: &mut Linker<'_>) -> Result<()> {
    linker.resource("error", ResourceType::host::<IoError>(), |_, _| Ok(()))?;
    linker.func_wrap(
        "[method]error.to-debug-string",
        |_: Store, (_,): (Resource<IoError>,)| Ok((String::new(),)),
    )
}

pub(super) fn poll(linker: &mut Linker<'_>) -> Result<()> {
    linker.resource("pollable", ResourceType::host::<Pollable>(), |_, _| Ok(()))?;
    linker.func_wrap(
        "[method]pollable.ready",
        |_: Store, (this,): (Resource<Pollable>,)| Ok((this.rep() == READY,)),
    )?;
    linker.func_wrap(
        "[method]pollable.block",
        |_: Store, (this,): (Resource<Pollable>,)| {
            if this.rep() != READY {
                bail!("the plugin tried to wait, and a hook cannot");
            }
            Ok(())
        },
    )?;
    linker.func_wrap(
        "poll",
        |mut store: Store, (all,): (WasmList<Resource<Pollable>>,)| {
            let mut ready = Vec::new();
            for (at, pollable) in (0u32..).zip(all.iter(&mut store)?.take(MAX_POLL)) {
                if pollable?.rep() == READY {
                    ready.push(at);
                }
            }
            if ready.is_empty() {
                bail!("the plugin tried to wait, and a hook cannot");
            }
            Ok((ready,))
        },
    )
}

pub(super) fn streams(linker: &mut Linker<'_>) -> Result<()> {
    input(linker)?;
    output(linker)
}

fn input(linker: &mut Linker<'_>) -> Result<()> {
    let ty = ResourceType::host::<InputStream>();
    linker.resource("input-stream", ty, |_, _| Ok(()))?;
    for name in ["read", "blocking-read"] {
        linker.func_wrap(
            &format!("[method]input-stream.{name}"),
            |_: Store, (_, _): (Input, u64)| -> Result<Streamed<Vec<u8>>> {
                Ok((Err(StreamError::Closed),))
            },
        )?;
    }
    for name in ["skip", "blocking-skip"] {
        linker.func_wrap(
            &format!("[method]input-stream.{name}"),
            |_: Store, (_, _): (Input, u64)| -> Result<Streamed<u64>> {
                Ok((Err(StreamError::Closed),))
            },
        )?;
    }
    linker.func_wrap(
        "[method]input-stream.subscribe",
        |_: Store, (_,): (Input,)| Ok((Resource::<Pollable>::new_own(READY),)),
    )
}

fn output(linker: &mut Linker<'_>) -> Result<()> {
    let ty = ResourceType::host::<OutputStream>();
    linker.resource("output-stream", ty, |_, _| Ok(()))?;
    linker.func_wrap(
        "[method]output-stream.check-write",
        |_: Store, (_,): (Output,)| -> Result<Streamed<u64>> { Ok((Ok(WINDOW as u64),)) },
    )?;
    for name in ["write", "blocking-write-and-flush"] {
        linker.func_wrap(
            &format!("[method]output-stream.{name}"),
            |mut store: Store, (this, bytes): (Output, WasmList<u8>)| -> Result<Streamed<()>> {
                if bytes.len() > WINDOW {
                    bail!("the plugin wrote more at a time than `check-write` permits");
                }
                write(&mut store, &this, &bytes);
                Ok((Ok(()),))
            },
        )?;
    }
    for name in ["flush", "blocking-flush"] {
        linker.func_wrap(
            &format!("[method]output-stream.{name}"),
            |_: Store, (_,): (Output,)| -> Result<Streamed<()>> { Ok((Ok(()),)) },
        )?;
    }
    for name in ["write-zeroes", "blocking-write-zeroes-and-flush"] {
        linker.func_wrap(
            &format!("[method]output-stream.{name}"),
            |_: Store, (_, _): (Output, u64)| -> Result<Streamed<()>> {
                Ok((Err(StreamError::Closed),))
            },
        )?;
    }
    for name in ["splice", "blocking-splice"] {
        linker.func_wrap(
            &format!("[method]output-stream.{name}"),
            |_: Store, (_, _, _): (Output, Input, u64)| -> Result<Streamed<u64>> {
                Ok((Err(StreamError::Closed),))
            },
        )?;
    }
    linker.func_wrap(
        "[method]output-stream.subscribe",
        |_: Store, (_,): (Output,)| Ok((Resource::<Pollable>::new_own(READY),)),
    )
}

fn write(store: &mut Store, stream: &Output, bytes: &WasmList<u8>) {
    let stream = match stream.rep() {
        STDERR => Stream::Stderr,
        _ => Stream::Stdout,
    };
    let mut lines = std::mem::take(&mut store.data_mut().lines);
    let sink = &store.data().scope.log;
    lines.write(sink, stream, bytes.as_le_slice(&*store));
    store.data_mut().lines = lines;
}
