//! Sluice, an API gateway in which every policy is a sandboxed WebAssembly plugin.
//!
//! `ARCHITECTURE.md` at the root of the repository says what lives where and why.

#![deny(unsafe_code)]

pub mod admin;
pub mod body;
pub mod capability;
pub mod cli;
pub mod config;
pub mod exchange;
pub mod folder_lock;
pub mod generation;
pub mod http1;
pub mod message;
pub mod plugin;
pub mod proxy;
pub mod rollout;
pub mod route;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod upstream;
pub mod usage;
pub mod worker;
