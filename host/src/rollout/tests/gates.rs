//! What gates do.

use super::*;

#[test]
fn a_canary_that_fails_more_is_rolled_back_within_one_interval() {
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(GATES)));
    requests(&rollout, 0, 800, 8, 1);
    requests(&rollout, 1, 200, 100, 1);
    assert_eq!(world.pass(9), []);
    let events = world.pass(1);
    assert!(events[0].is_failure());
    assert_eq!(
        events[0].to_string(),
        "rolled back: `v2` has 0 % until an operator acts: 50.00 % of its requests failed, \
         1.00 % of the baseline's, and at most 2 % more may"
    );
    assert_eq!((weight(&rollout), state(&rollout)), (0, State::RolledBack));
    let verdict = rollout.status().verdict.unwrap();
    assert_eq!(
        (verdict.canary.requests, verdict.canary.failures),
        (200, 100)
    );
    assert_eq!(
        (verdict.baseline.requests, verdict.baseline.failures),
        (800, 8)
    );
    // Nothing but an operator brings it back.
    requests(&rollout, 1, 200, 0, 1);
    assert_eq!(world.pass(100_000), []);
    assert_eq!(weight(&rollout), 0);
}

#[test]
fn a_canary_that_does_as_well_goes_on() {
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 20), hold(4_000, 20)], Some(GATES)));
    for _ in 0..3 {
        requests(&rollout, 0, 800, 80, 1);
        requests(&rollout, 1, 200, 20, 1);
        world.pass(10);
    }
    assert_eq!(weight(&rollout), 4_000);
    let verdict = rollout.status().verdict.unwrap();
    assert_eq!((verdict.failed, verdict.canary.requests), (vec![], 200));
}

#[test]
fn after_a_verdict_another_interval_begins() {
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(GATES)));
    requests(&rollout, 0, 100, 0, 1);
    requests(&rollout, 1, 100, 0, 1);
    world.pass(10);
    requests(&rollout, 0, 100, 0, 1);
    requests(&rollout, 1, 100, 100, 1);
    assert_eq!(world.pass(9), []);
    assert_eq!(world.pass(1).len(), 1);
}

#[test]
fn what_an_operator_promoted_no_gate_takes_back() {
    let gates = Gates {
        consecutive_failures: Some(3),
        ..GATES
    };
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(gates)));
    rollout.promote().unwrap();
    requests(&rollout, 1, 100, 100, 1);
    assert_eq!(weight(&rollout), 10_000);
    assert_eq!(world.pass(100), []);
    assert_eq!(state(&rollout), State::Promoted);
}

#[test]
fn a_slow_canary_is_rolled_back() {
    let gates = Gates {
        error_ratio: None,
        p99_ms: Some(50),
        ..GATES
    };
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(gates)));
    requests(&rollout, 0, 800, 0, 100);
    requests(&rollout, 1, 200, 0, 140);
    assert_eq!(world.pass(10), []);
    requests(&rollout, 0, 800, 0, 100);
    requests(&rollout, 1, 197, 0, 10);
    requests(&rollout, 1, 3, 0, 200);
    let events = world.pass(10);
    assert!(events[0].to_string().contains("slowest hundredth"));
    assert_eq!(weight(&rollout), 0);
}

#[test]
fn too_few_requests_are_no_verdict_yet_and_are_not_forgotten() {
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 6_000)], Some(GATES)));
    requests(&rollout, 0, 100, 0, 1);
    requests(&rollout, 1, 9, 9, 1);
    assert_eq!(world.pass(60), []);
    assert_eq!(rollout.status().verdict, None);
    requests(&rollout, 1, 1, 0, 1);
    assert_eq!(world.pass(1).len(), 1);
    assert_eq!(rollout.status().verdict.unwrap().canary.failures, 9);
}

#[test]
fn without_a_baseline_to_compare_with_there_is_no_verdict() {
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(GATES)));
    requests(&rollout, 1, 100, 100, 1);
    assert_eq!(world.pass(10), []);
    assert_eq!(state(&rollout), State::Running);
}

#[test]
fn a_canary_with_all_traffic_is_compared_with_the_last_baseline() {
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(5_000, 10), hold(10_000, 600)], Some(GATES)));
    requests(&rollout, 0, 100, 1, 1);
    requests(&rollout, 1, 100, 1, 1);
    world.pass(10);
    assert_eq!(weight(&rollout), 10_000);
    requests(&rollout, 1, 200, 100, 1);
    assert_eq!(world.pass(10).len(), 1);
    assert_eq!(rollout.status().verdict.unwrap().baseline.requests, 100);
    assert_eq!(weight(&rollout), 0);
}

#[test]
fn a_step_ends_only_after_a_verdict_that_it_has_passed() {
    let mut world = World::new();
    let steps = [
        hold(0, 10),
        hold(2_000, 20),
        hold(5_000, 20),
        hold(10_000, 0),
    ];
    let rollout = world.run(plan(&steps, Some(GATES)));
    // Of nothing there is no verdict to wait for.
    world.pass(10);
    assert_eq!(weight(&rollout), 2_000);
    assert!(!rollout.status().waits_for_verdict);
    let events = world.pass(3_000);
    assert_eq!(
        events[0].to_string(),
        "step 2 of 4 waits: too few requests for a verdict on `v2`"
    );
    assert_eq!(world.pass(3_000), []);
    let status = rollout.status();
    assert_eq!((status.step, status.next_change_ms), (Some(2), None));
    assert!(status.waits_for_verdict);
    // The next one has all of its time.
    requests(&rollout, 0, 100, 0, 1);
    requests(&rollout, 1, 10, 0, 1);
    assert_eq!(world.pass(1)[0].to_string(), "step 3 of 4: `v2` has 50 %");
    assert_eq!(rollout.status().next_change_ms, Some(20_000));
    world.pass(30);
    assert!(rollout.status().waits_for_verdict);
    rollout.promote().unwrap();
    assert!(!rollout.status().waits_for_verdict);
    assert_eq!(weight(&rollout), 10_000);
}

#[test]
fn a_step_with_nothing_to_compare_it_with_ends_by_itself() {
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(10_000, 20)], Some(GATES)));
    requests(&rollout, 1, 100, 0, 1);
    world.pass(20);
    assert_eq!(state(&rollout), State::Done);
}

#[test]
fn hold_keeps_the_weights_and_stops_the_steps() {
    let gates = Gates {
        on_fail: OnFail::Hold,
        ..GATES
    };
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 600), hold(3_000, 600)], Some(gates)));
    requests(&rollout, 0, 100, 0, 1);
    requests(&rollout, 1, 100, 100, 1);
    let events = world.pass(10);
    assert!(events[0].to_string().starts_with("held: `v2`"));
    requests(&rollout, 1, 100, 100, 1);
    assert_eq!(world.pass(10_000), []);
    assert_eq!((weight(&rollout), state(&rollout)), (2_000, State::Held));
    // What was seen before the operator's word is not held against it again.
    rollout.resume().unwrap();
    assert_eq!(world.pass(100), []);
    assert_eq!(state(&rollout), State::Running);
}

#[test]
fn failures_in_a_row_act_before_the_next_tick() {
    let gates = Gates {
        consecutive_failures: Some(5),
        ..GATES
    };
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(gates)));
    requests(&rollout, 1, 4, 4, 1);
    rollout.record(1, false, Duration::ZERO);
    requests(&rollout, 0, 100, 100, 1);
    requests(&rollout, 1, 4, 4, 1);
    assert_eq!(weight(&rollout), 2_000);
    rollout.record(1, true, Duration::ZERO);
    assert_eq!(weight(&rollout), 0);
    assert_eq!(rollout.assign(0), 0);

    let events = world.pass(1);
    assert!(
        events[0]
            .to_string()
            .ends_with("5 of its requests failed in a row")
    );
    assert_eq!(state(&rollout), State::RolledBack);
    rollout.resume().unwrap();
    assert_eq!(weight(&rollout), 2_000);
    requests(&rollout, 1, 4, 4, 1);
    assert_eq!(weight(&rollout), 2_000);
}

#[test]
fn an_operator_between_two_ticks_does_not_undo_a_streak() {
    let gates = Gates {
        consecutive_failures: Some(1),
        ..GATES
    };
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(gates)));
    rollout.record(1, true, Duration::ZERO);
    assert!(rollout.pause().is_err());
    assert_eq!((weight(&rollout), state(&rollout)), (0, State::RolledBack));
    assert!(world.pass(1)[0].is_failure());
}

#[test]
fn failures_in_a_row_with_hold_stop_the_steps_only() {
    let gates = Gates {
        consecutive_failures: Some(3),
        on_fail: OnFail::Hold,
        ..GATES
    };
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 10), hold(5_000, 10)], Some(gates)));
    requests(&rollout, 1, 3, 3, 1);
    assert_eq!(weight(&rollout), 2_000);
    assert_eq!(world.pass(100).len(), 1);
    assert_eq!((weight(&rollout), state(&rollout)), (2_000, State::Held));
}

#[test]
fn a_paused_canary_is_still_judged() {
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(GATES)));
    rollout.pause().unwrap();
    requests(&rollout, 0, 100, 0, 1);
    requests(&rollout, 1, 100, 100, 1);
    world.pass(10);
    assert_eq!(state(&rollout), State::RolledBack);
}

#[test]
fn weights_without_steps_are_judged_too() {
    let mut world = World::new();
    let rollout = world.run(plan(&[], Some(GATES)));
    requests(&rollout, 0, 100, 0, 1);
    requests(&rollout, 1, 100, 100, 1);
    world.pass(10);
    assert_eq!((weight(&rollout), state(&rollout)), (0, State::RolledBack));
}

#[test]
fn workers_may_record_while_the_control_thread_moves() {
    let gates = Gates {
        consecutive_failures: Some(50),
        ..GATES
    };
    let mut world = World::new();
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(gates)));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let rollout = &rollout;
            scope.spawn(move || requests(rollout, 1, 1_000, 1_000, 1));
        }
        for _ in 0..100 {
            world.rollouts.tick(world.now);
        }
    });
    world.rollouts.tick(world.now);
    assert_eq!((weight(&rollout), state(&rollout)), (0, State::RolledBack));
    assert_eq!(rollout.status().variants[1].failures, 4_000);
}
