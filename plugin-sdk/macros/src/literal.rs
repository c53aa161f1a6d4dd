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

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn literals_are_written_as_json() {
        let cases: [(Expr, &str); 6] = [
            (parse_quote!("a\"\n\u{1}"), r#""a\"\n\u0001""#),
            (parse_quote!(-5), "-5"),
            (parse_quote!(1_000u32), "1000"),
            (parse_quote!(1.), "1.0"),
            (parse_quote!(true), "true"),
            (parse_quote!([1, [], "a"]), r#"[1,[],"a"]"#),
        ];
        for (expr, text) in cases {
            assert_eq!(json(&expr).unwrap(), text);
        }
        let not_literals: [Expr; 3] = [parse_quote!(x), parse_quote!(f(1)), parse_quote!('c')];
        for expr in not_literals {
            assert!(json(&expr).is_err());
        }
    }
}
