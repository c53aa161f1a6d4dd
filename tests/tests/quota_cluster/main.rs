//! Quotas of several gateways that count together on one Redis.

mod cluster;
mod keys;
mod schedule;
mod together;
