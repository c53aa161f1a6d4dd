//! The recipes of the documentation, as they stand there.

use canary::Canary;
use sluice_plugin::Caller;
use sluice_plugin::rollout::OnFail;
use sluice_plugin::testing::{Exchange, Harness};

/// The plugin of the recipe whose title begins like this.
fn recipe(title: &str) -> Harness<Canary> {
    let page = include_str!("../../../docs/plugins/canary.md");
    let (_, from_title) = page.split_once(&format!("**{title}")).expect(title);
    let (_, block) = from_title.split_once("```toml\n").expect(title);
    let (block, _) = block.split_once("```").expect(title);
    let table: toml::Table = block.parse().expect(title);
    let config = serde_json::to_value(&table["plugins"]["orders-canary"]["config"]);
    Harness::configure(config.expect(title)).expect(title)
}

fn get() -> Exchange {
    Exchange::get("/orders/7").with_upstreams(&["v1", "v2"])
}

fn consumer(id: &str, group: &str) -> Exchange {
    get().with_caller(Caller {
        id: id.to_owned(),
        groups: vec![group.to_owned()],
        ..Caller::default()
    })
}

fn chosen(plugin: &Harness<Canary>, mut exchange: Exchange) -> String {
    plugin.request(&mut exchange).unwrap();
    exchange.upstream
}

#[test]
fn x_canary_true_goes_to_v2() {
    let plugin = recipe("`x-canary: true` goes to v2");
    for _ in 0..100 {
        assert_eq!(chosen(&plugin, get()), "v1");
        assert_eq!(chosen(&plugin, get().with_header("x-canary", "no")), "v1");
        assert_eq!(chosen(&plugin, get().with_header("x-canary", "true")), "v2");
    }
}

#[test]
fn five_fifty_a_hundred_with_rollback() {
    let plugin = recipe("5 % → 50 % → 100 %, with rollback");
    let plan = plugin.plan().unwrap();
    let steps: Vec<_> = plan.steps.iter().map(|s| (s.to, s.duration_ms)).collect();
    assert_eq!(steps, [(500, 600_000), (5_000, 1_800_000), (10_000, 0)]);
    let gates = plan.gates.unwrap();
    assert_eq!(gates.on_fail, OnFail::Rollback);
    assert_eq!((gates.error_ratio, gates.p99_ms), (Some(200), Some(100)));
    assert_eq!(gates.consecutive_failures, Some(10));

    let cookie = || {
        let mut exchange = get();
        plugin.request(&mut exchange).unwrap();
        let mut exchange = exchange.answered(200, &[], "");
        plugin.response(&mut exchange).unwrap();
        let line = exchange.response.header("set-cookie").unwrap();
        line.split(';').next().unwrap().to_owned()
    };
    let users: Vec<_> = (0..400).map(|_| cookie()).collect();
    let mut canaries: Vec<&String> = Vec::new();
    for weight in [500, 5_000, 10_000] {
        plugin.set_weights(&[10_000 - weight, weight]);
        let side = |user: &&String| chosen(&plugin, get().with_header("cookie", user)) == "v2";
        let now: Vec<_> = users.iter().filter(side).collect();
        assert!(canaries.iter().all(|user| now.contains(user)));
        assert!(now.len() > canaries.len());
        canaries = now;
    }
    assert_eq!(canaries.len(), users.len());
    // As a gate that fails would do.
    plugin.set_weights(&[10_000, 0]);
    for user in &users {
        assert_eq!(chosen(&plugin, get().with_header("cookie", user)), "v1");
    }
}

#[test]
fn the_beta_group_first_then_a_nights_ramp() {
    let plugin = recipe("The beta group first, then a night's ramp");
    let plan = plugin.plan().unwrap();
    assert_eq!((plan.steps[0].from, plan.steps[0].to), (100, 10_000));
    assert_eq!(plan.steps[0].duration_ms, 8 * 3_600_000);
    assert_eq!(plan.gates.unwrap().on_fail, OnFail::Hold);
    plugin.set_weights(&[5_000, 5_000]);
    let on_v2 = |n: u32| chosen(&plugin, consumer(&n.to_string(), "standard")) == "v2";
    let share = (0..1_000).filter(|n| on_v2(*n)).count();
    assert!((400..600).contains(&share), "{share}");
    assert_eq!(chosen(&plugin, consumer("acme", "beta")), "v2");
    plugin.set_available("v2", false);
    assert_eq!(chosen(&plugin, consumer("acme", "beta")), "v1");
}
