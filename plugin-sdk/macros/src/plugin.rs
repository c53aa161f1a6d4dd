//! `#[plugin]`

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Ident, ImplItem, ItemImpl, Type};

use crate::docs;

/// The hooks: the method, and the variant of `Hook`.
const HOOKS: [(&str, &str); 5] = [
    ("on_request", "OnRequest"),
    ("on_request_body", "OnRequestBody"),
    ("on_response", "OnResponse"),
    ("on_response_body", "OnResponseBody"),
    ("on_log", "OnLog"),
];

/// What stands in `#[plugin(…)]`.
pub(crate) struct Options {
    log_panics: bool,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Ok(Self { log_panics: false });
        }
        let word: Ident = input.parse()?;
        if word == "log_panics" {
            Ok(Self { log_panics: true })
        } else {
            Err(syn::Error::new(word.span(), "expected `log_panics`"))
        }
    }
}

pub(crate) fn expand(options: Options, mut item: ItemImpl) -> syn::Result<TokenStream> {
    let (config, configure, hooks) = check(&item)?;
    if !config {
        item.items.push(syn::parse_quote!(
            type Config = Self;
        ));
    }
    if !configure {
        item.items.push(syn::parse_quote! {
            fn configure(config: Self) -> ::core::result::Result<Self, ::sluice_plugin::Problems> {
                ::core::result::Result::Ok(config)
            }
        });
    }
    let variants = hooks.iter().map(|(_, variant)| format_ident!("{variant}"));
    item.items.push(syn::parse_quote! {
        const HOOKS: &'static [::sluice_plugin::Hook] = &[#(::sluice_plugin::Hook::#variants),*];
    });
    let summary = docs::summary(&docs::text(&item.attrs));
    item.items
        .push(syn::parse_quote!(const SUMMARY: &'static str = #summary;));

    let exports = exports(&item.self_ty, &hooks, options.log_panics);
    Ok(quote! {
        #item
        #exports
    })
}

/// Whether the block has `type Config`, `configure`, and which hooks it has.
#[allow(clippy::type_complexity)]
fn check(item: &ItemImpl) -> syn::Result<(bool, bool, Vec<(&'static str, &'static str)>)> {
    if item.trait_.is_none() {
        return Err(syn::Error::new_spanned(
            &item.self_ty,
            "`#[plugin]` stands on `impl Plugin for …`",
        ));
    }
    if !item.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            &item.generics,
            "a plugin is a type without parameters",
        ));
    }
    let config = item
        .items
        .iter()
        .any(|i| matches!(i, ImplItem::Type(t) if t.ident == "Config"));
    let has = |name: &str| {
        item.items
            .iter()
            .any(|i| matches!(i, ImplItem::Fn(f) if f.sig.ident == name))
    };
    let configure = has("configure");
    if config && !configure {
        return Err(syn::Error::new_spanned(
            &item.self_ty,
            "`type Config` needs `fn configure(config: Self::Config) -> Result<Self, Problems>`",
        ));
    }
    let hooks: Vec<_> = HOOKS.into_iter().filter(|(name, _)| has(name)).collect();
    if hooks.is_empty() {
        return Err(syn::Error::new_spanned(
            &item.self_ty,
            "a plugin has at least one hook: on_request, on_request_body, on_response, \
             on_response_body or on_log",
        ));
    }
    Ok((config, configure, hooks))
}

/// The exports of the component; nothing on other targets.
fn exports(plugin: &Type, hooks: &[(&str, &str)], log_panics: bool) -> TokenStream {
    let private = quote!(::sluice_plugin::__private);
    let bindings = quote!(::sluice_plugin::__private::bindings);
    let hooks = hooks.iter().map(|(name, _)| {
        let hook = format_ident!("{name}");
        let body = name
            .ends_with("_body")
            .then(|| quote!(body: ::std::vec::Vec<u8>));
        let body_argument = name.ends_with("_body").then(|| quote!(, body));
        let (parameter, argument, result) = if *name == "on_log" {
            (
                Some(quote!(what: #bindings::#hook::exports::sluice::plugin::#hook::Summary)),
                Some(quote!(, what)),
                quote!(()),
            )
        } else {
            (
                body,
                body_argument,
                quote!(::core::result::Result<
                    #bindings::#hook::exports::sluice::plugin::#hook::Verdict,
                    ::std::string::String,
                >),
            )
        };
        quote! {
            impl #bindings::#hook::exports::sluice::plugin::#hook::Guest for Exports {
                fn #hook(#parameter) -> #result {
                    INSTANCE.with(|instance| #private::guest::#hook(instance #argument))
                }
            }
            #bindings::#hook::export!(Exports with_types_in #bindings::#hook);
        }
    });
    let log_panics = log_panics.then(|| quote!(#private::guest::log_panics();));
    quote! {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exports;
            ::std::thread_local! {
                static INSTANCE: #private::guest::Instance<#plugin> =
                    const { #private::guest::Instance::new() };
            }
            impl #bindings::plugin::exports::sluice::plugin::lifecycle::Guest for Exports {
                fn describe() -> #bindings::plugin::exports::sluice::plugin::lifecycle::Description {
                    #private::guest::describe::<#plugin>()
                }
                fn configure(
                    config: ::std::string::String,
                ) -> ::core::result::Result<
                    (),
                    ::std::vec::Vec<#bindings::plugin::exports::sluice::plugin::lifecycle::Problem>,
                > {
                    #log_panics
                    INSTANCE.with(|instance| #private::guest::configure(instance, config))
                }
            }
            #bindings::plugin::export!(Exports with_types_in #bindings::plugin);
            #(#hooks)*
        };
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn expanded(item: ItemImpl) -> String {
        let expanded = expand(Options { log_panics: false }, item);
        expanded.expect("it expands").to_string()
    }

    fn refused(item: ItemImpl) -> String {
        let expanded = expand(Options { log_panics: false }, item);
        expanded.expect_err("it is refused").to_string()
    }

    #[test]
    fn only_the_hooks_of_the_block_are_exported() {
        let code = expanded(parse_quote! {
            impl Plugin for P {
                fn on_response(&self, _: &Request, _: &mut Response) -> Result<Verdict, Error> {
                    Ok(Verdict::Next)
                }
            }
        });
        assert!(code.contains("bindings :: on_response :: export !"));
        assert!(code.contains("bindings :: plugin :: export !"));
        assert_eq!(code.matches(":: export !").count(), 2, "{code}");
        assert!(code.contains("& [:: sluice_plugin :: Hook :: OnResponse]"));
    }

    #[test]
    fn a_plugin_is_its_own_configuration_unless_it_says_otherwise() {
        let code = expanded(parse_quote! {
            impl Plugin for P { fn on_log(&self, _: &Request, _: &Response, _: &Summary) {} }
        });
        assert!(code.contains("type Config = Self"));
        let code = expanded(parse_quote! {
            impl Plugin for P {
                type Config = C;
                fn configure(config: C) -> Result<Self, Problems> { Ok(P) }
                fn on_log(&self, _: &Request, _: &Response, _: &Summary) {}
            }
        });
        assert!(!code.contains("type Config = Self"));
        assert_eq!(code.matches("fn configure (config : C)").count(), 1);
    }

    #[test]
    fn what_cannot_be_a_plugin_is_refused_with_what_to_do() {
        for (item, message) in [
            (parse_quote!(impl Plugin for P {}), "at least one hook"),
            (
                parse_quote!(impl P { fn on_log(&self) {} }),
                "stands on `impl Plugin for",
            ),
            (
                parse_quote!(
                    impl<T> Plugin for P<T> {
                        fn on_log(&self) {}
                    }
                ),
                "without parameters",
            ),
            (
                parse_quote!(impl Plugin for P { type Config = C; fn on_log(&self) {} }),
                "needs `fn configure",
            ),
        ] {
            let refused = refused(item);
            assert!(refused.contains(message), "{refused}");
        }
        assert!(syn::parse_str::<Options>("log_panic").is_err());
        assert!(syn::parse_str::<Options>("log_panics").is_ok());
    }
}
