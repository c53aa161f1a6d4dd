//! Usage, for billing: who used how much, asked from outside.

use std::path::Path;

use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use sluice_tests::client::{With, get, with_body};
use sluice_tests::command::sluice;
use sluice_tests::config::{route, upstream};
use sluice_tests::upstream::BEHAVIOUR;
use sluice_tests::{Gateway, Settings, Upstream, body, keys, wait};

const ACME: &str = "k_acme41d07b8e4a3f9d6c5b2a10ffeedd";
const GLOBEX: &str = "k_glob41d07b8e4a3f9d6c5b2a10ffeedd";

/// `/orders/*` and `/payments/*` need a key, `/open/*` does not.
fn settings(to: &Upstream, state: &Path) -> Settings {
    let body = upstream("up", &[to.address()])
        + "[plugins.auth]\nsource = \"builtin:key-auth\"\n"
        + &route("orders", "/orders/*", &["auth"], "up")
        + &route("payments", "/payments/*", &["auth"], "up")
        + &route("open", "/open/*", &[], "up")
        + &keys::consumer("acme", ACME)
        + &keys::consumer("globex", GLOBEX);
    Settings::new(body).runtime(&format!("state = {:?}", state.display().to_string()))
}

/// A request of `sent` bytes to `path`, and an answer of `received` bytes.
async fn call(gateway: &Gateway, key: &str, path: &str, sent: usize, received: usize) {
    let request = with_body(Method::POST, path, body::full(vec![b'x'; sent]))
        .with("x-api-key", key)
        .with(BEHAVIOUR, &format!("bytes={received}"));
    let answer = gateway.client().await.fetch(request).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, received));
}

async fn export(gateway: &Gateway, query: &str) -> Value {
    let path = format!("/usage?{query}");
    let answer = gateway.ask_admin(Method::GET, &path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["rows"].clone()
}

/// Waits until so many requests are counted; the rows, without their days.
async fn counted(gateway: &Gateway, requests: u64) -> Vec<Value> {
    let what = format!("{requests} requests in the usage");
    let mut rows = wait::until(&what, async || {
        let rows = export(gateway, "").await;
        let rows = rows.as_array()?;
        let sum: Option<u64> = rows.iter().map(|row| row["requests"].as_u64()).sum();
        (sum? >= requests).then(|| rows.clone())
    })
    .await;
    for row in &mut rows {
        let date = row.as_object_mut().and_then(|row| row.remove("date"));
        assert!(date.is_some_and(|date| date.as_str().is_some_and(|d| d.len() == 10)));
    }
    rows
}

fn row(consumer: &str, route: &str, requests: u64, bytes: (u64, u64)) -> Value {
    json!({
        "consumer": consumer, "route": route, "requests": requests, "request_bytes": bytes.0,
        "response_bytes": bytes.1, "denials": 0, "cost": 0,
    })
}

async fn some_traffic(gateway: &Gateway) {
    for _ in 0..3 {
        call(gateway, ACME, "/orders/1", 10, 100).await;
    }
    call(gateway, ACME, "/payments/1", 7, 70).await;
    for _ in 0..2 {
        call(gateway, GLOBEX, "/orders/1", 1000, 1).await;
    }
    call(gateway, "", "/open/1", 5, 50).await;
}

fn of_some_traffic() -> Vec<Value> {
    vec![
        row("", "open", 1, (5, 50)),
        row("acme", "orders", 3, (30, 300)),
        row("acme", "payments", 1, (7, 70)),
        row("globex", "orders", 2, (2000, 2)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_bytes_of_each_consumer_on_each_route_add_up() {
    let (upstream, state) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let gateway = Gateway::start(&settings(&upstream, state.path())).await;
    some_traffic(&gateway).await;
    assert_eq!(counted(&gateway, 7).await, of_some_traffic());
    let of_acme = export(&gateway, "consumer=acme&route=orders").await;
    assert_eq!(of_acme.as_array().map(Vec::len), Some(1));
    assert_eq!(of_acme[0]["requests"], 3);
    let before = export(&gateway, "from=2020-01-01&to=2020-12-31").await;
    assert_eq!(before, json!([]));
    let answer = gateway.ask_admin(Method::GET, "/usage?format=csv").await;
    assert_eq!(
        answer.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    let text = answer.text();
    let lines: Vec<&str> = text.split("\r\n").collect();
    let head = "date,consumer,route,requests,request_bytes,response_bytes,denials,cost";
    assert_eq!(lines[0], head);
    let ends = [
        ",,open,1,5,50,0,0",
        ",acme,orders,3,30,300,0,0",
        ",acme,payments,1,7,70,0,0",
        ",globex,orders,2,2000,2,0,0",
        "",
    ];
    assert_eq!(lines.len(), 1 + ends.len(), "{text}");
    for (line, end) in lines.iter().skip(1).zip(ends) {
        assert_eq!(line.get(10..).unwrap_or_default(), end, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_and_one_without_a_route_count_for_nobody() {
    let (upstream, state) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let gateway = Gateway::start(&settings(&upstream, state.path())).await;
    let mut client = gateway.client().await;
    let wrong = get("/orders/1").with("x-api-key", "wrong");
    assert_eq!(client.fetch(wrong).await.status, 401);
    assert_eq!(client.fetch(get("/nowhere")).await.status, 404);
    let rows = counted(&gateway, 2).await;
    let names: Vec<_> = rows.iter().map(|r| (&r["consumer"], &r["route"])).collect();
    assert_eq!(
        names,
        [(&json!(""), &json!("")), (&json!(""), &json!("orders"))]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_quota_takes_and_refuses_is_billed_apart() {
    let (upstream, state) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let quota = "[plugins.quota]\nsource = \"builtin:quota\"\n\
        config = { cost = 5, limits = [{ name = \"hourly\", amount = 12, window = \"1h\" }] }\n";
    let text = settings(&upstream, state.path()).toml() + quota;
    let gateway =
        Gateway::start_text(&text.replacen("[\"auth\"]", "[\"auth\", \"quota\"]", 1)).await;
    let mut client = gateway.client().await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let request = get("/orders/1").with("x-api-key", ACME);
        statuses.push(client.fetch(request).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    call(&gateway, ACME, "/payments/1", 7, 70).await;
    let rows = counted(&gateway, 5).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    let row = |key: &str| rows[0][key].as_u64();
    let found = ["requests", "denials", "cost"].map(row);
    assert_eq!(found, [Some(4), Some(2), Some(10)]);
    assert_eq!(rows[1], self::row("acme", "payments", 1, (7, 70)));
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_outlives_a_reload_and_a_restart() {
    let (upstream, state) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let mut settings = settings(&upstream, &state.path().join("made"));
    let mut gateway = Gateway::start(&settings).await;
    some_traffic(&gateway).await;
    settings = settings.runtime("history = 3");
    gateway.apply(&settings).await;
    assert_eq!(counted(&gateway, 7).await, of_some_traffic());
    gateway.signal(Signal::TERM);
    assert!(gateway.ended().await.success());
    let gateway = Gateway::start(&settings).await;
    assert_eq!(counted(&gateway, 7).await, of_some_traffic());
    call(&gateway, ACME, "/orders/1", 1, 1).await;
    let rows = counted(&gateway, 8).await;
    assert_eq!(rows[1], row("acme", "orders", 4, (31, 301)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_nothing_that_was_saved() {
    let (upstream, state) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let settings = settings(&upstream, state.path());
    let mut gateway = Gateway::start(&settings).await;
    call(&gateway, ACME, "/orders/1", 10, 100).await;
    let day = wait::until("a saved day", async || {
        let entries = std::fs::read_dir(state.path()).ok()?;
        let mut names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
        names.find(|name| name.starts_with("usage-") && name.ends_with(".json"))
    });
    let day = day.await;
    gateway.signal(Signal::KILL);
    gateway.ended().await;
    let again = Gateway::start(&settings).await;
    let expected = [row("acme", "orders", 1, (10, 100))];
    assert_eq!(counted(&again, 1).await, expected);
    drop(again);
    // What a broken disk makes of it is set aside, and said.
    std::fs::write(state.path().join(&day), "{").unwrap();
    let again = Gateway::start(&settings).await;
    again.logs(&["corrupt", &day]).await;
    call(&again, GLOBEX, "/orders/1", 1, 1).await;
    let expected = [row("globex", "orders", 1, (1, 1))];
    assert_eq!(counted(&again, 1).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_wrong_is_answered_with_what_is_expected() {
    let (upstream, state) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let gateway = Gateway::start(&settings(&upstream, state.path())).await;
    for (query, expected) in [
        (
            "from=2026-11-31",
            "from: found \"2026-11-31\", expected a day such as",
        ),
        ("to=soon", "to: found \"soon\", expected a day such as"),
        (
            "from=2026-11-02&to=2026-11-01",
            "expected 2026-11-01 or a day before it",
        ),
        ("format=xml", "expected csv or json"),
        ("consumr=acme", "did you mean \"consumer\"?"),
    ] {
        let path = format!("/usage?{query}");
        let answer = gateway.ask_admin(Method::GET, &path).await;
        assert_eq!(answer.status, 400, "{query}");
        let body = answer.json();
        let detail = body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(expected), "{query}: {detail}");
    }
    let post = gateway.ask_admin(Method::POST, "/usage").await;
    assert_eq!(post.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_shows_the_usage_of_a_running_gateway() {
    let (upstream, state) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let gateway = Gateway::start(&settings(&upstream, state.path())).await;
    some_traffic(&gateway).await;
    counted(&gateway, 7).await;
    let admin = gateway.admin().to_string();
    let run = |more: &[&str]| {
        let mut arguments = vec!["usage", "--admin", &admin];
        arguments.extend(more);
        sluice(gateway.folder(), &arguments)
    };
    let table = run(&["--consumer", "globex"]);
    assert_eq!(table.code, Some(0), "{table:?}");
    let lines: Vec<Vec<&str>> = table
        .stdout
        .lines()
        .map(|line| line.split_whitespace().skip(1).collect())
        .collect();
    assert_eq!(lines.len(), 2, "{table:?}");
    assert_eq!(lines[1], ["globex", "orders", "2", "2000", "2", "0", "0"]);
    let csv = run(&["--format", "csv", "--route", "payments"]);
    assert_eq!(csv.stdout.lines().count(), 2, "{csv:?}");
    assert!(csv.stdout.contains(",acme,payments,1,7,70,0,0"), "{csv:?}");
    let json = run(&["--format", "json", "--from", "2020-01-01"]);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(4));
    assert_eq!(json["from"], "2020-01-01");
    let wrong = run(&["--from", "yesterday"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("expected a day such as"), "{wrong:?}");
}
