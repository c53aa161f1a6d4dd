//! Waiting for something to become true, with a deadline and a name.

use std::time::Duration;

/// How long a condition may take to become true, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is a value; panics with `what` when [`PATIENCE`] ends.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let asking = async {
        loop {
            ticks.tick().await;
            if let Some(value) = ask().await {
                return value;
            }
        }
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Awaits a future; panics with `what` when [`PATIENCE`] ends.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Lets `span` pass: for upstreams and clients that are slow on purpose.
pub async fn pause(span: Duration) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + span, span);
    ticks.tick().await;
}
