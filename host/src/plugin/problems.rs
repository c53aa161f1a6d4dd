//! What a plugin says about its configuration: bounded, in printable characters,
//! and without the secrets in it.

use serde_json::Value;

use super::abi::v0_1::Problem;
use crate::capability::log::printable;
use crate::config::model::Plugin;

/// Problems that are kept; of more, their number.
const MAX_PROBLEMS: usize = 50;
/// Bytes of a pointer, and of a message.
const MAX_TEXT: usize = 1024;
/// Bytes of a message that are searched for secrets.
const MAX_SEARCHED: usize = 64 * 1024;

/// JSON Pointers into the configuration of `plugin`, and messages.
pub(super) fn readable(problems: &[Problem], plugin: &Plugin) -> Vec<(String, String)> {
    let mut kept: Vec<_> = problems
        .iter()
        .take(MAX_PROBLEMS)
        .map(|problem| {
            let message = &problem.message;
            let end = message.floor_char_boundary(MAX_SEARCHED);
            let message = message.get(..end).unwrap_or_default();
            let message = without_secrets(message, &plugin.config, &plugin.shown_config);
            (
                printable(&problem.at, MAX_TEXT),
                printable(&message, MAX_TEXT),
            )
        })
        .collect();
    let more = problems.len() - kept.len();
    if more > 0 {
        kept.push((String::new(), format!("there are {more} more problems")));
    }
    kept
}

/// A plugin's words about its configuration, with placeholders in the place of
/// what they stand for.
fn without_secrets(message: &str, config: &Value, shown: &Value) -> String {
    match (config, shown) {
        (Value::String(secret), Value::String(placeholder)) if secret != placeholder => {
            if secret.is_empty() {
                message.to_owned()
            } else {
                message.replace(secret.as_str(), placeholder)
            }
        }
        (Value::Array(config), Value::Array(shown)) => {
            let pairs = config.iter().zip(shown);
            pairs.fold(message.to_owned(), |m, (c, s)| without_secrets(&m, c, s))
        }
        (Value::Object(config), Value::Object(shown)) => {
            let pairs = config.values().zip(shown.values());
            pairs.fold(message.to_owned(), |m, (c, s)| without_secrets(&m, c, s))
        }
        _ => message.to_owned(),
    }
}
