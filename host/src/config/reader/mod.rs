//! A typed reader over the tree that collects problems instead of stopping.

mod context;
mod fault;
mod item;
mod table;

pub(super) use context::{Context, Problems};
pub(super) use fault::Fault;
pub(super) use item::Item;
pub(super) use table::{Table, read_table};
