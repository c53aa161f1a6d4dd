//! Plugins: the only part of the gateway that names wasmtime.

pub mod builtin;
