//! The functions of the contract: the gateway's in a component, and a fake
//! exchange's everywhere else.

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::imports::sluice::plugin::{
    clock, consumers, context, hook_choice, http_client, identity, identity_edit, kv, log, metrics,
    quota, random, request, request_edit, response, response_edit, rollout, routing, secrets,
};

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::imports::{
    clock, consumers, context, hook_choice, identity, identity_edit, log, random, request,
    request_edit, response, response_edit, routing,
};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::{http_client, kv, metrics, quota, rollout, secrets};

pub(crate) use crate::bindings::imports::sluice::plugin as types;
