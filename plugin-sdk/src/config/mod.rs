//! What a plugin can be configured with: values that are read from JSON with
//! every problem named by its place, and a JSON Schema of them.

mod reader;
mod schema;
mod values;

pub use reader::{Reader, Table};
pub(crate) use schema::quote;
pub use schema::{Schema, TableSchema};
pub use serde_json::Value;

use crate::Problems;

/// A value of the configuration. Derive it: `#[derive(Config)]`.
///
/// There are implementations for `bool`, the integers, `f64`, `String`,
/// [`Duration`](std::time::Duration) (`"250ms"`, `"30s"`, `"1h"`), `Option`,
/// `Vec`, `BTreeMap<String, _>`, and [`Value`] for anything at all.
///
/// ```
/// use sluice_plugin::prelude::*;
///
/// /// Where a value comes from.
/// #[derive(Config)]
/// enum Source { Header, ClientAddress }
///
/// #[derive(Config)]
/// struct Limit {
///     /// Requests in a window.
///     amount: u32,
///     #[config(default = "1m")]
///     window: std::time::Duration,
///     #[config(default = "client-address")]
///     by: Source,
///     /// Where it does not apply.
///     #[config(default = [])]
///     except: Vec<String>,
///     note: Option<String>,
/// }
///
/// let limit = sluice_plugin::config::from_json::<Limit>(r#"{"amount": 5}"#).unwrap();
/// assert_eq!(limit.window.as_secs(), 60);
///
/// let problems = sluice_plugin::config::from_json::<Limit>(r#"{"amout": 5, "by": 1}"#);
/// let problems: Vec<_> = problems.err().unwrap().into_iter().map(|p| p.at).collect();
/// assert_eq!(problems, ["/amout", "/amount", "/by"]);
/// ```
///
/// Written by hand, for a value of its own form, it also fits:
///
/// ```
/// use sluice_plugin::config::{Reader, Schema, Value};
/// use sluice_plugin::Config;
///
/// struct Percent(f64);
///
/// impl Config for Percent {
///     fn schema(out: &mut Schema) {
///         out.keywords(r#""type":"number","minimum":0,"maximum":100"#);
///     }
///     fn read(value: &Value, at: &mut Reader) -> Option<Self> {
///         let percent = f64::read(value, at)?;
///         if !(0.0..=100.0).contains(&percent) {
///             at.problem("expected a number between 0 and 100");
///             return None;
///         }
///         Some(Percent(percent))
///     }
/// }
/// assert!(sluice_plugin::config::from_json::<Percent>("101").is_err());
/// ```
pub trait Config: Sized {
    /// What the value is for, in Markdown: the type's doc comment.
    const DESCRIPTION: &'static str = "";

    /// The first paragraph of it.
    const SUMMARY: &'static str = "";

    /// Writes the keywords of the value's JSON Schema (2020-12).
    fn schema(out: &mut Schema);

    /// Reads the value. None where a problem was noted. Problems name what was
    /// expected, never the value itself, which may be a secret.
    fn read(value: &Value, at: &mut Reader) -> Option<Self>;

    /// The value of a key that is not there; none where it is required.
    fn absent() -> Option<Self> {
        None
    }
}

/// Reads a configuration, and notes every problem in it.
pub fn from_json<C: Config>(text: &str) -> Result<C, Problems> {
    match serde_json::from_str(text) {
        Ok(value) => from_value(&value),
        Err(_) => Err(Problems::one("", "not JSON")),
    }
}

/// Reads a configuration that is JSON already.
pub fn from_value<C: Config>(value: &Value) -> Result<C, Problems> {
    let mut at = Reader::default();
    match C::read(value, &mut at) {
        Some(config) if at.problems.is_empty() => Ok(config),
        _ => Err(at.problems),
    }
}

/// The JSON Schema (2020-12) of a configuration.
pub fn schema<C: Config>() -> String {
    let mut out = Schema::default();
    out.document::<C>();
    out.into_string()
}
