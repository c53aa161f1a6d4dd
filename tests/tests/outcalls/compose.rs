//! `examples/compose` between clients and three services.

use std::sync::Arc;

use http::Method;
use sluice_tests::client::{With, get, request};
use sluice_tests::upstream::{Service, service};
use sluice_tests::{Client, Gateway, Settings, wait};
use tokio::sync::Barrier;

use super::{COMPOSE, pasted};

/// The gateway of the example's page, with these services.
async fn gateway(orders: &Service, people: &Service, stock: &Service) -> Gateway {
    Gateway::start(&Settings::new(toml(orders, people, stock))).await
}

fn toml(orders: &Service, people: &Service, stock: &Service) -> String {
    pasted(
        "compose",
        &COMPOSE,
        &[
            ("127.0.0.1:9001", orders.address().to_string()),
            ("127.0.0.1:9002", people.address().to_string()),
            ("127.0.0.1:9003", stock.address().to_string()),
        ],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn three_services_are_asked_side_by_side() {
    let all_here = Arc::new(Barrier::new(3));
    // Each answers when all have been asked: one after the other would never end.
    let meeting = |text: &'static str| {
        let all_here = all_here.clone();
        Service::start(move |_| {
            let all_here = all_here.clone();
            async move {
                all_here.wait().await;
                service::json(200, text)
            }
        })
    };
    let orders = meeting("{\"total\": 1.50e0, \"n\":12345678901234567890, \"n\":[ ]}").await;
    let people = meeting(" \"A\\ud800da\"\n").await;
    let stock = meeting("[]").await;
    // The slowest part may take its time on a busy machine.
    let toml =
        toml(&orders, &people, &stock).replace("\ntarget = ", "\ntimeout = \"30s\"\ntarget = ");
    let toml = toml.replace("timeout = \"2s\"\n", "");
    let gateway = Gateway::start(&Settings::new(toml)).await;
    for mut client in [
        Client::http1(gateway.address()).await,
        Client::http2(gateway.address()).await,
    ] {
        let answer = client
            .fetch(get("/pages/orders/a%20b").with("accept-language", "de"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(
            answer.text(),
            "{\"order\":{\"total\": 1.50e0, \"n\":12345678901234567890, \"n\":[ ]},\
             \"customer\":\"A\\ud800da\",\"stock\":[]}"
        );
    }
    let asked = orders.asked().remove(0);
    assert_eq!(asked.method, "GET");
    assert_eq!(asked.target, "/api/orders/a%20b");
    assert_eq!(asked.header("accept-language"), "de");
    assert_eq!(asked.header("accept"), "application/json");
    let id = format!("\"request_id\":\"{}\"", asked.header("x-request-id"));
    wait::until("the access log line of its request", async || {
        gateway.access_log().contains(&id).then_some(())
    })
    .await;
    assert_eq!(people.asked()[0].target, "/api/customers?order=a%20b");
    assert_eq!(stock.asked()[0].target, "/levels/a%20b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_fails_leaves_the_others_whole() {
    let orders = Service::json(200, "1").await;
    let people = Service::json(200, "2").await;
    let stocks = [
        (
            Service::json(503, "{}").await,
            r#"{"part":"stock","reason":"status","status":503}"#,
        ),
        (
            Service::json(200, "<html>").await,
            r#"{"part":"stock","reason":"not-json"}"#,
        ),
        (
            Service::silent().await,
            r#"{"part":"stock","reason":"timed-out"}"#,
        ),
        (
            Service::start(|_| async { service::json(200, vec![b' '; 100_000]) }).await,
            r#"{"part":"stock","reason":"too-large"}"#,
        ),
    ];
    for (stock, error) in &stocks {
        let toml = toml(&orders, &people, stock).replace(
            "\n[[plugins.order-page.config.parts]]\nname = \"order\"",
            "limits = { host_call_bytes = \"64KiB\" }\n\
             [[plugins.order-page.config.parts]]\nname = \"order\"",
        );
        let gateway = Gateway::start(&Settings::new(toml)).await;
        let answer = gateway.get("/pages/orders/7").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(
            answer.text(),
            format!("{{\"order\":1,\"customer\":2,\"stock\":null,\"errors\":[{error}]}}")
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        let line = gateway.access("/pages/orders/7").await;
        assert_eq!(line["tags"]["failed_parts"], "stock", "{line}");
        assert_eq!(line["outcome"], "answered-by-plugin", "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answers_of_one_request_share_their_bound() {
    let text: &'static str = Box::leak(format!("\"{}\"", "x".repeat(30_000)).into_boxed_str());
    let one = Service::json(200, text).await;
    let toml = toml(&one, &one, &one)
        .replace("required = true\n", "")
        .replace(
            "\n[[plugins.order-page.config.parts]]\nname = \"order\"",
            "limits = { host_call_bytes = \"64KiB\" }\n\
             [[plugins.order-page.config.parts]]\nname = \"order\"",
        );
    let gateway = Gateway::start(&Settings::new(toml)).await;
    // Again and again: what one request took is there for the next.
    for _ in 0..3 {
        let answer = gateway.get("/pages/orders/7").await.json();
        let parts = ["order", "customer", "stock"].map(|name| &answer[name]);
        let whole = parts.iter().filter(|part| part.is_string()).count();
        assert_eq!(whole, 2, "two of 30 kB each fit into 64 KiB");
        let errors = answer["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), 3 - whole);
        assert!(
            errors.iter().all(|e| e["reason"] == "too-large"),
            "{errors:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_gone_costs_its_part_and_a_required_one_the_answer() {
    let orders = Service::json(200, "1").await;
    let people = Service::json(200, "2").await;
    let gone = Service::silent().await;
    let toml = toml(&orders, &people, &gone);
    drop(gone);
    let gateway = Gateway::start(&Settings::new(toml)).await;
    let answer = gateway.get("/pages/orders/7").await;
    assert_eq!(
        answer.text(),
        "{\"order\":1,\"customer\":2,\"stock\":null,\
         \"errors\":[{\"part\":\"stock\",\"reason\":\"unreachable\"}]}"
    );

    let stock = Service::json(200, "3").await;
    for (status, body, expected) in [(500, "{}", 502), (200, "x", 502), (404, "{}", 404)] {
        let orders = Service::json(status, body).await;
        let gateway = self::gateway(&orders, &people, &stock).await;
        let answer = gateway.get("/pages/orders/7").await;
        assert_eq!(answer.status, expected, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(answer.text().contains("`order`"), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_has_no_body_and_post_is_not_answered() {
    let one = Service::json(200, "1").await;
    let gateway = gateway(&one, &one, &one).await;
    let mut client = gateway.client().await;
    let head = client.fetch(request(Method::HEAD, "/pages/orders/7")).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let post = client.fetch(request(Method::POST, "/pages/orders/7")).await;
    assert_eq!(post.status, 405);
    assert_eq!(post.header("allow"), "GET, HEAD");
    // The connection is in order after both.
    assert_eq!(client.fetch(get("/pages/orders/7")).await.status, 200);
}
