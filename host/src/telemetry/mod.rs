//! What the gateway tells about itself: metrics, the access log, its own log.
//!
//! Every worker writes to a shard of its own, with plain stores that no other
//! worker contends for; a scrape adds the shards up.

pub mod access_log;
mod counter;
pub mod log;
mod metrics;
mod prometheus;
mod rollouts;
mod shard;
mod stores;

pub use counter::{Counter, Gauge, Histogram};
pub use metrics::{Metrics, Reloads};
pub use rollouts::render_rollouts;
pub use shard::{HookSeries, ListenerSeries, PluginSeries, RouteSeries, Shard, UpstreamSeries};
pub use stores::render_stores;
