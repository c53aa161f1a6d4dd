//! The built-in plugin `canary`: sends a part of the traffic to another
//! upstream, step by step, and takes it back where that does worse.

mod check;
mod cookie;
mod options;
mod point;
mod ramp;
mod rules;
mod sticky;

use sluice_plugin::prelude::*;
use sluice_plugin::rollout::Rollout;

use cookie::Cookies;
use options::Options;
use point::{Chance, Salt};
use rules::{Facts, Rule};
use sticky::Sticky;

/// Under which the request hook leaves a new token for the response hook.
const TOKEN: &str = "token";

/// The configured plugin.
#[derive(Debug)]
pub struct Canary {
    rollout: Rollout,
    /// The upstreams, by the index of their variant.
    upstreams: Vec<String>,
    baseline: usize,
    rules: Vec<Rule>,
    sticky: Sticky,
    salt: Salt,
    chance: Chance,
    /// Only where `sticky` is a cookie.
    cookies: Option<Cookies>,
    fallback: bool,
}

#[plugin]
impl Plugin for Canary {
    type Config = Options;

    fn configure(options: Options) -> Result<Self, Problems> {
        let checked = options.check()?;
        let rollout = checked.open().map_err(|why| Problems::one("", why))?;
        let salt = options.salt.unwrap_or_else(|| checked.upstreams.join(","));
        let cookies = match &options.sticky {
            Sticky::Cookie(name) => Some(Cookies::new(name, &salt)),
            _ => None,
        };
        if cookies.is_none() {
            Hook::OnResponse.skip();
        }
        Ok(Self {
            rollout,
            baseline: checked.baseline,
            rules: checked.rules,
            upstreams: checked.upstreams,
            sticky: options.sticky,
            salt: Salt::new(&salt),
            chance: Chance::new(random::next_u64()),
            cookies,
            fallback: options.fallback,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let mut facts = Facts::default();
        let rule = self.rules.iter().find(|r| r.holds(request, &mut facts));
        let mut variant = match rule {
            Some(rule) => rule.variant,
            None => {
                let point = self.point(request, &mut facts)?;
                if !self.fallback && self.rollout.route(request, point).is_ok() {
                    return Ok(Verdict::Next);
                }
                // What the route lacks is named below.
                self.rollout.assign(point)
            }
        };
        if self.fallback && variant != self.baseline && !self.is_available(request, variant) {
            variant = self.baseline;
        }
        let upstream = self.upstreams.get(variant);
        let upstream = upstream.ok_or_else(|| Error::new("a variant that is not in the plan"))?;
        request.choose_upstream(upstream)?;
        Ok(Verdict::Next)
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<Verdict, Error> {
        if let Some(cookies) = &self.cookies
            && let Some(token) = context::get(TOKEN)
        {
            let line = cookies.set_cookie(&token, request.scheme() == "https");
            response.append_header("set-cookie", line)?;
        }
        Ok(Verdict::Next)
    }
}

impl Canary {
    /// The user's point, or any where there is nothing to know a user by.
    fn point(&self, request: &Request, facts: &mut Facts) -> Result<u32, Error> {
        let key = match &self.sticky {
            Sticky::None => None,
            Sticky::ClientAddress => Some(context::client_address().into_bytes()),
            Sticky::Consumer => facts.caller(request).map(|c| c.id.clone().into_bytes()),
            Sticky::Header(name) => request.header(name),
            Sticky::Cookie(_) => self.token(request, facts)?,
        };
        Ok(match key {
            Some(key) => self.salt.point(&key),
            None => self.chance.point(),
        })
    }

    /// The token of the user's cookie, or a new one that the answer will carry.
    fn token(&self, request: &Request, facts: &mut Facts) -> Result<Option<Vec<u8>>, Error> {
        let Some(cookies) = &self.cookies else {
            return Ok(None);
        };
        if let Some(token) = cookies.find(facts.cookies(request)) {
            return Ok(Some(token.to_vec()));
        }
        let token = cookie::token([random::next_u64(), random::next_u64()]);
        context::set(TOKEN, &token)?;
        Ok(Some(token))
    }

    fn is_available(&self, request: &Request, variant: usize) -> bool {
        let upstream = self.upstreams.get(variant);
        upstream.is_none_or(|upstream| request.upstream_available(upstream))
    }
}
