//! What holds where a configuration says nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::model::{
    ListenerLimits, ListenerTimeouts, PluginLimits, PoolLimits, Runtime, UpstreamTimeouts,
};

/// The default of a route's `body_limit`, in bytes.
pub(super) const BODY_LIMIT: usize = 1 << 20;

/// The default of a plugin's `on_error_status`.
pub(super) const ON_ERROR_STATUS: u16 = 503;

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            header_bytes: 32 << 10,
            headers: 100,
            streams: 128,
        }
    }
}

impl Default for ListenerTimeouts {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(60),
            write: Duration::from_secs(60),
        }
    }
}

impl Default for Runtime {
    /// One worker for each core that the process may use, as far as the system tells.
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            compile_cache: compile_cache(),
            history: 5,
            watch: true,
            drain: Duration::from_secs(30),
        }
    }
}

/// The folder of the XDG base directory specification, which ignores relative
/// ones; none where there is no home either.
fn compile_cache() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let home = || folder("HOME").filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(home()?.join(".cache")))?;
    Some(cache.join("sluice"))
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            response: Duration::from_secs(60),
            idle: Duration::from_secs(60),
        }
    }
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            idle_timeout: Duration::from_secs(60),
            pending: 1024,
        }
    }
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(50),
            memory: 16 << 20,
            host_call_bytes: 8 << 20,
        }
    }
}
