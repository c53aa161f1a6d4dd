//! Three gateways, and clients who ask all of them at once: never more than the limit.

use std::time::Duration;

use sluice_tests::tcp_proxy::Path;
use sluice_tests::wait;

use crate::cluster::{ALGORITHMS, AMOUNT, CONSISTENCIES, Cluster, name};
use crate::schedule::{Dice, clients};

const GATEWAYS: usize = 3;
const TEAMS: usize = 3;
const ROUNDS: usize = 3;
/// Of all teams together: some ask for more than they may, some perhaps for less.
const REQUESTS: usize = 210;

fn teams(round: usize) -> Vec<String> {
    (0..TEAMS).map(|team| format!("{round}-{team}")).collect()
}

fn team() -> Vec<String> {
    vec!["team".to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn three_gateways_that_ask_each_time_admit_exactly_the_limit() {
    let (mut dice, seed) = Dice::new();
    let cluster = Cluster::start(GATEWAYS).await;
    for (algorithm, _) in ALGORITHMS {
        let plugin = name("strict", algorithm);
        for round in 0..ROUNDS {
            let teams = teams(round);
            let schedule = clients(&mut dice, GATEWAYS, TEAMS, REQUESTS);
            let passed = cluster.run(&plugin, &teams, schedule, &[429]).await;
            for (team, passed) in teams.iter().zip(passed) {
                assert!(passed <= AMOUNT, "{plugin}, seed {seed}: {passed} passed");
                let rest = cluster.ask_for_the_rest(&plugin, team).await;
                let what = format!("{plugin}, seed {seed}: {passed} passed, then {rest}");
                assert_eq!(passed + rest, AMOUNT, "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_gateways_that_take_shares_never_admit_more_and_give_back_the_rest() {
    let (mut dice, seed) = Dice::new();
    let mut cluster = Cluster::start(GATEWAYS).await;
    let mut all = Vec::new();
    for (algorithm, _) in ALGORITHMS {
        let plugin = name("lease", algorithm);
        for round in 0..ROUNDS {
            let teams = teams(round);
            let requests = REQUESTS / (1 + round);
            let schedule = clients(&mut dice, GATEWAYS, TEAMS, requests);
            let passed = cluster.run(&plugin, &teams, schedule, &[429]).await;
            for (team, passed) in teams.into_iter().zip(passed) {
                assert!(passed <= AMOUNT, "{plugin}, seed {seed}: {passed} passed");
                all.push((plugin.clone(), team, passed));
            }
        }
    }
    cluster.stop_all().await;
    cluster.one_more().await;
    for (plugin, team, passed) in all {
        let rest = cluster.ask_for_the_rest(&plugin, &team).await;
        let what = format!("{plugin}, seed {seed}: {passed} passed, then {rest}");
        assert!(passed + rest <= AMOUNT, "{what}");
        assert!((passed + rest) * 10 >= AMOUNT * 9, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_that_are_stopped_amid_traffic_give_back_what_they_hold() {
    for (algorithm, _) in ALGORITHMS {
        let plugin = name("lease", algorithm);
        let mut cluster = Cluster::start(1).await;
        let mut passed = 0;
        for _ in 0..5 {
            // The last of these takes a share that nobody uses.
            passed += cluster.ask(&plugin, "team", 5).await;
            cluster.stop_all().await;
            cluster.one_more().await;
        }
        let rest = cluster.ask_for_the_rest(&plugin, "team").await;
        let what = format!("{plugin}: {passed} passed, then {rest}");
        assert!(passed + rest <= AMOUNT, "{what}");
        assert!((passed + rest) * 10 >= AMOUNT * 9, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_that_are_killed_with_shares_in_their_hands_admit_no_more() {
    let (mut dice, seed) = Dice::new();
    for (algorithm, _) in ALGORITHMS {
        let plugin = name("lease", algorithm);
        let mut cluster = Cluster::start(2).await;
        let mut passed = 0;
        for _ in 0..3 {
            let schedule = clients(&mut dice, 2, 1, AMOUNT as usize / 4);
            passed += cluster.run(&plugin, &team(), schedule, &[429]).await[0];
            cluster.kill_all();
            cluster.one_more().await;
            cluster.one_more().await;
        }
        let rest = cluster.ask_for_the_rest(&plugin, "team").await;
        let what = format!("{plugin}, seed {seed}: {passed} passed, then {rest}");
        assert!(passed > 0 && passed + rest <= AMOUNT, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_comes_and_goes_lets_no_more_in() {
    let (mut dice, seed) = Dice::new();
    let cluster = Cluster::start_with(GATEWAYS, "100ms").await;
    for consistency in CONSISTENCIES {
        for (algorithm, _) in ALGORITHMS {
            let plugin = name(consistency, algorithm);
            let mut schedule = clients(&mut dice, GATEWAYS, 1, REQUESTS);
            for client in &mut schedule {
                for step in &mut client.steps {
                    let pause = Duration::from_millis(1 + dice.below(40));
                    step.pause = Some(pause);
                }
            }
            let team = team();
            let asking = cluster.run(&plugin, &team, schedule, &[429, 503]);
            let passed = tokio::select! {
                passed = asking => passed[0],
                () = changing(&cluster, &mut dice) => unreachable!("it goes on for ever"),
            };
            cluster.proxy.set(Path::Pass);
            cluster.counts(&plugin).await;
            let rest = cluster.ask_for_the_rest(&plugin, "team").await;
            let what = format!("{plugin}, seed {seed}: {passed} passed, then {rest}");
            assert!(passed > 0 && passed + rest <= AMOUNT, "{what}");
        }
    }
}

/// Takes the network away and gives it back, until nobody waits for this.
async fn changing(cluster: &Cluster, dice: &mut Dice) {
    loop {
        wait::pause(Duration::from_millis(20 + dice.below(80))).await;
        cluster.proxy.set(match dice.below(5) {
            0 => Path::Delay(Duration::from_millis(60)),
            1 => Path::Hold,
            2 => Path::Cut,
            3 => Path::Reset,
            _ => Path::Refuse,
        });
        wait::pause(Duration::from_millis(20 + dice.below(200))).await;
        cluster.redis.tell("SCRIPT FLUSH").await;
        cluster.proxy.set(Path::Pass);
    }
}
