//! `#[derive(Config)]`

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DataEnum, DeriveInput, Expr, Field, Fields, Ident, LitStr};

use crate::{docs, literal};

/// What `#[config(…)]` says.
#[derive(Default)]
struct Attributes {
    default: Option<Absent>,
    rename: Option<String>,
}

enum Absent {
    /// `default`
    OfType,
    /// `default = LITERAL`, as JSON
    Json(String),
}

impl Attributes {
    fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut found = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("config")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("default") {
                    found.default = Some(if meta.input.peek(syn::Token![=]) {
                        Absent::Json(literal::json(&meta.value()?.parse::<Expr>()?)?)
                    } else {
                        Absent::OfType
                    });
                    Ok(())
                } else if meta.path.is_ident("rename") {
                    found.rename = Some(meta.value()?.parse::<LitStr>()?.value());
                    Ok(())
                } else {
                    Err(meta.error("expected `default` or `rename`"))
                }
            })?;
        }
        Ok(found)
    }
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            &input.generics,
            "a configuration is a type without parameters",
        ));
    }
    let body = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => of_struct(&fields.named.iter().collect::<Vec<_>>())?,
            Fields::Unit => of_struct(&[])?,
            Fields::Unnamed(fields) => {
                return Err(syn::Error::new_spanned(
                    fields,
                    "the keys of a configuration need names: use a struct with named fields",
                ));
            }
        },
        Data::Enum(data) => of_enum(data)?,
        Data::Union(_) => {
            return Err(syn::Error::new_spanned(
                &input.ident,
                "a configuration is a struct or an enum",
            ));
        }
    };
    let name = &input.ident;
    let description = docs::text(&input.attrs);
    let summary = docs::summary(&description);
    Ok(quote! {
        impl ::sluice_plugin::Config for #name {
            const DESCRIPTION: &'static str = #description;
            const SUMMARY: &'static str = #summary;
            #body
        }
    })
}

fn of_struct(fields: &[&Field]) -> syn::Result<TokenStream> {
    let (mut keys, mut properties, mut readers, mut names) = (vec![], vec![], vec![], vec![]);
    for field in fields {
        let attributes = Attributes::parse(&field.attrs)?;
        let (Some(name), ty) = (&field.ident, &field.ty) else {
            continue;
        };
        let key = attributes.rename.clone().unwrap_or_else(|| plain(name));
        let description = docs::text(&field.attrs);
        let (absent, default, required) = match &attributes.default {
            None => (
                quote!(|_| <#ty as ::sluice_plugin::Config>::absent()),
                quote!(::core::option::Option::None),
                quote!(<#ty as ::sluice_plugin::Config>::absent().is_none()),
            ),
            Some(Absent::OfType) => (
                quote!(|_| ::core::option::Option::Some(::core::default::Default::default())),
                quote!(::core::option::Option::None),
                quote!(false),
            ),
            Some(Absent::Json(json)) => (
                quote!(|at| at.default_value(#json)),
                quote!(::core::option::Option::Some(#json)),
                quote!(false),
            ),
        };
        properties.push(quote! {
            table.property::<#ty>(#key, #description, #default, #required);
        });
        readers.push(quote! {
            let #name = table.read::<#ty>(at, #key, #absent);
        });
        keys.push(key);
        names.push(name);
    }
    Ok(quote! {
        fn schema(out: &mut ::sluice_plugin::config::Schema) {
            let mut table = out.table();
            #(#properties)*
            table.end();
        }
        fn read(
            value: &::sluice_plugin::config::Value,
            at: &mut ::sluice_plugin::config::Reader,
        ) -> ::core::option::Option<Self> {
            let table = at.table(value, &[#(#keys),*])?;
            #(#readers)*
            ::core::option::Option::Some(Self { #(#names: #names?),* })
        }
    })
}

fn of_enum(data: &DataEnum) -> syn::Result<TokenStream> {
    let (mut texts, mut descriptions, mut variants) = (vec![], vec![], vec![]);
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new_spanned(
                variant,
                "a choice is an enum whose variants have no fields",
            ));
        }
        let attributes = Attributes::parse(&variant.attrs)?;
        texts.push(attributes.rename.unwrap_or_else(|| kebab(&variant.ident)));
        descriptions.push(docs::text(&variant.attrs));
        variants.push(&variant.ident);
    }
    Ok(quote! {
        fn schema(out: &mut ::sluice_plugin::config::Schema) {
            out.choice(&[#((#texts, #descriptions)),*]);
        }
        fn read(
            value: &::sluice_plugin::config::Value,
            at: &mut ::sluice_plugin::config::Reader,
        ) -> ::core::option::Option<Self> {
            match at.choice(value, &[#(#texts),*])? {
                #(#texts => ::core::option::Option::Some(Self::#variants),)*
                _ => ::core::option::Option::None,
            }
        }
    })
}

/// The name without `r#`.
fn plain(name: &Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}

/// `SlidingWindow` as `sliding-window`.
fn kebab(name: &Ident) -> String {
    let mut out = String::new();
    for c in plain(name).chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn variants_are_in_kebab_case() {
        for (name, text) in [
            ("SlidingWindow", "sliding-window"),
            ("A", "a"),
            ("IPv4", "i-pv4"),
        ] {
            assert_eq!(
                kebab(&Ident::new(name, proc_macro2::Span::call_site())),
                text
            );
        }
    }

    #[test]
    fn what_cannot_be_configuration_is_refused_with_what_to_do() {
        let cases: [(DeriveInput, &str); 5] = [
            (
                parse_quote!(
                    struct C(String);
                ),
                "named fields",
            ),
            (
                parse_quote!(
                    struct C<T> {
                        a: T,
                    }
                ),
                "without parameters",
            ),
            (
                parse_quote!(
                    enum C {
                        A(u8),
                    }
                ),
                "have no fields",
            ),
            (
                parse_quote!(
                    struct C {
                        #[config(defualt)]
                        a: u8,
                    }
                ),
                "expected `default` or `rename`",
            ),
            (
                parse_quote!(
                    struct C {
                        #[config(default = x)]
                        a: u8,
                    }
                ),
                "a default is a literal",
            ),
        ];
        for (input, message) in cases {
            let error = derive(&input).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
