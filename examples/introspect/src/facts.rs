//! What the provider knows of a token (RFC 7662, 2.2), and whether that is enough.

use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sluice_plugin::prelude::*;

use crate::options::{Options, is_field_value};

/// The part of an answer that matters here; what is kept is this too.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    active: bool,
    scope: Option<String>,
    client_id: Option<String>,
    username: Option<String>,
    sub: Option<String>,
    iss: Option<String>,
    jti: Option<String>,
    aud: Option<Audience>,
    /// Unix seconds; some providers write fractions.
    exp: Option<f64>,
    nbf: Option<f64>,
    /// The key that a token is bound to (RFC 7800).
    #[serde(skip_serializing)]
    cnf: Option<IgnoredAny>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Some(Vec<String>),
}

/// Whether a token opens the route.
#[derive(Debug, PartialEq)]
pub(crate) enum Judgement {
    Caller(Box<Caller>),
    /// It is not, or no more, or not yet valid, or meant for somebody else.
    Invalid,
    /// It is not good for all that is wanted.
    TooLittle,
}

impl Facts {
    /// The provider's own words; none where they are not what the standard says.
    pub(crate) fn of_provider(answer: &[u8]) -> Option<Self> {
        // A list would be read as the fields in their order.
        if !answer.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        let mut facts: Self = serde_json::from_slice(answer).ok()?;
        let headers = [&facts.sub, &facts.client_id, &facts.scope, &facts.jti];
        let printable = |text: &&Option<String>| text.as_deref().is_none_or(is_field_value);
        if !headers.iter().all(printable) {
            return None;
        }
        // A bound token without its proof, which nobody asks for here, may be a stolen one.
        facts.active &= facts.cnf.is_none();
        Some(facts)
    }

    pub(crate) fn judge(self, options: &Options, unix_ms: u64) -> Judgement {
        let now = unix_ms as f64 / 1000.0;
        let valid = self.active
            && self.exp.is_none_or(|end| now < end)
            && self.nbf.is_none_or(|from| from <= now)
            && options
                .issuer
                .as_ref()
                .is_none_or(|i| self.iss.as_ref() == Some(i))
            && (options.audience.is_empty() || self.is_for(&options.audience));
        let id = self.sub.or_else(|| self.client_id.clone());
        let Some(id) = id.filter(|id| valid && !id.is_empty()) else {
            return Judgement::Invalid;
        };
        let scope = self.scope.as_deref().unwrap_or_default();
        let groups: Vec<String> = scope.split_ascii_whitespace().map(str::to_owned).collect();
        if !options.scopes.iter().all(|scope| groups.contains(scope)) {
            return Judgement::TooLittle;
        }
        let attributes = [
            ("client_id", self.client_id),
            ("username", self.username),
            ("issuer", self.iss),
        ];
        Judgement::Caller(Box::new(Caller {
            id,
            groups,
            attributes: attributes
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect(),
            credential: self.jti,
        }))
    }

    /// How long it may be kept, in milliseconds.
    pub(crate) fn keep_ms(&self, options: &Options, unix_ms: u64) -> u64 {
        let most = |limit: Duration| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        if !self.active {
            return most(options.refused_cache);
        }
        // What is negative comes to 0.
        let end = self.exp.map_or(u64::MAX, |end| (end * 1000.0) as u64);
        end.saturating_sub(unix_ms).min(most(options.cache))
    }

    fn is_for(&self, audience: &[String]) -> bool {
        match &self.aud {
            None => false,
            Some(Audience::One(one)) => audience.contains(one),
            Some(Audience::Some(some)) => some.iter().any(|one| audience.contains(one)),
        }
    }
}
