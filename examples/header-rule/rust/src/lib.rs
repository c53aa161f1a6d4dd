//! The header rule in Rust.

use sluice_plugin::prelude::*;

/// Lets in requests that carry a header with an allowed value.
#[derive(Debug, Config)]
pub struct HeaderRule {
    /// The header that must be there, once.
    header: String,
    /// The values that it may have: visible ASCII.
    allow: Vec<String>,
    /// A header to set where the request passes.
    stamp: Option<String>,
}

#[plugin]
impl Plugin for HeaderRule {
    type Config = Self;

    fn configure(rule: Self) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        if !is_name(&rule.header) {
            problems.add("/header", "expected the name of a header");
        }
        if rule.allow.is_empty() {
            problems.add("/allow", "expected at least one value");
        }
        for (at, value) in rule.allow.iter().enumerate() {
            if !is_visible(value) {
                problems.add(format!("/allow/{at}"), "expected visible ASCII");
            }
        }
        if rule.stamp.as_deref().is_some_and(|name| !is_name(name)) {
            problems.add("/stamp", "expected the name of a header");
        }
        problems.or(rule)
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let wrong = match request.header_count(&self.header) {
            0 => "is missing",
            1 if self.allows(&request.header(&self.header).unwrap_or_default()) => {
                if let Some(stamp) = &self.stamp {
                    request.set_header(stamp, "1")?;
                }
                return Ok(Verdict::Next);
            }
            1 => "has a value that is not allowed",
            _ => "came more than once",
        };
        let detail = format!("The header {} {wrong}.", self.header);
        Ok(Verdict::respond(Reply::problem(403, "Forbidden", &detail)))
    }
}

impl HeaderRule {
    fn allows(&self, value: &[u8]) -> bool {
        self.allow.iter().any(|allowed| allowed.as_bytes() == value)
    }
}

/// A token of RFC 9110.
fn is_name(text: &str) -> bool {
    let punctuation = b"!#$%&'*+-.^_`|~";
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || punctuation.contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_plugin::testing::{Exchange, Harness, json};

    fn rule() -> Harness<HeaderRule> {
        let config =
            json!({ "header": "x-team", "allow": ["blue", "green"], "stamp": "x-checked" });
        Harness::configure(config).unwrap()
    }

    fn refused(exchange: &mut Exchange, because: &str) {
        let reply = rule().request(exchange).unwrap().expect("a refusal");
        assert_eq!(reply, Reply::problem(403, "Forbidden", because));
        assert!(!exchange.request.headers.contains_key("x-checked"));
    }

    #[test]
    fn an_allowed_value_passes_and_is_stamped() {
        let mut exchange = Exchange::get("/").with_header("x-team", "green");
        assert_eq!(rule().on_request(&mut exchange).unwrap(), Verdict::Next);
        assert_eq!(exchange.request.headers["x-checked"], "1");
    }

    #[test]
    fn the_refusal_says_what_is_wrong() {
        let team = |value| Exchange::get("/").with_header("x-team", value);
        refused(&mut Exchange::get("/"), "The header x-team is missing.");
        refused(
            &mut team("red"),
            "The header x-team has a value that is not allowed.",
        );
        let mut twice = team("blue").with_header("x-team", "green");
        refused(&mut twice, "The header x-team came more than once.");
    }

    #[test]
    fn every_problem_of_a_configuration_is_named() {
        let config = json!({ "header": "x team", "allow": ["blue", "bl ue"], "stamp": "" });
        let problems = Harness::<HeaderRule>::configure(config).unwrap_err();
        let places: Vec<_> = problems.iter().map(|problem| &*problem.at).collect();
        assert_eq!(places, ["/header", "/allow/1", "/stamp"]);
    }
}
