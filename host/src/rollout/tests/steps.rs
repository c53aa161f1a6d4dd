//! Steps, and what operators do to them.

use super::*;

#[test]
fn five_percent_then_fifty_then_all() {
    let mut world = World::new();
    let rollout = world.run(plan(&three_steps(), None));
    assert_eq!((weight(&rollout), state(&rollout)), (500, State::Running));
    assert_eq!(rollout.status().next_change_ms, Some(600_000));

    assert_eq!(world.pass(599), []);
    let events = world.pass(1);
    assert_eq!(events[0].to_string(), "step 2 of 3: `v2` has 50 %");
    assert_eq!(rollout.weights(), [5_000, 5_000]);
    assert_eq!(rollout.status().step, Some(2));

    let events = world.pass(1_800);
    assert_eq!(events[0].to_string(), "done: `v2` has 100 %");
    assert!(!events[0].is_failure());
    assert_eq!((weight(&rollout), state(&rollout)), (10_000, State::Done));
    assert_eq!(rollout.status().next_change_ms, None);
    assert_eq!(world.pass(100_000), []);
}

#[test]
fn a_ramp_goes_evenly() {
    let mut world = World::new();
    let ramp = Step {
        from: 100,
        to: 10_000,
        duration_ms: 100_000,
    };
    let rollout = world.run(plan(&[ramp], None));
    for (seconds, expected) in [(0, 100), (1, 199), (49, 5_050), (49, 9_901), (1, 10_000)] {
        world.pass(seconds);
        assert_eq!(weight(&rollout), expected);
    }
    assert_eq!(state(&rollout), State::Done);
}

#[test]
fn a_late_tick_does_not_lose_time() {
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(100, 10), hold(200, 10), hold(300, 10)], None));
    let events = world.pass(25);
    assert_eq!(events.len(), 1);
    assert_eq!(weight(&rollout), 300);
    assert_eq!(rollout.status().next_change_ms, Some(5_000));
}

#[test]
fn time_in_a_pause_does_not_count() {
    let mut world = World::new();
    let rollout = world.run(plan(&three_steps(), None));
    world.pass(400);
    rollout.pause().unwrap();
    rollout.pause().unwrap();
    world.pass(10_000);
    assert_eq!((weight(&rollout), state(&rollout)), (500, State::Paused));
    rollout.resume().unwrap();
    rollout.resume().unwrap();
    assert_eq!(rollout.status().next_change_ms, Some(200_000));
    world.pass(200);
    assert_eq!(weight(&rollout), 5_000);
}

#[test]
fn a_promotion_is_at_once_and_stays() {
    let mut world = World::new();
    let rollout = world.run(plan(&three_steps(), Some(GATES)));
    rollout.promote().unwrap();
    assert_eq!(weight(&rollout), 10_000);
    requests(&rollout, 1, 100, 100, 1);
    world.pass(10_000);
    assert_eq!(
        (weight(&rollout), state(&rollout)),
        (10_000, State::Promoted)
    );
    assert!(rollout.pause().is_err() && rollout.resume().is_err());
}

#[test]
fn an_operator_rolls_back_and_resumes_from_the_beginning() {
    let mut world = World::new();
    let rollout = world.run(plan(&three_steps(), None));
    world.pass(700);
    rollout.rollback().unwrap();
    rollout.rollback().unwrap();
    world.pass(10_000);
    assert_eq!((weight(&rollout), state(&rollout)), (0, State::RolledBack));
    rollout.resume().unwrap();
    assert_eq!((weight(&rollout), state(&rollout)), (500, State::Running));
    assert_eq!(rollout.status().next_change_ms, Some(600_000));
}

#[test]
fn what_cannot_be_done_says_why() {
    let mut world = World::new();
    let rollout = world.run(plan(&[], None));
    assert_eq!(rollout.pause().unwrap_err(), "it has no steps to pause");
    let three = Plan {
        variants: vec![variant("v1", 9_800), variant("v2", 100), variant("v3", 100)],
        baseline: 0,
        steps: vec![],
        gates: None,
    };
    let rollout = world.run(three);
    assert!(rollout.promote().is_err());
    rollout.rollback().unwrap();
    assert_eq!(rollout.weights(), [10_000, 0, 0]);
    assert_eq!(
        rollout.pause().unwrap_err(),
        "it is rolled-back: there is nothing to pause"
    );
}

#[test]
fn a_plan_that_cannot_be_carried_out_is_refused() {
    let good = plan(&three_steps(), Some(GATES));
    assert_eq!(good.check(), Ok(()));
    let with = |change: &dyn Fn(&mut Plan)| {
        let mut plan = good.clone();
        change(&mut plan);
        plan.check().unwrap_err()
    };
    let gates = |change: &dyn Fn(&mut Gates)| {
        with(&|plan| {
            let mut gates = GATES;
            change(&mut gates);
            plan.gates = Some(gates);
        })
    };
    let more = |plan: &mut Plan| plan.variants.push(variant("v3", 0));
    for (problem, part) in [
        (with(&|p| p.variants.clear()), "0 variants"),
        (with(&|p| p.variants[1].weight = 1), "add up to 8001"),
        (with(&|p| p.variants[1].name = "v1".into()), "twice"),
        (with(&|p| p.variants[1].name = String::new()), "name"),
        (with(&|p| p.baseline = 2), "baseline 2"),
        (with(&|p| more(p)), "steps need a baseline"),
        (with(&|p| (p.steps.clear(), more(p)).1), "gates need a base"),
        (with(&|p| p.steps[0].duration_ms = 0), "step 1 takes no"),
        (with(&|p| p.steps[0].to = 10_001), "step 1: a weight"),
        (with(&|p| p.steps[1].duration_ms = u64::MAX), "365 days"),
        (with(&|p| p.steps = vec![hold(1, 1); 65]), "65 steps"),
        (gates(&|g| g.interval_ms = 999), "1 s to 24 h"),
        (gates(&|g| g.min_requests = 0), "at least one"),
        (gates(&|g| g.error_ratio = Some(10_001)), "0 to 10000"),
        (gates(&|g| g.consecutive_failures = Some(0)), "in a row"),
    ] {
        assert!(problem.contains(part), "{problem}: {part}");
    }
}
