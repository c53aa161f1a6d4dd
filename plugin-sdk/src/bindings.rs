//! The contract of `wit/` in Rust: the imports once, and a world for each hook on top of them.
//!
//! A hook is a world of its own so that a plugin exports those hooks which its
//! author wrote: `#[plugin]` expands the export macro of each of them.

#![allow(
    missing_docs,
    unreachable_pub,
    unused,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    reason = "generated code"
)]

pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        world: "imports",
        generate_all,
        generate_unused_types: true,
        ownership: Borrowing { duplicate_if_necessary: true },
        additional_derives: [PartialEq],
    });
}

/// What the hook worlds share with the imports.
pub mod types {
    pub use super::imports::sluice::plugin::types::{
        Edit, Field, RefusedEdit, Rejected, Reply, StoreError,
    };

    pub type Bytes = Vec<u8>;
}

macro_rules! world {
    ($module:ident, $world:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "../wit",
                world: $world,
                pub_export_macro: true,
                runtime_path: "::sluice_plugin::__private::rt",
                with: {
                    "sluice:plugin/types@0.1.0": crate::bindings::types,
                    "sluice:plugin/request@0.1.0": crate::bindings::imports::sluice::plugin::request,
                    "sluice:plugin/request-edit@0.1.0": crate::bindings::imports::sluice::plugin::request_edit,
                    "sluice:plugin/routing@0.1.0": crate::bindings::imports::sluice::plugin::routing,
                    "sluice:plugin/response@0.1.0": crate::bindings::imports::sluice::plugin::response,
                    "sluice:plugin/response-edit@0.1.0": crate::bindings::imports::sluice::plugin::response_edit,
                    "sluice:plugin/context@0.1.0": crate::bindings::imports::sluice::plugin::context,
                    "sluice:plugin/identity@0.1.0": crate::bindings::imports::sluice::plugin::identity,
                    "sluice:plugin/identity-edit@0.1.0": crate::bindings::imports::sluice::plugin::identity_edit,
                    "sluice:plugin/log@0.1.0": crate::bindings::imports::sluice::plugin::log,
                    "sluice:plugin/metrics@0.1.0": crate::bindings::imports::sluice::plugin::metrics,
                    "sluice:plugin/clock@0.1.0": crate::bindings::imports::sluice::plugin::clock,
                    "sluice:plugin/random@0.1.0": crate::bindings::imports::sluice::plugin::random,
                    "sluice:plugin/consumers@0.1.0": crate::bindings::imports::sluice::plugin::consumers,
                    "sluice:plugin/kv@0.1.0": crate::bindings::imports::sluice::plugin::kv,
                    "sluice:plugin/quota@0.1.0": crate::bindings::imports::sluice::plugin::quota,
                    "sluice:plugin/rollout@0.1.0": crate::bindings::imports::sluice::plugin::rollout,
                    "sluice:plugin/http-client@0.1.0": crate::bindings::imports::sluice::plugin::http_client,
                    "sluice:plugin/secrets@0.1.0": crate::bindings::imports::sluice::plugin::secrets,
                    "sluice:plugin/hook-choice@0.1.0": crate::bindings::imports::sluice::plugin::hook_choice,
                },
            });
        }
    };
}

world!(plugin, "plugin");
world!(on_request, "with-on-request");
world!(on_request_body, "with-on-request-body");
world!(on_response, "with-on-response");
world!(on_response_body, "with-on-response-body");
world!(on_log, "with-on-log");
