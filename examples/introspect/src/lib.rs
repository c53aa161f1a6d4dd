//! A plugin that asks an identity provider who is calling (OAuth 2.0 token
//! introspection, RFC 7662): to copy and change.

mod bearer;
mod encode;
mod facts;
mod options;
mod provider;
mod replies;

use sluice_plugin::EditError;
use sluice_plugin::prelude::*;

use bearer::Shown;
use facts::Judgement;
use options::{OnProviderError, Options};
use provider::{Provider, Told};
use replies::Replies;

const CONSUMER: &str = "x-consumer-id";
const GROUPS: &str = "x-consumer-groups";
const CREDENTIAL: &str = "x-credential-id";
const ANONYMOUS: &str = "x-anonymous-consumer";

/// The configured plugin.
#[derive(Debug)]
pub struct Introspect {
    provider: Provider,
    replies: Replies,
    options: Options,
}

#[plugin]
impl Plugin for Introspect {
    type Config = Options;

    fn configure(options: Options) -> Result<Self, Problems> {
        let mut problems = options.problems();
        let secret = secrets::get(&options.client_secret).unwrap_or_else(|| {
            let message =
                "no such secret, or no grant for it; expected the name of one of [secrets]";
            problems.add("/client_secret", message);
            Vec::new()
        });
        problems.or(Self {
            provider: Provider::new(&options, &secret),
            replies: Replies::new(&options),
            options,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let token = match bearer::find(request) {
            Shown::Token(token) => token,
            Shown::Nothing => return Ok(Verdict::respond(self.replies.missing())),
            Shown::Several => return Ok(Verdict::respond(self.replies.several())),
            Shown::Malformed => return Ok(Verdict::respond(self.replies.invalid())),
        };
        let caller = match self.provider.ask(&self.options, &token)? {
            Told::Facts(facts) => match facts.judge(&self.options, clock::unix_ms()) {
                Judgement::Caller(caller) => Some(caller),
                Judgement::Invalid => return Ok(Verdict::respond(self.replies.invalid())),
                Judgement::TooLittle => return Ok(Verdict::respond(self.replies.too_little())),
            },
            Told::Nothing(why) => {
                log::write(
                    log::Level::Warn,
                    "the provider does not answer",
                    &[("why", &why)],
                );
                context::tag("introspection", "no answer")?;
                if self.options.on_provider_error == OnProviderError::Deny {
                    return Ok(Verdict::respond(self.replies.no_provider()));
                }
                None
            }
        };
        if let Some(caller) = &caller {
            request.set_caller(caller)?;
        }
        self.forward(request, caller.as_deref())?;
        Ok(Verdict::Next)
    }
}

impl Introspect {
    /// Tells the upstream who is calling, and nothing that the client said of it.
    fn forward(&self, request: &mut Request, caller: Option<&Caller>) -> Result<(), EditError> {
        let groups = caller.map(|c| listed(&c.groups)).filter(|g| !g.is_empty());
        let credential = caller.and_then(|c| c.credential.as_deref());
        tell(request, CONSUMER, caller.map(|c| &*c.id))?;
        tell(request, GROUPS, groups.as_deref())?;
        tell(request, CREDENTIAL, credential)?;
        tell(request, ANONYMOUS, None)?;
        if self.options.hide_credentials {
            request.remove_header("authorization")?;
        }
        Ok(())
    }
}

/// With commas between; one that has a comma would be read as two.
fn listed(groups: &[String]) -> String {
    let groups = groups.iter().filter(|group| !group.contains(','));
    groups.map(String::as_str).collect::<Vec<_>>().join(",")
}

/// One line with this value, or none at all.
fn tell(request: &mut Request, name: &str, value: Option<&str>) -> Result<(), EditError> {
    match value {
        Some(value) => request.set_header(name, value),
        None => request.remove_header(name).map(drop),
    }
}

#[cfg(test)]
mod tests;
