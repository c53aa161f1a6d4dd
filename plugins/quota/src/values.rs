//! Values of the configuration that have a form of their own.

use std::time::Duration;

use sluice_plugin::config::{Reader, Schema, Value};
use sluice_plugin::prelude::*;
use sluice_plugin::quota::Window;

use crate::options::MOST;

/// What a header's name follows.
const HEADER: &str = "header:";

/// One thing that requests are counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Consumer,
    Credential,
    ClientAddress,
    /// A request header, in lower case.
    Header(String),
    Path,
    Route,
    Upstream,
}

/// All things that requests are counted by.
#[derive(Debug)]
pub(crate) struct By(pub(crate) Vec<Part>);

/// What a request costs.
#[derive(Debug)]
pub(crate) enum Cost {
    Fixed(u64),
    /// What this header of the response says.
    Header(String),
}

/// A window, and how the operator wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Every {
    pub(crate) window: Window,
    pub(crate) text: String,
}

impl Config for Part {
    fn schema(out: &mut Schema) {
        out.keywords(
            "\"type\":\"string\",\"pattern\":\
             \"^(consumer|credential|client-address|path|route|upstream|header:.+)$\"",
        );
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        if let Some(name) = value.as_str().and_then(|text| text.strip_prefix(HEADER)) {
            return header(name, at).map(Self::Header);
        }
        const WORDS: [&str; 7] = [
            "consumer",
            "credential",
            "client-address",
            "path",
            "route",
            "upstream",
            "header:NAME",
        ];
        Some(match at.choice(value, &WORDS)? {
            "consumer" => Self::Consumer,
            "credential" => Self::Credential,
            "client-address" => Self::ClientAddress,
            "path" => Self::Path,
            "route" => Self::Route,
            _ => Self::Upstream,
        })
    }
}

impl Config for By {
    fn schema(out: &mut Schema) {
        out.keywords("\"anyOf\":[");
        out.nested::<Part>();
        out.keywords(",");
        out.nested::<Vec<Part>>();
        out.keywords("]");
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        match value {
            Value::Array(_) => Vec::read(value, at).map(Self),
            _ => Part::read(value, at).map(|part| Self(vec![part])),
        }
    }
}

impl Config for Cost {
    fn schema(out: &mut Schema) {
        out.keywords("\"type\":[\"integer\",\"string\"],\"minimum\":1,\"pattern\":\"^header:.+$\"");
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        if let Some(name) = value.as_str().and_then(|text| text.strip_prefix(HEADER)) {
            return header(name, at).map(Self::Header);
        }
        let cost = value.as_u64().filter(|cost| (1..=MOST).contains(cost));
        if cost.is_none() {
            at.problem("expected 1 or more, or \"header:NAME\" of a response header");
        }
        cost.map(Self::Fixed)
    }
}

impl Config for Every {
    fn schema(out: &mut Schema) {
        out.keywords("\"type\":\"string\",\"pattern\":\"^([0-9]+(ms|s|m|h|d)|day|week|month)$\"");
    }

    fn read(value: &Value, at: &mut Reader) -> Option<Self> {
        let text = value.as_str().unwrap_or("0").to_owned();
        let window = if text.bytes().any(|b| b.is_ascii_digit()) {
            let length = Duration::read(value, at)?;
            let seconds = length.as_secs();
            if !(1..=365 * 86_400).contains(&seconds) || length.subsec_nanos() > 0 {
                at.problem("expected whole seconds, from \"1s\" to \"365d\"");
                return None;
            }
            Window::from(length)
        } else {
            match at.choice(value, &["day", "week", "month", "1s", "1m", "1h", "1d"])? {
                "day" => Window::Day,
                "week" => Window::Week,
                _ => Window::Month,
            }
        };
        Some(Self { window, text })
    }
}

impl Every {
    pub(crate) fn is_calendar(&self) -> bool {
        !matches!(self.window, Window::Ms(_))
    }

    /// Its length in seconds; none of a month, which has no fixed one.
    pub(crate) fn seconds(&self) -> Option<u64> {
        match self.window {
            Window::Ms(ms) => Some(ms / 1000),
            Window::Day => Some(86_400),
            Window::Week => Some(7 * 86_400),
            Window::Month => None,
        }
    }
}

/// The name of a header (RFC 9110, 5.1), in lower case.
fn header(name: &str, at: &mut Reader) -> Option<String> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        at.problem("expected the name of a header after `header:`");
        return None;
    }
    Some(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sluice_plugin::config::from_value;

    use super::*;

    #[test]
    fn what_is_counted_by_is_one_thing_or_a_list() {
        let by = |value: Value| from_value::<By>(&value).unwrap().0;
        assert_eq!(by("consumer".into()), [Part::Consumer]);
        let list = by(vec!["path", "header:X-Team", "upstream"].into());
        let team = Part::Header("x-team".to_owned());
        assert_eq!(list, [Part::Path, team, Part::Upstream]);
    }

    proptest! {
        #[test]
        fn windows_are_what_they_say(number in 0..40_000_000_u64, unit in "[smhd]") {
            let seconds = number * match unit.as_str() {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                _ => 86_400,
            };
            let read = from_value::<Every>(&format!("{number}{unit}").into());
            let read = read.ok().and_then(|every| every.seconds());
            let possible = (1..=365 * 86_400).contains(&seconds);
            prop_assert_eq!(read, possible.then_some(seconds));
        }

        #[test]
        fn reading_is_total(text: String) {
            let _ = from_value::<By>(&text.as_str().into());
            let _ = from_value::<Cost>(&text.as_str().into());
            let _ = from_value::<Every>(&text.into());
        }
    }
}
