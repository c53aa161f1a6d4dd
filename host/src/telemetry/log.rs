//! The gateway's own log: lines on stderr.

use tracing_subscriber::EnvFilter;

/// Sends log lines to stderr. `SLUICE_LOG` sets what is shown, for example
/// `debug` or `warn,plugin=debug`; the default is `info`.
pub fn init() {
    let filter = EnvFilter::try_from_env("SLUICE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // A second call, as in tests, keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .try_init();
}
