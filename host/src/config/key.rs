//! Key paths as an operator would write them: `plugins.auth.config.key_names[0]`.

use std::fmt::Write;

/// A pointer that a plugin hands over is cut after this many characters.
const LONGEST_POINTER: usize = 256;

/// Appends one segment, in quotes where TOML asks for them.
pub(super) fn push(key: &mut String, segment: &str) {
    if !key.is_empty() {
        key.push('.');
    }
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !segment.is_empty() && segment.chars().all(bare) {
        key.push_str(segment);
    } else {
        key.push_str(&quote(segment));
    }
}

/// Appends the number of an element of an array.
pub(super) fn push_index(key: &mut String, index: usize) {
    // Writing to a String does not fail.
    let _ = write!(key, "[{index}]");
}

/// `key` and one more segment.
pub(super) fn join(key: &str, segment: &str) -> String {
    let mut joined = key.to_owned();
    push(&mut joined, segment);
    joined
}

/// A TOML basic string on one line, shortened where it is long.
pub(super) fn quote(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut quoted = String::from("\"");
    for (index, c) in text.chars().enumerate() {
        if index == SHOWN {
            quoted.push('…');
            break;
        }
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.extend(c.escape_default()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The key for a JSON Pointer (RFC 6901) within a plugin's `config`:
/// `("auth", "/key_names/0")` is `plugins.auth.config.key_names[0]`.
///
/// A token of digits is taken for the number of an element. What is not a
/// pointer stands for the whole `config`.
pub fn plugin_key(plugin: &str, pointer: &str) -> String {
    let mut key = String::from("plugins");
    push(&mut key, plugin);
    push(&mut key, "config");
    let cut: String = pointer.chars().take(LONGEST_POINTER).collect();
    let Some(tokens) = cut.strip_prefix('/') else {
        return key;
    };
    for token in tokens.split('/') {
        match token.parse::<usize>() {
            Ok(index) if token.bytes().all(|b| b.is_ascii_digit()) => push_index(&mut key, index),
            _ => push(&mut key, &token.replace("~1", "/").replace("~0", "~")),
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{plugin_key, quote};

    #[test]
    fn a_pointer_becomes_the_key_that_an_operator_wrote() {
        let table = [
            ("auth", "/key_names/0", "plugins.auth.config.key_names[0]"),
            ("auth", "", "plugins.auth.config"),
            ("auth", "nonsense", "plugins.auth.config"),
            ("a.b", "/x", "plugins.\"a.b\".config.x"),
            ("auth", "/a~1b/~01", "plugins.auth.config.\"a/b\".\"~1\""),
            ("auth", "/+1/007", "plugins.auth.config.\"+1\"[7]"),
        ];
        for (plugin, pointer, key) in table {
            assert_eq!(plugin_key(plugin, pointer), key);
        }
    }

    #[test]
    fn a_quoted_text_stays_on_one_line() {
        assert_eq!(quote("a\n\"b\"\\"), r#""a\n\"b\"\\""#);
        assert_eq!(quote(&"x".repeat(200)).chars().count(), 83);
    }

    proptest! {
        #[test]
        fn no_pointer_breaks_a_line(plugin: String, pointer: String) {
            prop_assert!(!plugin_key(&plugin, &pointer).contains(char::is_control));
        }
    }
}
