//! One exchange from start to finish.

pub mod path;
