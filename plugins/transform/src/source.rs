//! What a template can name, and what it is in one exchange.

use std::cell::OnceCell;

use sluice_plugin::config::Value;
use sluice_plugin::prelude::*;

use crate::form;

/// Names that templates know; the ones with a star go on.
const KNOWN: &str = "`header.*`, `query.*`, `path.*`, `consumer.id`, `context.request-id`, \
                     `context.route`, `context.client-address`, `response.header.*`";

/// What `${…}` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Header(String),
    Query(String),
    Capture(String),
    Consumer,
    RequestId,
    Route,
    ClientAddress,
    ResponseHeader(String),
}

/// Why a value cannot be written where a template has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    /// It holds a control character.
    Control,
    /// It is not UTF-8.
    Encoding,
    /// A segment of a path comes to nothing, `.` or `..`: it would be another path.
    Segment,
}

impl Bad {
    /// For people.
    pub(crate) fn message(self) -> String {
        match self {
            Self::Control => "expected text without control characters",
            Self::Encoding => "expected text in UTF-8",
            Self::Segment => "expected a segment of a path",
        }
        .to_owned()
    }
}

impl Source {
    /// Reads what follows `${`: a name, perhaps a default, and `}`. Gives back
    /// what follows. The error is for the operator.
    pub(crate) fn parse(
        text: &str,
        response: bool,
    ) -> Result<(Self, Option<String>, &str), String> {
        let end = text
            .find(['}', '"'])
            .filter(|at| text.get(*at..).is_some_and(|t| t.starts_with('}')));
        let default = text.find("??").filter(|at| end.is_none_or(|end| *at < end));
        let Some(at) = default else {
            let end = end.ok_or("`${` lacks its `}`; write `$${` for the text `${`")?;
            let behind = text.get(end + 1..).unwrap_or_default();
            return Ok((
                Self::named(text.get(..end).unwrap_or_default(), response)?,
                None,
                behind,
            ));
        };
        let source = Self::named(text.get(..at).unwrap_or_default(), response)?;
        let quoted = text.get(at + 2..).unwrap_or_default().trim_start();
        let (default, behind) = string(quoted)
            .ok_or("expected a default in quotes, as in `${header.x ?? \"none\"}`")?;
        let behind = behind
            .trim_start()
            .strip_prefix('}')
            .ok_or("`${` lacks its `}` behind the default")?;
        Ok((source, Some(default), behind))
    }

    fn named(name: &str, response: bool) -> Result<Self, String> {
        let name = name.trim();
        let (kind, rest) = name.split_once('.').unwrap_or((name, ""));
        let source = match (kind, rest) {
            ("consumer", "id") => Self::Consumer,
            ("context", "request-id") => Self::RequestId,
            ("context", "route") => Self::Route,
            ("context", "client-address") => Self::ClientAddress,
            ("header", header) if is_token(header) => Self::Header(header.to_ascii_lowercase()),
            ("query", field) if !field.is_empty() => Self::Query(field.to_owned()),
            ("path", capture) if !capture.is_empty() => Self::Capture(capture.to_owned()),
            ("response", rest) => match rest.strip_prefix("header.").filter(|h| is_token(h)) {
                Some(_) if !response => {
                    return Err("there is no response yet when a request is changed".to_owned());
                }
                Some(header) => Self::ResponseHeader(header.to_ascii_lowercase()),
                None => return Err(unknown(name)),
            },
            _ => return Err(unknown(name)),
        };
        Ok(source)
    }
}

fn unknown(name: &str) -> String {
    let mut message = ["unknown name `", name, "`; known are ", KNOWN].concat();
    let near = name.replace('_', "-");
    if near != name && Source::named(&near, true).is_ok() {
        message.extend(["; did you mean `", &near, "`?"]);
    }
    message
}

/// The text of the JSON string that `text` begins with, and what follows it.
fn string(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    let (quoted, behind) = text.split_at_checked(end + 2)?;
    match serde_json::from_str(quoted) {
        Ok(Value::String(text)) => Some((text, behind)),
        _ => None,
    }
}

/// Whether it can be the name of a header (RFC 9110, 5.1).
pub(crate) fn is_token(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(token)
}

/// Where the values of one exchange come from. What is dear is asked once.
pub(crate) struct Sources<'a> {
    request: &'a Request,
    response: Option<&'a Response>,
    query: OnceCell<Option<String>>,
    caller: OnceCell<Option<Caller>>,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(request: &'a Request, response: Option<&'a Response>) -> Self {
        Self {
            request,
            response,
            query: OnceCell::new(),
            caller: OnceCell::new(),
        }
    }

    /// What the source is in this exchange; none where it is not there.
    pub(crate) fn get(&self, source: &Source) -> Option<Vec<u8>> {
        match source {
            Source::Header(name) => self.request.header(name),
            Source::Query(name) => {
                let query = self.query.get_or_init(|| self.request.query());
                form::value(query.as_deref()?.as_bytes(), name)
            }
            Source::Capture(name) => self.request.capture(name).map(String::into_bytes),
            Source::Consumer => {
                let caller = self.caller.get_or_init(|| self.request.caller());
                Some(caller.as_ref()?.id.clone().into_bytes())
            }
            Source::RequestId => Some(context::request_id().into_bytes()),
            Source::Route => Some(context::route().into_bytes()),
            Source::ClientAddress => Some(context::client_address().into_bytes()),
            Source::ResponseHeader(name) => self.response?.header(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<(Source, Option<String>), String> {
        let (source, default, behind) = Source::parse(text, true)?;
        assert_eq!(behind, " rest }\"", "{text}");
        Ok((source, default))
    }

    #[test]
    fn every_name_is_read() {
        for (name, source) in [
            ("header.X-A", Source::Header("x-a".to_owned())),
            ("query.a[0].b", Source::Query("a[0].b".to_owned())),
            ("path.id", Source::Capture("id".to_owned())),
            ("consumer.id", Source::Consumer),
            ("context.request-id", Source::RequestId),
            ("context.route", Source::Route),
            ("context.client-address", Source::ClientAddress),
            (
                "response.header.Age",
                Source::ResponseHeader("age".to_owned()),
            ),
        ] {
            let none = parse(&format!("{name}}} rest }}\""));
            assert_eq!(none.unwrap(), (source.clone(), None), "{name}");
            let default = parse(&format!(" {name} ?? \"a}}\\\"\\u00e9\" }} rest }}\""));
            assert_eq!(
                default.unwrap(),
                (source, Some("a}\"é".to_owned())),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_what_there_is() {
        for (text, message) in [
            ("}", "unknown name ``"),
            (
                "headers.x}",
                "unknown name `headers.x`; known are `header.*`",
            ),
            ("header.}", "unknown name"),
            ("header.a b}", "unknown name"),
            ("consumer.name}", "`consumer.id`"),
            ("context.request_id}", "did you mean `context.request-id`?"),
            ("response.status}", "unknown name"),
            ("env.HOME}", "unknown name"),
            ("header.x", "lacks its `}`"),
            ("header.x ?? none}", "in quotes"),
            ("header.x ?? \"none}", "in quotes"),
            ("header.x ?? \"none\"", "behind the default"),
            ("header.x ?? \"a\" ?? \"b\"}", "behind the default"),
            ("header.x \"a\"}", "lacks its `}`"),
        ] {
            let error = Source::parse(text, true).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
        let error = Source::parse("response.header.x}", false).unwrap_err();
        assert!(error.contains("no response yet"), "{error}");
    }

    proptest! {
        #[test]
        fn reading_is_total(text in "(header\\.x|[a-z.]|\\?\\?|\"|\\}|\\\\| |é){0,10}") {
            let _ = Source::parse(&text, true);
        }
    }
}
