//! canary from outside: who gets which upstream, and what becomes of one that fails.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;
use sluice_tests::client::raw::Raw;
use sluice_tests::client::{Answer, With, get, with_body};
use sluice_tests::command::{Ended, refused_run, sluice};
use sluice_tests::config::upstream;
use sluice_tests::upstream::{BEHAVIOUR, Service};
use sluice_tests::{Client, Gateway, Settings, Upstream, body, grpc, wait};

/// Two versions of a service.
struct Two {
    v1: Upstream,
    v2: Upstream,
}

impl Two {
    async fn start() -> Self {
        Self {
            v1: Upstream::named("v1").await,
            v2: Upstream::named("v2").await,
        }
    }

    /// The plugin `side` with these lines of configuration, on every path.
    fn settings(&self, config: &str) -> Settings {
        settings([self.v1.address(), self.v2.address()], "", config)
    }
}

/// The same with versions anywhere, and lines for both upstreams.
fn settings(versions: [SocketAddr; 2], lines: &str, config: &str) -> Settings {
    let [v1, v2] = versions;
    Settings::new(
        upstream("v1", &[v1])
            + lines
            + &upstream("v2", &[v2])
            + lines
            + "[plugins.side]\nsource = \"builtin:canary\"\n[plugins.side.config]\n"
            + config
            + "\n[[routes]]\nname = \"all\"\nplugins = [\"side\"]\nupstreams = [\"v1\", \"v2\"]\n",
    )
}

const EIGHTY_TWENTY: &str =
    "variants = [{ upstream = \"v1\", weight = 80 }, { upstream = \"v2\", weight = 20 }]\n";
const RAMP: &str = "variants = [{ upstream = \"v1\" }, { upstream = \"v2\" }]\n";
const ALL_TO_V2: &str =
    "variants = [{ upstream = \"v1\", weight = 0 }, { upstream = \"v2\", weight = 100 }]\n";

/// The upstream that answered.
fn side(answer: &Answer) -> String {
    answer.header("x-upstream").to_owned()
}

/// The upstreams that so many users get.
async fn sides(client: &mut Client, users: usize) -> Vec<String> {
    let mut sides = Vec::with_capacity(users);
    for user in 0..users {
        let request = get("/").with("x-user", &user.to_string());
        sides.push(side(&client.fetch(request).await));
    }
    sides
}

async fn status(gateway: &Gateway) -> Value {
    let answer = gateway.ask_admin(Method::GET, "/canary/side").await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.json()
}

async fn reaches(gateway: &Gateway, state: &str) {
    wait::until(&format!("the state {state}"), async || {
        (status(gateway).await["state"] == state).then_some(())
    })
    .await;
}

fn weight(status: &Value) -> f64 {
    status["variants"][1]["weight"].as_f64().expect("a number")
}

/// `sluice canary …`, as an operator types it.
fn canary(gateway: &Gateway, arguments: &[&str]) -> Ended {
    let admin = gateway.admin().to_string();
    let rest = ["--admin", &admin];
    sluice(
        gateway.folder(),
        ["canary"].iter().chain(arguments).chain(&rest),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn x_canary_true_goes_to_v2() {
    let two = Two::start().await;
    let gateway = Gateway::start(&two.settings(
        "variants = [{ upstream = \"v1\", weight = 100 }, { upstream = \"v2\", weight = 0 }]\n\
         rules = [{ header = \"x-canary\", value = \"true\", upstream = \"v2\" }]\n",
    ))
    .await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        for (value, expected) in [("true", "v2"), ("false", "v1"), ("true", "v2")] {
            let answer = client.fetch(get("/").with("x-canary", value)).await;
            assert_eq!(side(&answer), expected);
        }
        assert_eq!(side(&client.fetch(get("/")).await), "v1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raised_weight_moves_no_user_back_across_workers_and_reloads() {
    let two = Two::start().await;
    let with = |v1: u32, v2: u32| {
        two.settings(&format!(
            "variants = [{{ upstream = \"v1\", weight = {v1} }}, {{ upstream = \"v2\", weight = {v2} }}]\n\
             sticky = \"header:x-user\"\n"
        ))
    };
    let gateway = Gateway::start(&with(80, 20)).await;
    let before = sides(&mut gateway.client().await, 100).await;
    // Another connection may be another worker's.
    for _ in 0..4 {
        assert_eq!(sides(&mut gateway.client().await, 100).await, before);
    }
    gateway.apply(&with(40, 60)).await;
    let after = sides(&mut gateway.client().await, 100).await;
    let count = |sides: &[String]| sides.iter().filter(|side| **side == "v2").count();
    assert!(count(&before) > 0 && count(&after) > count(&before));
    for (was, is) in before.iter().zip(&after) {
        assert!(was == "v1" || is == "v2", "a user was moved back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_keeps_a_user_and_one_of_another_salt_does_not() {
    let two = Two::start().await;
    let with = |salt: &str| {
        two.settings(&format!(
            "variants = [{{ upstream = \"v1\", weight = 50 }}, {{ upstream = \"v2\", weight = 50 }}]\n\
             sticky = \"cookie:side\"\nsalt = \"{salt}\"\n"
        ))
    };
    let gateway = Gateway::start(&with("ours")).await;
    let other = Gateway::start(&with("theirs")).await;
    let minted = |answer: &Answer| {
        let line = answer.header("set-cookie");
        if line.is_empty() {
            return None;
        }
        assert!(line.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{line}");
        line.split(';').next().map(str::to_owned)
    };
    let mut client = gateway.client().await;
    let first = client.fetch(get("/")).await;
    let cookie = minted(&first).expect("a cookie");
    for _ in 0..10 {
        let again = client.fetch(get("/").with("cookie", &cookie)).await;
        assert_eq!((side(&again), minted(&again)), (side(&first), None));
    }
    let mut other = other.client().await;
    let foreign = minted(&other.fetch(get("/")).await).expect("a cookie");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let answer = client.fetch(get("/").with("cookie", &foreign)).await;
        assert!(minted(&answer).is_some(), "the foreign cookie counts");
        seen.insert(side(&answer));
    }
    assert_eq!(seen.len(), 2, "the foreign cookie has chosen a side");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_fails_at_20_percent_is_rolled_back_and_stays_so_after_a_restart() {
    let two = Two::start().await;
    let state = tempfile::tempdir().expect("a folder");
    let settings = two
        .settings(&format!(
            "{EIGHTY_TWENTY}gates = {{ interval = \"1s\", min_requests = 10, error_rate = \"2%\" }}\n"
        ))
        .runtime(&format!("state = {:?}", state.path().display().to_string()));
    let mut gateway = Gateway::start(&settings).await;
    let mut client = gateway.client().await;
    let passed = wait::until("a verdict on a canary that does well", async || {
        sides(&mut client, 20).await;
        let verdict = status(&gateway).await["verdict"].take();
        verdict.is_object().then_some(verdict)
    })
    .await;
    assert_eq!(passed["failed"], serde_json::json!([]));
    assert!(two.v2.requests() > 0);

    two.v2.answers_with(500);
    wait::until("the rollback", async || {
        sides(&mut client, 20).await;
        (status(&gateway).await["state"] == "rolled-back").then_some(())
    })
    .await;
    let now = status(&gateway).await;
    assert_eq!(weight(&now), 0.0);
    assert_eq!(now["verdict"]["failed"][0]["gate"], "error-rate");
    gateway.logs(&["side", "rolled back", "`v2`"]).await;
    let metrics = gateway.metrics().await;
    let v2 = [("plugin", "side"), ("upstream", "v2")];
    assert_eq!(metrics.sum("sluice_canary_weight", &v2), 0.0);
    assert!(metrics.sum("sluice_canary_failures_total", &v2) > 0.0);
    let rolled_back = [("plugin", "side"), ("state", "rolled-back")];
    assert_eq!(metrics.sum("sluice_canary_state", &rolled_back), 1.0);

    two.v2.answers_with(200);
    let before = two.v2.requests();
    assert!(sides(&mut client, 200).await.iter().all(|s| s == "v1"));
    drop(client);
    // An edit of the weights is no word of an operator on the rollback.
    gateway.apply(&two.settings(ALL_TO_V2)).await;
    assert!(
        sides(&mut gateway.client().await, 50)
            .await
            .iter()
            .all(|s| s == "v1")
    );

    gateway.signal(rustix::process::Signal::TERM);
    gateway.ended().await;
    let gateway = Gateway::start(&settings).await;
    let after = status(&gateway).await;
    assert_eq!(
        (&after["state"], weight(&after)),
        (&"rolled-back".into(), 0.0)
    );
    assert_eq!(after["verdict"], now["verdict"]);
    assert!(
        sides(&mut gateway.client().await, 200)
            .await
            .iter()
            .all(|s| s == "v1")
    );
    assert_eq!(two.v2.requests(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_that_cannot_be_read_stops_the_start() {
    let two = Two::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    // A folder in the place of the file can be opened, and not read.
    std::fs::create_dir_all(state.join("rollouts.json")).expect("a folder");
    let settings = two
        .settings(EIGHTY_TWENTY)
        .runtime(&format!("state = {:?}", state.display().to_string()));
    std::fs::write(folder.path().join("sluice.toml"), settings.toml()).expect("a file");
    let run = refused_run(folder.path(), "sluice.toml").await;
    assert!(
        run.stderr.contains("rollouts.json cannot be read"),
        "{run:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_in_a_row_roll_back_at_once() {
    let two = Two::start().await;
    let gateway = Gateway::start(&two.settings(&format!(
        "{ALL_TO_V2}gates = {{ interval = \"24h\", consecutive_failures = 3 }}\n"
    )))
    .await;
    two.v2.answers_with(503);
    let sides = sides(&mut gateway.client().await, 20).await;
    assert!(sides.iter().take(3).all(|side| side == "v2"), "{sides:?}");
    // An answer may have left before its end was noted.
    assert!(sides.iter().skip(4).all(|side| side == "v1"), "{sides:?}");
    reaches(&gateway, "rolled-back").await;
}

const HALF: &str =
    "variants = [{ upstream = \"v1\", weight = 50 }, { upstream = \"v2\", weight = 50 }]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_hangs_is_rolled_back_though_its_clients_leave_first() {
    let (v1, v2) = (Upstream::named("v1").await, Service::silent().await);
    let gates = "gates = { interval = \"1s\", min_requests = 5, p99 = \"200ms\" }\n";
    let versions = [v1.address(), v2.address()];
    let gateway = Gateway::start(&settings(versions, "", &format!("{HALF}{gates}"))).await;
    let client = Client::http2(gateway.address()).await;
    wait::until("the rollback", async || {
        let mut leaving = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let mut client = client.another();
            let patience = Duration::from_secs(1);
            leaving.spawn(async move {
                let _ = tokio::time::timeout(patience, client.try_fetch(get("/"))).await;
            });
        }
        leaving.join_all().await;
        (status(&gateway).await["state"] == "rolled-back").then_some(())
    })
    .await;
    assert_eq!(
        status(&gateway).await["verdict"]["failed"][0]["gate"],
        "p99"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_uploads_slowly_makes_no_canary_slow() {
    let two = Two::start().await;
    let gates = "gates = { interval = \"1s\", min_requests = 3, p99 = \"500ms\" }\n";
    let gateway =
        Gateway::start(&two.settings(&format!("{HALF}sticky = \"header:x-user\"\n{gates}"))).await;
    let sides = sides(&mut gateway.client().await, 50).await;
    let of_v2 = sides.iter().position(|side| side == "v2").expect("a user");
    let of_v1 = sides.iter().position(|side| side == "v1").expect("a user");
    let verdict = wait::until("a verdict on slow uploads", async || {
        let mut uploads = tokio::task::JoinSet::new();
        for _ in 0..5 {
            let mut client = gateway.client().await;
            client
                .fetch(get("/").with("x-user", &of_v1.to_string()))
                .await;
            let (writer, body) = body::stream();
            let upload = with_body(Method::POST, "/", body).with("x-user", &of_v2.to_string());
            uploads.spawn(async move {
                let sending = async {
                    assert!(writer.data("the beginning").await);
                    // The client is slow; nobody waits for this.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    writer.data(", the end").await;
                    drop(writer);
                };
                let (answer, ()) = tokio::join!(client.fetch(upload), sending);
                assert_eq!(answer.status, 200);
            });
        }
        uploads.join_all().await;
        // The first one is about what came before.
        let verdict = status(&gateway).await["verdict"].take();
        let uploads = two.v2.requests() - sides.iter().filter(|s| *s == "v2").count() as u64;
        (verdict.is_object() && uploads >= 15).then_some(verdict)
    })
    .await;
    assert_eq!(verdict["failed"], serde_json::json!([]), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_its_client_breaks_off_is_no_success_of_the_canary() {
    let two = Two::start().await;
    let gateway = Gateway::start(&two.settings(ALL_TO_V2)).await;
    let mut client = Raw::connect(gateway.address()).await;
    client
        .send("POST /broken HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nno chunk\r\n")
        .await;
    assert_eq!(client.response().await.status, 400);
    gateway.access("/broken").await;
    let requests = async || status(&gateway).await["variants"][1]["requests"].clone();
    assert_eq!(requests().await, 0);
    assert_eq!(gateway.get("/whole").await.status, 200);
    gateway.access("/whole").await;
    assert_eq!(requests().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_whose_grpc_calls_fail_is_rolled_back() {
    let two = Two::start().await;
    let config = format!("{ALL_TO_V2}gates = {{ interval = \"24h\", consecutive_failures = 3 }}\n");
    let versions = [two.v1.address(), two.v2.address()];
    let settings = settings(versions, "protocol = \"http2\"\n", &config);
    let gateway = Gateway::start(&settings).await;
    let mut client = Client::http2(gateway.address()).await;
    let mut call = async |status: u32| {
        let call = grpc::call("/Service/Method", b"hello");
        let call = call.with(BEHAVIOUR, &format!("grpc={status}"));
        assert_eq!(grpc::status(&client.fetch(call).await), Some(status));
    };
    // NOT_FOUND is about the call.
    for _ in 0..5 {
        call(5).await;
    }
    assert_eq!(status(&gateway).await["state"], "running");
    for _ in 0..3 {
        call(14).await;
    }
    reaches(&gateway, "rolled-back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_goes_its_way_by_itself() {
    let two = Two::start().await;
    let gateway = Gateway::start(&two.settings(&format!(
        "{RAMP}ramp = [{{ weight = 0, hold = \"1s\" }}, {{ weight = 50, hold = \"1s\" }}, {{ weight = 100 }}]\n"
    )))
    .await;
    // Steps that end within one look of the gateway are one line.
    gateway.logs(&["side", "done: `v2` has 100 %"]).await;
    reaches(&gateway, "done").await;
    assert!(
        sides(&mut gateway.client().await, 20)
            .await
            .iter()
            .all(|s| s == "v2")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_pause_promote_roll_back_and_resume() {
    let two = Two::start().await;
    let gateway = Gateway::start(&two.settings(&format!(
        "{RAMP}ramp = [{{ weight = 0, hold = \"1h\" }}, {{ weight = 100 }}]\n"
    )))
    .await;
    let mut client = gateway.client().await;
    for (action, state, side) in [
        ("pause", "paused", "v1"),
        ("pause", "paused", "v1"),
        ("resume", "running", "v1"),
        ("promote", "promoted", "v2"),
        ("rollback", "rolled-back", "v1"),
        ("resume", "running", "v1"),
    ] {
        let ended = canary(&gateway, &[action, "side"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(state), "{ended:?}");
        assert_eq!(status(&gateway).await["state"], state);
        assert!(
            sides(&mut client, 10).await.iter().all(|s| s == side),
            "{action}"
        );
    }
    let ended = canary(&gateway, &["status"]);
    for part in ["side", "running", "step 1 of 2", "v1 (baseline)", "left"] {
        assert!(ended.stdout.contains(part), "{part} is not in {ended:?}");
    }
    let unknown = canary(&gateway, &["pause", "sde"]);
    assert_ne!(unknown.code, Some(0));
    assert!(unknown.stderr.contains("`side`"), "{unknown:?}");
    let refused = canary(&gateway, &["promote", "side"]);
    assert_eq!(refused.code, Some(0), "{refused:?}");
    let refused = canary(&gateway, &["pause", "side"]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("promoted"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_says_what_it_takes() {
    let two = Two::start().await;
    let gateway = Gateway::start(&two.settings(EIGHTY_TWENTY)).await;
    let all = gateway.ask_admin(Method::GET, "/canary").await.json();
    assert_eq!(all[0]["name"], "side");
    assert_eq!(weight(&all[0]), 20.0);
    for (method, path, status) in [
        (Method::POST, "/canary", StatusCode::METHOD_NOT_ALLOWED),
        (Method::POST, "/canary/side", StatusCode::METHOD_NOT_ALLOWED),
        (
            Method::GET,
            "/canary/side/pause",
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (Method::POST, "/canary/side/pause", StatusCode::CONFLICT),
        (Method::POST, "/canary/side/fly", StatusCode::NOT_FOUND),
        (Method::GET, "/canary/other", StatusCode::NOT_FOUND),
        (Method::GET, "/canaries", StatusCode::NOT_FOUND),
    ] {
        let answer = gateway.ask_admin(method.clone(), path).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.json()["detail"].is_string(), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_fallback_the_baseline_answers_for_an_upstream_that_is_not_there() {
    let two = Two::start().await;
    let text = two
        .settings(&format!("{ALL_TO_V2}fallback = true\n"))
        .toml()
        .replace(
            &two.v2.address().to_string(),
            &sluice_tests::upstream::nobody().to_string(),
        );
    let gateway = Gateway::start_text(&text).await;
    let mut client = gateway.client().await;
    // Nobody knows that it is not there before it was tried.
    wait::until("the baseline", async || {
        (side(&client.fetch(get("/")).await) == "v1").then_some(())
    })
    .await;
}
