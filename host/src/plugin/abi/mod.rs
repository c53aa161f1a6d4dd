//! How plugins and the gateway speak: one module for each version of the WIT
//! package. All of `0.1.x` is one of them: growing adds functions and interfaces.

pub(crate) mod v0_1;
