//! From TOML to a validated model, with every problem at once.

pub mod model;
mod problem;

pub use problem::{Place, Problem};
