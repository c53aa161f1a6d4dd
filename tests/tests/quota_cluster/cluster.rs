//! Gateways with one configuration: for each algorithm and consistency a quota
//! whose window is far longer than any test.

use std::net::SocketAddr;

use http::Request;
use rustix::process::Signal;
use sluice_tests::body::Body;
use sluice_tests::client::{With, get};
use sluice_tests::config::{route, upstream};
use sluice_tests::{Gateway, Redis, Settings, TcpProxy, Upstream, wait};
use tokio::task::JoinSet;

use crate::schedule::Client;

/// Names of plugins, with the rest of their limit. Fixed windows of a year begin
/// when 1970 began and every 365 days from then on; the bucket gains one a week.
pub(crate) const ALGORITHMS: [(&str, &str); 3] = [
    ("sliding", "window = \"1h\""),
    ("fixed", "window = \"365d\", algorithm = \"fixed-window\""),
    (
        "bucket",
        "window = \"365d\", algorithm = \"token-bucket\", burst = AMOUNT",
    ),
];
pub(crate) const CONSISTENCIES: [&str; 2] = ["strict", "lease"];

/// What each team may do.
pub(crate) const AMOUNT: u64 = 50;

/// Gateways on one Redis, with a proxy in front of it.
pub(crate) struct Cluster {
    pub(crate) redis: Redis,
    pub(crate) proxy: TcpProxy,
    timeout: &'static str,
    upstream: Upstream,
    gateways: Vec<Gateway>,
}

/// `strict-sliding` and so on: a plugin, a route, and the first part of its paths.
pub(crate) fn name(consistency: &str, algorithm: &str) -> String {
    format!("{consistency}-{algorithm}")
}

fn settings(redis: SocketAddr, timeout: &str, to: &Upstream) -> Settings {
    // Whoever waits in vain is refused, so that it cannot be taken for a grant.
    let mut body = upstream("up", &[to.address()])
        + &format!(
            "[stores.shared]\nkind = \"redis\"\naddress = \"{redis}\"\ntimeout = \"{timeout}\"\n"
        );
    for consistency in CONSISTENCIES {
        for (algorithm, limit) in ALGORITHMS {
            let name = name(consistency, algorithm);
            let limit = limit.replace("AMOUNT", &AMOUNT.to_string());
            body += &format!(
                "[plugins.{name}]\nsource = \"builtin:quota\"\n[plugins.{name}.config]\n\
                 limits = [{{ name = \"all\", amount = {AMOUNT}, {limit} }}]\n\
                 by = \"header:x-team\"\nstore = \"shared\"\non_store_error = \"deny\"\n\
                 consistency = \"{consistency}\"\n"
            );
            body += &route(&name, &format!("/{name}/*"), &[&name], "up");
        }
    }
    Settings::new(body)
}

impl Cluster {
    /// Gateways that wait for Redis as long as it takes.
    pub(crate) async fn start(gateways: usize) -> Self {
        Self::start_with(gateways, "10s").await
    }

    /// The same with another deadline.
    pub(crate) async fn start_with(gateways: usize, timeout: &'static str) -> Self {
        let redis = Redis::start().await;
        let mut cluster = Self {
            proxy: TcpProxy::start(redis.address()).await,
            redis,
            timeout,
            upstream: Upstream::start().await,
            gateways: Vec::new(),
        };
        for _ in 0..gateways {
            cluster.one_more().await;
        }
        cluster
    }

    /// Starts another gateway.
    pub(crate) async fn one_more(&mut self) {
        let settings = settings(self.proxy.address(), self.timeout, &self.upstream);
        self.gateways.push(Gateway::start(&settings).await);
    }

    /// Kills all gateways, with whatever they hold.
    pub(crate) fn kill_all(&mut self) {
        self.gateways.clear();
    }

    /// Stops all gateways in good order, and waits until they have ended.
    pub(crate) async fn stop_all(&mut self) {
        for gateway in &self.gateways {
            gateway.signal(Signal::TERM);
        }
        for mut gateway in self.gateways.drain(..) {
            let status = gateway.ended().await;
            assert!(status.success(), "{status}: {}", gateway.log());
        }
    }

    /// All clients at once; how many requests of each team were let in. Every
    /// other one was refused with one of `refusals`.
    pub(crate) async fn run(
        &self,
        plugin: &str,
        teams: &[String],
        clients: Vec<Client>,
        refusals: &'static [u16],
    ) -> Vec<u64> {
        let mut running = JoinSet::new();
        for client in clients {
            let mut connection = self.gateways[client.gateway].client().await;
            let (plugin, teams) = (plugin.to_owned(), teams.to_vec());
            running.spawn(async move {
                let mut passed = vec![0; teams.len()];
                for step in client.steps {
                    if let Some(pause) = step.pause {
                        wait::pause(pause).await;
                    }
                    let request = of_team(&plugin, &teams[step.team]);
                    let answer = connection.fetch(request).await;
                    match answer.status.as_u16() {
                        200 => passed[step.team] += 1,
                        status => assert!(refusals.contains(&status), "{}", answer.text()),
                    }
                }
                passed
            });
        }
        let mut all = vec![0; teams.len()];
        for passed in running.join_all().await {
            all.iter_mut()
                .zip(passed)
                .for_each(|(all, one)| *all += one);
        }
        all
    }

    /// Waits until the last gateway counts on Redis.
    pub(crate) async fn counts(&self, plugin: &str) {
        let gateway = self.gateways.last().expect("a gateway");
        wait::until("a count on Redis", async || {
            let mut client = gateway.client().await;
            let answer = client.fetch(of_team(plugin, "nobody")).await;
            (answer.status != 503).then_some(())
        })
        .await;
    }

    /// Asks the last gateway twice as often as a team may; how many were let in.
    pub(crate) async fn ask_for_the_rest(&self, plugin: &str, team: &str) -> u64 {
        self.ask(plugin, team, 2 * AMOUNT).await
    }

    /// Asks the last gateway so often, without a pause; how many were let in.
    pub(crate) async fn ask(&self, plugin: &str, team: &str, times: u64) -> u64 {
        let mut client = self.gateways.last().expect("a gateway").client().await;
        let mut passed = 0;
        for _ in 0..times {
            let answer = client.fetch(of_team(plugin, team)).await;
            passed += u64::from(answer.status == 200);
        }
        passed
    }
}

pub(crate) fn of_team(plugin: &str, team: &str) -> Request<Body> {
    get(&format!("/{plugin}/x")).with("x-team", team)
}
