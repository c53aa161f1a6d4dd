//! The thread that talks to stores. Nothing else runs on it, so that an answer
//! never waits behind the work of a request.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle};

/// One for the process, begun when the first store that needs it is made.
static THREAD: OnceLock<Result<Handle, String>> = OnceLock::new();

/// The runtime of the thread.
pub(super) fn handle() -> Result<Handle, String> {
    THREAD.get_or_init(start).clone()
}

fn start() -> Result<Handle, String> {
    let failed = |why: std::io::Error| format!("the thread of the stores cannot start: {why}");
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("sluice-store".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(failed)?;
    Ok(handle)
}
