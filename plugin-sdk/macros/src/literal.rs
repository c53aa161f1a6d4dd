//! Rust literals and text as JSON.

use syn::{Expr, Lit, UnOp};

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A literal, or an array of them, as JSON.
pub(crate) fn json(value: &Expr) -> syn::Result<String> {
    let unsupported = || {
        syn::Error::new_spanned(
            value,
            "a default is a literal as it would stand in the configuration: \
             a string, number, boolean, or an array of them",
        )
    };
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Ok(quoted(&text.value())),
            Lit::Bool(flag) => Ok(flag.value.to_string()),
            Lit::Int(number) => Ok(number.base10_digits().to_owned()),
            Lit::Float(number) => {
                // JSON wants a digit after the point.
                let number = number.base10_parse::<f64>()?;
                Ok(format!("{number:?}"))
            }
            _ => Err(unsupported()),
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            Ok(format!("-{}", json(&unary.expr)?))
        }
        Expr::Array(array) => {
            let items: syn::Result<Vec<_>> = array.elems.iter().map(json).collect();
            Ok(format!("[{}]", items?.join(",")))
        }
        _ => Err(unsupported()),
    }
}
