//! The macros of `sluice-plugin`; see there for what they are for.

mod config;
mod docs;
mod literal;
mod plugin;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Implements `sluice_plugin::Config`: reading from JSON, and the JSON Schema.
///
/// On a struct with named fields, each field is a key. On an enum without
/// fields, each variant is a string in kebab-case. Doc comments become
/// descriptions. A key without a default is required, unless it is an `Option`.
///
/// | attribute | meaning |
/// |---|---|
/// | `#[config(default = LITERAL)]` | the value of an absent key: a string, number, boolean, or an array of them, as it would stand in the configuration |
/// | `#[config(default)]` | an absent key is `Default::default()` |
/// | `#[config(rename = "name")]` | the key, or the variant's string, is not the name in Rust |
#[proc_macro_derive(Config, attributes(config))]
pub fn derive_config(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    config::derive(&input)
        .unwrap_or_else(|e| e.into_compile_error())
        .into()
}

/// On `impl Plugin for …`: exports the hooks that the block has, and no others.
///
/// Where the block has neither `type Config` nor `configure`, the type is its
/// own configuration. The summary that operators see is the block's doc
/// comment, else that of the configuration.
///
/// `#[plugin(log_panics)]` also writes the message of a panic to the gateway's
/// log before the plugin traps; the plugin imports `log` for it.
#[proc_macro_attribute]
pub fn plugin(options: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(options as plugin::Options);
    let item = parse_macro_input!(item as syn::ItemImpl);
    plugin::expand(options, item)
        .unwrap_or_else(|e| e.into_compile_error())
        .into()
}
