//! Sluice, an API gateway in which every policy is a sandboxed WebAssembly plugin.
//!
//! `ARCHITECTURE.md` at the root of the repository says what lives where and why.

#![deny(unsafe_code)]

pub mod capability;
pub mod config;
pub mod exchange;
pub mod plugin;
pub mod proxy;
