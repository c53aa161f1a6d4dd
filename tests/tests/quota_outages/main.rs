//! Quotas while their Redis is away, slow, or unwell: what the table of
//! `on_store_error` promises, how long requests wait, and how it ends.

mod charges;
mod host;
mod servers;
mod waits;
mod ways;
