//! What holds where a configuration says nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::model::{
    ListenerLimits, ListenerTimeouts, MemoryStore, PluginLimits, PoolLimits, Runtime,
    UpstreamTimeouts,
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
            compile_cache: folder_of("XDG_CACHE_HOME", ".cache"),
            state: folder_of("XDG_STATE_HOME", ".local/state"),
            usage_days: 400,
            history: 5,
            watch: true,
            drain: Duration::from_secs(30),
        }
    }
}

/// A folder of the XDG base directory specification, which ignores relative
/// ones; none where there is no home either.
fn folder_of(variable: &str, below_home: &str) -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    let base = folder(variable).filter(|path| path.is_absolute());
    let home = || folder("HOME").filter(|path| path.is_absolute());
    let base = base.or_else(|| Some(home()?.join(below_home)))?;
    Some(base.join("sluice"))
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
            instances: 64,
            wait: Duration::from_secs(30),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            bytes: 256 << 20,
        }
    }
}
