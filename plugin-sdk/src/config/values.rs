//! The types that a configuration is made of.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Config, Reader, Schema};

impl Config for bool {
    fn schema(out: &mut Schema) {
        out.keywords(r#""type":"boolean""#);
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let read = value.as_bool();
        if read.is_none() {
            at.expected("true or false", value);
        }
        read
    }
}

impl Config for String {
    fn schema(out: &mut Schema) {
        out.keywords(r#""type":"string""#);
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let read = value.as_str();
        if read.is_none() {
            at.expected("a string", value);
        }
        read.map(str::to_owned)
    }
}

impl Config for f64 {
    fn schema(out: &mut Schema) {
        out.keywords(r#""type":"number""#);
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let read = value.as_f64();
        if read.is_none() {
            at.expected("a number", value);
        }
        read
    }
}

macro_rules! integers {
    ($($ty:ident $as:ident $min:literal $max:literal;)*) => {$(
        impl Config for $ty {
            fn schema(out: &mut Schema) {
                out.keywords(concat!(
                    "\"type\":\"integer\",\"minimum\":", $min, ",\"maximum\":", $max
                ));
            }

            fn read(value: &Value, at: &mut Reader) -> Option<Self> {
                let read = value.$as().and_then(|n| Self::try_from(n).ok());
                if read.is_none() {
                    at.expected(concat!("a whole number from ", $min, " to ", $max), value);
                }
                read
            }
        }
    )*};
}

integers! {
    u8 as_u64 "0" "255";
    u16 as_u64 "0" "65535";
    u32 as_u64 "0" "4294967295";
    u64 as_u64 "0" "18446744073709551615";
    i32 as_i64 "-2147483648" "2147483647";
    i64 as_i64 "-9223372036854775808" "9223372036854775807";
}

/// Anything at all, for what a plugin reads by itself.
impl Config for Value {
    fn schema(_: &mut Schema) {}

    fn read(value: &Value, _: &mut Reader) -> Option<Self> {
        Some(value.clone())
    }
}

impl<C: Config> Config for Option<C> {
    const DESCRIPTION: &'static str = C::DESCRIPTION;

    fn schema(out: &mut Schema) {
        C::schema(out);
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        C::read(value, at).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<C: Config> Config for Vec<C> {
    fn schema(out: &mut Schema) {
        out.keywords(r#""type":"array","items":"#);
        out.nested::<C>();
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let Value::Array(values) = value else {
            at.expected("a list", value);
            return None;
        };
        // All are read before any is missed, so that every problem is found.
        let read: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(i, value)| at.within(&i.to_string(), |at| C::read(value, at)))
            .collect();
        read.into_iter().collect()
    }
}

impl<C: Config> Config for BTreeMap<String, C> {
    fn schema(out: &mut Schema) {
        out.keywords(r#""type":"object","additionalProperties":"#);
        out.nested::<C>();
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let Value::Object(values) = value else {
            at.expected("a table", value);
            return None;
        };
        let read: Vec<_> = values
            .iter()
            .map(|(key, value)| {
                let value = at.within(key, |at| C::read(value, at));
                value.map(|value| (key.clone(), value))
            })
            .collect();
        read.into_iter().collect()
    }
}

/// A whole number and a unit, as everywhere in the gateway's configuration.
impl Config for Duration {
    fn schema(out: &mut Schema) {
        out.keywords(r#""type":"string","pattern":"^[0-9]+(ms|s|m|h|d)$""#);
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let read = value.as_str().and_then(duration);
        if read.is_none() {
            at.expected(
                "a duration such as \"250ms\", \"30s\", \"5m\", \"1h\" or \"7d\"",
                value,
            );
        }
        read
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{from_json, schema};

    #[test]
    fn durations_are_read_as_the_gateway_reads_them() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1 s",
            "1.5s",
            "1w",
            "18446744073709551615d",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn maps_and_lists_nest() {
        let read = from_json::<BTreeMap<String, Vec<u8>>>(r#"{"a": [1], "b": []}"#).unwrap();
        assert_eq!(read["a"], [1]);
        let problems = from_json::<BTreeMap<String, Vec<u8>>>(r#"{"a": [1, 256], "b": 1}"#);
        let at: Vec<_> = problems.unwrap_err().into_iter().map(|p| p.at).collect();
        assert_eq!(at, ["/a/1", "/b"]);
    }

    #[test]
    fn the_schema_of_anything_is_json() {
        assert!(serde_json::from_str::<Value>(&schema::<Vec<Value>>()).is_ok());
    }

    proptest! {
        #[test]
        fn reading_is_total(text: String) {
            let _ = duration(&text);
            let _ = from_json::<BTreeMap<String, Vec<i32>>>(&text);
        }
    }
}
