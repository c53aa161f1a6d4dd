//! A JSON Schema as it is written. It is text from the start: a plugin carries
//! it to say it once, and a tree of it would be code in every component.

use super::Config;

/// The keywords of one schema, in the order in which they are written.
#[derive(Debug, Default)]
pub struct Schema {
    out: String,
}

/// The keys of a table: `properties` and `required`.
#[derive(Debug)]
pub struct TableSchema<'a> {
    schema: &'a mut Schema,
    required: Vec<&'static str>,
}

impl Schema {
    /// Writes keywords as they stand: `"type":"string"`.
    pub fn keywords(&mut self, json: &str) {
        self.out.push_str(json);
    }

    /// Writes a schema in braces, such as what `items` wants.
    pub fn nested<C: Config>(&mut self) {
        self.out.push('{');
        self.body::<C>("");
        self.out.push('}');
    }

    /// Begins the keys of a table.
    pub fn table(&mut self) -> TableSchema<'_> {
        self.out.push_str(r#""type":"object","properties":{"#);
        TableSchema {
            schema: self,
            required: Vec::new(),
        }
    }

    /// One of these strings, each with what it means.
    pub fn choice(&mut self, choices: &[(&str, &str)]) {
        self.out.push_str(r#""oneOf":["#);
        for (at, (text, description)) in choices.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            self.out.push_str(r#"{"const":"#);
            quote(text, &mut self.out);
            if !description.is_empty() {
                self.member("description", description);
            }
            self.out.push('}');
        }
        self.out.push(']');
    }

    pub(super) fn document<C: Config>(&mut self) {
        self.out
            .push_str(r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","#);
        self.body::<C>("");
        if self.out.ends_with(',') {
            self.out.pop();
        }
        self.out.push('}');
    }

    /// The keywords of a type, and what it is for: here, or else in general.
    fn body<C: Config>(&mut self, description: &str) {
        C::schema(self);
        let description = [description, C::DESCRIPTION];
        if let Some(description) = description.into_iter().find(|d| !d.is_empty()) {
            self.member("description", description);
        }
    }

    pub(super) fn into_string(self) -> String {
        self.out
    }

    fn member(&mut self, name: &str, text: &str) {
        self.key(name);
        quote(text, &mut self.out);
    }

    fn key(&mut self, name: &str) {
        if !self.out.ends_with(['{', ',']) {
            self.out.push(',');
        }
        quote(name, &mut self.out);
        self.out.push(':');
    }
}

impl TableSchema<'_> {
    /// One key: its type, what it is for, and its default as JSON.
    pub fn property<C: Config>(
        &mut self,
        key: &'static str,
        description: &str,
        default: Option<&str>,
        required: bool,
    ) {
        let schema = &mut *self.schema;
        schema.key(key);
        schema.out.push('{');
        schema.body::<C>(description);
        if let Some(default) = default {
            schema.key("default");
            schema.out.push_str(default);
        }
        schema.out.push('}');
        if required {
            self.required.push(key);
        }
    }

    /// Ends the table: no other keys.
    pub fn end(self) {
        let out = &mut self.schema.out;
        out.push_str("},");
        if !self.required.is_empty() {
            out.push_str("\"required\":[");
            for (at, key) in self.required.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                quote(key, out);
            }
            out.push_str("],");
        }
        out.push_str(r#""additionalProperties":false"#);
    }
}

/// `text` as a JSON string (RFC 8259, 7).
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let digit = |n: u32| char::from(HEX[(n & 15) as usize]);
                out.push_str("\\u00");
                out.push(digit(u32::from(c) >> 4));
                out.push(digit(u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use crate::config::schema;
    use crate::prelude::*;

    /// How it counts.
    #[derive(Config)]
    enum Algorithm {
        /// No edges.
        SlidingWindow,
        #[config(rename = "bucket")]
        TokenBucket,
    }

    /// Limits.
    #[derive(Config)]
    #[allow(dead_code)]
    struct Limits {
        /// Its "name".
        name: String,
        algorithm: Algorithm,
        #[config(default = ["a", "b"])]
        list: Vec<String>,
        any: Option<Value>,
        #[config(default = -1.5)]
        r#in: f64,
    }

    #[test]
    fn the_schema_says_types_defaults_descriptions_and_what_is_required() {
        let schema: Value = serde_json::from_str(&schema::<Limits>()).unwrap();
        assert_eq!(
            schema,
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "description": "Limits.",
                "properties": {
                    "name": { "type": "string", "description": "Its \"name\"." },
                    "algorithm": {
                        "oneOf": [
                            { "const": "sliding-window", "description": "No edges." },
                            { "const": "bucket" }
                        ],
                        "description": "How it counts.",
                    },
                    "list": {
                        "type": "array", "items": { "type": "string" }, "default": ["a", "b"]
                    },
                    "any": {},
                    "in": { "type": "number", "default": -1.5 },
                },
                "required": ["name", "algorithm"],
                "additionalProperties": false,
            })
        );
    }

    proptest! {
        #[test]
        fn quoted_text_is_json_of_the_same_text(text: String) {
            let mut out = String::new();
            super::quote(&text, &mut out);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
