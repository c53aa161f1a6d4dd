//! quota from end to end, counted in the gateway's own memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Request;
use sluice_tests::body::Body;
use sluice_tests::client::{Answer, With, get};
use sluice_tests::config::{route, upstream};
use sluice_tests::upstream::raw::RawUpstream;
use sluice_tests::{Client, Gateway, Settings, Upstream, grpc, keys, paths, wait};
use tokio::task::JoinSet;

const ACME: &str = "k_acme41d07b8e4a3f9d6c5b2a10ffeedd";
const BOB: &str = "k_bob001d07b8e4a3f9d6c5b2a10ffeedd";

/// The TOML of the recipe in the documentation that begins with these words.
fn recipe(title: &str) -> String {
    let page = paths::repository().join("docs/plugins/quota.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, recipe) = page
        .split_once(&format!("**{title}"))
        .unwrap_or_else(|| panic!("no recipe: {title}"));
    let (_, toml) = recipe.split_once("```toml\n").expect("TOML");
    let (toml, _) = toml.split_once("```").expect("the end of it");
    toml.to_owned()
}

/// A recipe with keys for its consumers, and with its upstream.
fn cooked(title: &str, to: std::net::SocketAddr) -> Settings {
    let mut toml = recipe(title);
    for (consumer, key) in [("acme", ACME), ("bob", BOB)] {
        if toml.contains(&format!("[consumers.{consumer}]")) {
            let credential = keys::credential(&format!("{consumer}-1"), key);
            let (_, groups) = toml
                .split_once(&format!("[consumers.{consumer}]\n"))
                .expect("just found");
            let groups = groups.lines().next().unwrap_or_default().to_owned();
            toml = toml.replace(
                &format!("[consumers.{consumer}]\n{groups}"),
                &format!("[consumers.{consumer}]\n{groups}\ncredentials = [{credential}]"),
            );
        }
    }
    Settings::new(upstream("backend", &[to]) + &toml)
}

fn with_key(path: &str, key: &str) -> Request<Body> {
    get(path).with("x-api-key", key)
}

/// `r=` of the only limit of an answer.
fn remaining(answer: &Answer) -> u64 {
    let said = answer.header("ratelimit");
    let (_, left) = said.split_once(";r=").expect("what is left");
    let (left, _) = left.split_once(';').expect("and until when");
    left.parse().expect("a number")
}

/// `[plugins.NAME]`: `amount` an hour by the header `x-team`, and what else there is to say.
fn by_team(name: &str, amount: u64, more: &str) -> String {
    format!(
        "[plugins.{name}]\nsource = \"builtin:quota\"\n[plugins.{name}.config]\n\
         limits = [{{ name = \"hourly\", amount = {amount}, window = \"1h\" }}]\n\
         by = \"header:x-team\"\n{more}\n"
    )
}

fn of_team(path: &str, team: &str) -> Request<Body> {
    get(path).with("x-team", team)
}

#[tokio::test(flavor = "multi_thread")]
async fn premium_customers_get_ten_thousand_an_hour_on_payments() {
    let upstream = Upstream::start().await;
    let settings = cooked("Premium customers", upstream.address());
    let gateway = Gateway::start(&settings).await;
    let mut client = gateway.client().await;
    for left in (0..1_000).rev() {
        let answer = client.fetch(with_key("/payments/1", BOB)).await;
        assert_eq!((answer.status.as_u16(), remaining(&answer)), (200, left));
    }
    let refused = client.fetch(with_key("/payments/1", BOB)).await;
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.header("ratelimit-policy"),
        "\"hourly\";q=1000;w=3600"
    );
    let premium = client.fetch(with_key("/payments/1", ACME)).await;
    assert_eq!(premium.status, 200);
    assert_eq!(
        premium.header("ratelimit-policy"),
        "\"hourly\";q=10000;w=3600"
    );
    assert_eq!(remaining(&premium), 9_999);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_ends_before_anybody_looks_for_a_key() {
    let upstream = Upstream::start().await;
    let settings = cooked("A flood ends", upstream.address());
    let gateway = Gateway::start(&settings).await;
    let mut client = gateway.client().await;
    let answer = client.fetch(with_key("/a", BOB)).await;
    assert_eq!(answer.status, 200);
    let policies = answer.headers.get_all("ratelimit-policy").iter();
    let policies: Vec<_> = policies.map(|policy| policy.to_str().unwrap()).collect();
    assert_eq!(
        policies,
        ["\"daily\";q=5000;w=86400", "\"flood\";q=50;w=10"]
    );
    let mut without_key = 0;
    let refused = wait::until("the end of the flood", async || {
        let answer = client.fetch(get("/a")).await;
        without_key += usize::from(answer.status == 401);
        (answer.status == 429).then_some(answer)
    });
    let refused = refused.await;
    assert!(without_key >= 49, "only {without_key} in a burst");
    assert_eq!(refused.header("retry-after"), "1");
    // The bucket is by address, so that a key does not help.
    assert_eq!(refused.header("x-sluice-source"), "plugin:flood");
    assert_eq!(upstream.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tells_nobody_of_limits_says_which_was_reached() {
    let upstream = Upstream::start().await;
    let config = by_team("silent", 2, "headers = \"none\"");
    let body = sluice_tests::config::upstream("up", &[upstream.address()]);
    let body = body + &config + &route("all", "/*", &["silent"], "up");
    let gateway = Gateway::start(&Settings::new(body)).await;
    let mut client = gateway.client().await;
    for _ in 0..2 {
        let answer = client.fetch(of_team("/", "a")).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key("ratelimit"));
    }
    let refused = client.fetch(of_team("/", "a")).await;
    assert_eq!(refused.status, 429);
    assert!(refused.text().contains("hourly"), "{}", refused.text());
    assert!(!refused.headers.contains_key("ratelimit"));
    assert_eq!(client.fetch(of_team("/", "b")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_paid_for_by_what_it_cost() {
    let answer = "HTTP/1.1 200 OK\r\nx-cost: 40\r\ncontent-length: 0\r\n\r\n";
    let upstream = RawUpstream::answering(answer).await;
    let settings = cooked("Pay for what", upstream.address());
    let gateway = Gateway::start(&settings).await;
    let mut client = gateway.client().await;
    for left in [60, 20, 0] {
        let answer = client.fetch(with_key("/report", BOB)).await;
        assert_eq!((answer.status.as_u16(), remaining(&answer)), (200, left));
        // The month's end, from the first answer on.
        assert!(!answer.header("ratelimit").ends_with(";t=0"));
    }
    let refused = client.fetch(with_key("/report", BOB)).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["violated-policies"][0], "units");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_who_refused_and_never_reaches_the_upstream() {
    let upstream = Upstream::start().await;
    let body = self::upstream("up", &[upstream.address()])
        + &by_team("limit", 1, "")
        + &route("all", "/*", &["limit"], "up");
    let gateway = Gateway::start(&Settings::new(body)).await;
    let mut client = gateway.client().await;
    assert_eq!(client.fetch(of_team("/a", "x")).await.status, 200);
    let refused = client.fetch(of_team("/refused", "x")).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(
        refused.json()["detail"],
        "The limit `hourly` of 1 in 1h is reached."
    );
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((3_500..=3_660).contains(&wait), "{wait}");
    assert!(refused.header("ratelimit").ends_with(&format!(";t={wait}")));
    assert_eq!(upstream.requests(), 1, "a refused request was forwarded");
    let line = gateway.access("/refused").await;
    assert_eq!(line["source"], "plugin:limit", "{line}");
    assert_eq!(line["outcome"], "answered-by-plugin", "{line}");

    let mut client = Client::http2(gateway.address()).await;
    let call = grpc::call("/Service/Method", b"hello").with("x-team", "x");
    let answer = client.fetch(call).await;
    // UNAVAILABLE
    assert_eq!(grpc::status(&answer), Some(14), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_that_list_one_plugin_share_its_count_and_two_plugins_do_not() {
    let upstream = Upstream::start().await;
    let body = self::upstream("up", &[upstream.address()])
        + &by_team("one", 2, "")
        + &by_team("two", 2, "")
        + &route("a", "/a", &["one"], "up")
        + &route("b", "/b", &["one"], "up")
        + &route("c", "/c", &["two"], "up");
    let gateway = Gateway::start(&Settings::new(body)).await;
    let mut client = gateway.client().await;
    for (path, status) in [
        ("/a", 200),
        ("/b", 200),
        ("/a", 429),
        ("/b", 429),
        ("/c", 200),
        ("/c", 200),
        ("/c", 429),
    ] {
        let answer = client.fetch(of_team(path, "x")).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_amount_takes_effect_at_once_and_keeps_the_count() {
    let upstream = Upstream::start().await;
    let settings = |amount: u64, window: &str| {
        let plugin = by_team("limit", amount, "").replace("1h", window);
        let body = self::upstream("up", &[upstream.address()])
            + &plugin
            + &route("all", "/*", &["limit"], "up");
        Settings::new(body)
    };
    let gateway = Gateway::start(&settings(3, "1h")).await;
    let mut client = gateway.client().await;
    for left in [2, 1] {
        assert_eq!(remaining(&client.fetch(of_team("/", "x")).await), left);
    }
    gateway.apply(&settings(10, "1h")).await;
    assert_eq!(remaining(&client.fetch(of_team("/", "x")).await), 7);
    gateway.apply(&settings(3, "1h")).await;
    assert_eq!(client.fetch(of_team("/", "x")).await.status, 429);
    gateway.apply(&settings(3, "2h")).await;
    assert_eq!(remaining(&client.fetch(of_team("/", "x")).await), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_claims_has_no_effect() {
    let upstream = Upstream::start().await;
    let body = self::upstream("up", &[upstream.address()])
        + "[plugins.auth]\nsource = \"builtin:key-auth\"\nconfig = { anonymous = \"guest\" }\n\
           [plugins.limit]\nsource = \"builtin:quota\"\n\
           [plugins.limit.config]\nlimits = [{ name = \"hourly\", amount = 2, window = \"1h\" }]\n\
           plans.staff = []\n\
           [plugins.address]\nsource = \"builtin:quota\"\n\
           [plugins.address.config]\nby = \"client-address\"\n\
           limits = [{ name = \"hourly\", amount = 2, window = \"1h\" }]\n\
           [consumers.guest]\n\
           [consumers.root]\ngroups = [\"staff\"]\n"
        + &route("known", "/known", &["auth", "limit"], "up")
        + &route("address", "/address", &["address"], "up");
    let gateway = Gateway::start(&Settings::new(body)).await;
    let mut client = gateway.client().await;
    for path in ["/known", "/address"] {
        for (at, status) in [200, 200, 429, 429].into_iter().enumerate() {
            let forged = get(path)
                .with("x-consumer-id", "root")
                .with("x-consumer-groups", "staff")
                .with("x-credential-id", "root-1")
                .with("x-forwarded-for", &format!("198.51.100.{at}"))
                .with("forwarded", "for=198.51.100.9")
                .with("x-real-ip", "198.51.100.10");
            assert_eq!(client.fetch(forged).await.status, status, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_at_the_same_time_never_get_more_than_the_limit() {
    const LIMIT: usize = 100;
    const CLIENTS: usize = 16;
    let upstream = Upstream::start().await;
    let body = self::upstream("up", &[upstream.address()])
        + &by_team("limit", LIMIT as u64, "")
        + &route("all", "/*", &["limit"], "up");
    let gateway = Gateway::start(&Settings::new(body).workers(2)).await;
    let passed = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let mut client = gateway.client().await;
        let passed = passed.clone();
        clients.spawn(async move {
            for _ in 0..2 * LIMIT / CLIENTS {
                match client.fetch(of_team("/", "x")).await.status.as_u16() {
                    200 => _ = passed.fetch_add(1, Ordering::SeqCst),
                    status => assert_eq!(status, 429),
                }
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.expect("no client fails");
    }
    assert_eq!(passed.load(Ordering::SeqCst), LIMIT);
    assert_eq!(upstream.requests(), LIMIT as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_nothing_is_refused_when_the_configuration_is_loaded() {
    let upstream = Upstream::start().await;
    let settings = |amount: u64| {
        let body = self::upstream("up", &[upstream.address()])
            + &by_team("limit", amount, "")
            + &route("all", "/*", &["limit"], "up");
        Settings::new(body)
    };
    let gateway = Gateway::start(&settings(1)).await;
    gateway.write(&settings(0));
    let reload = gateway.reload().await;
    assert_eq!(reload.outcome, "rejected");
    let problem = reload.problems[0].to_string();
    assert!(problem.contains("limits[0].amount"), "{problem}");
    assert!(problem.contains("expected 1 to"), "{problem}");
}
