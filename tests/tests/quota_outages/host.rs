//! Two gateways with a quota for each `on_store_error`, counted on one Redis.

use std::net::SocketAddr;

use http::Request;
use sluice_tests::body::Body;
use sluice_tests::client::{Answer, With, get};
use sluice_tests::config::{route, upstream};
use sluice_tests::{Gateway, Settings, Upstream, wait};

/// The values of `on_store_error`: each has a plugin of its name, and a path.
pub(crate) const MODES: [&str; 3] = ["local", "allow", "deny"];

/// What each team may do in an hour.
pub(crate) const AMOUNT: u64 = 5;

/// What of the configuration differs between tests.
pub(crate) struct Plan<'a> {
    /// Where Redis is, or what stands in front of it.
    pub(crate) redis: SocketAddr,
    /// Of one operation.
    pub(crate) timeout: &'a str,
    /// For each team.
    pub(crate) amount: u64,
    /// Lines for `[stores.shared]`.
    pub(crate) store: &'a str,
    /// Lines for the configuration of each plugin.
    pub(crate) quota: &'a str,
}

impl Plan<'_> {
    /// What most tests want, of the Redis at this address.
    pub(crate) fn of(redis: SocketAddr) -> Self {
        Self {
            redis,
            timeout: "100ms",
            amount: AMOUNT,
            store: "",
            quota: "",
        }
    }

    /// The configuration, with one more quota that never asks Redis: `/process/*`.
    pub(crate) fn settings(&self, to: SocketAddr) -> Settings {
        let Self {
            redis,
            timeout,
            amount,
            store,
            quota,
        } = self;
        let mut body = upstream("up", &[to]);
        body += &format!(
            "[stores.shared]\nkind = \"redis\"\naddress = \"{redis}\"\ntimeout = \"{timeout}\"\n{store}\n"
        );
        let limits = format!("[{{ name = \"hourly\", amount = {amount}, window = \"1h\" }}]");
        for mode in MODES {
            body += &format!(
                "[plugins.{mode}]\nsource = \"builtin:quota\"\n[plugins.{mode}.config]\n\
                 limits = {limits}\nby = \"header:x-team\"\nstore = \"shared\"\n\
                 on_store_error = \"{mode}\"\n{quota}\n"
            );
            body += &route(mode, &format!("/{mode}/*"), &[mode], "up");
        }
        body += &format!(
            "[plugins.process]\nsource = \"builtin:quota\"\n\
             config = {{ limits = {limits}, by = \"header:x-team\" }}\n"
        );
        Settings::new(body + &route("process", "/process/*", &["process"], "up"))
    }
}

/// Two gateways that count together, and what they stand before.
pub(crate) struct Pair {
    pub(crate) upstream: Upstream,
    pub(crate) first: Gateway,
    pub(crate) second: Gateway,
    /// Teams that have been counted so far.
    teams: u64,
}

impl Pair {
    pub(crate) async fn start(plan: &Plan<'_>) -> Self {
        let upstream = Upstream::start().await;
        let settings = plan.settings(upstream.address());
        Self {
            first: Gateway::start(&settings).await,
            second: Gateway::start(&settings).await,
            upstream,
            teams: 0,
        }
    }

    /// Both gateways take up another configuration.
    pub(crate) async fn apply(&self, plan: &Plan<'_>) {
        for gateway in [&self.first, &self.second] {
            gateway.apply(&plan.settings(self.upstream.address())).await;
        }
    }

    /// A team of which nobody has counted anything.
    fn new_team(&mut self) -> String {
        self.teams += 1;
        format!("team-{}", self.teams)
    }

    /// Waits until each mode counts on Redis again, at both gateways: the second
    /// sees what the first took.
    pub(crate) async fn count_together(&mut self) {
        for mode in MODES {
            wait::until(&format!("{mode}: counted together"), async || {
                let team = self.new_team();
                let took = ask(&self.first, mode, &team).await;
                let saw = ask(&self.second, mode, &team).await;
                let left = [&took, &saw].map(remaining);
                (left == [Some(AMOUNT - 1), Some(AMOUNT - 2)]).then_some(())
            })
            .await;
        }
    }

    /// Waits until both gateways are without Redis, then checks what each mode
    /// promises for that time.
    pub(crate) async fn follow_the_table(&mut self) {
        for at in 0..2 {
            let team = self.new_team();
            wait::until("a store that fails", async || {
                let answer = ask(self.gateway(at), "deny", &team).await;
                (answer.status == 503).then_some(())
            })
            .await;
            self.deny(at).await;
            self.allow(at).await;
            self.count_here(at).await;
        }
    }

    fn gateway(&self, at: usize) -> &Gateway {
        match at {
            0 => &self.first,
            _ => &self.second,
        }
    }

    /// Nothing passes.
    async fn deny(&mut self, at: usize) {
        let (team, before) = (self.new_team(), self.upstream.requests());
        for _ in 0..AMOUNT {
            let refused = ask(self.gateway(at), "deny", &team).await;
            assert_eq!(refused.status, 503, "{}", refused.text());
            assert_eq!(refused.header("content-type"), "application/problem+json");
            assert_eq!(refused.header("x-sluice-source"), "plugin:deny");
            assert_eq!(refused.json()["status"], 503);
        }
        assert_eq!(self.upstream.requests(), before, "something was forwarded");
    }

    /// Everything passes, and nothing is said of what is left.
    async fn allow(&mut self, at: usize) {
        let team = self.new_team();
        for _ in 0..AMOUNT + 3 {
            let passed = ask(self.gateway(at), "allow", &team).await;
            assert_eq!(passed.status, 200, "{}", passed.text());
            assert_eq!(remaining(&passed), None);
        }
    }

    /// The same limit holds, in this process.
    async fn count_here(&mut self, at: usize) {
        let team = self.new_team();
        for left in (0..AMOUNT).rev() {
            let passed = ask(self.gateway(at), "local", &team).await;
            assert_eq!(passed.status, 200, "{}", passed.text());
            assert_eq!(remaining(&passed), Some(left));
        }
        for _ in 0..3 {
            let refused = ask(self.gateway(at), "local", &team).await;
            assert_eq!(refused.status, 429, "{}", refused.text());
            assert_eq!(refused.header("x-sluice-source"), "plugin:local");
        }
    }
}

/// A request of a team through the plugin of a mode.
pub(crate) fn of_team(mode: &str, team: &str) -> Request<Body> {
    get(&format!("/{mode}/x")).with("x-team", team)
}

pub(crate) async fn ask(gateway: &Gateway, mode: &str, team: &str) -> Answer {
    gateway.client().await.fetch(of_team(mode, team)).await
}

/// `r=` of the only limit of an answer; none where it was not counted.
pub(crate) fn remaining(answer: &Answer) -> Option<u64> {
    let (_, left) = answer.header("ratelimit").split_once(";r=")?;
    left.split_once(';')?.0.parse().ok()
}
