//! `lifecycle`: what every plugin exports.

use wasmtime::component::{ComponentType, Lift};

/// `lifecycle.description`
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Description {
    #[component(name = "summary")]
    pub(crate) summary: String,
    #[component(name = "config-schema")]
    pub(crate) config_schema: String,
}

/// `lifecycle.problem`
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Problem {
    #[component(name = "at")]
    pub(crate) at: String,
    #[component(name = "message")]
    pub(crate) message: String,
}
