//! What a reload leaves of a rollout.

use super::*;

#[test]
fn an_equal_plan_is_the_same_rollout() {
    let mut world = World::new();
    let first = world.run(plan(&three_steps(), None));
    world.pass(700);
    let again = world.run(plan(&three_steps(), None));
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(weight(&again), 5_000);
}

#[test]
fn a_plan_that_is_opened_and_never_serves_changes_nothing() {
    let mut world = World::new();
    let running = world.run(plan(&three_steps(), None));
    let refused = world
        .rollouts
        .open("canary", plan(&[hold(9_000, 60)], None))
        .unwrap();
    let other = world
        .rollouts
        .open("new", plan(&three_steps(), None))
        .unwrap();
    world.pass(700);
    assert_eq!(weight(&running), 5_000);
    assert_eq!((weight(&refused), weight(&other)), (9_000, 500));
    assert!(world.rollouts.get("new").is_none());
    // Served after all, it begins then.
    world.rollouts.publish(&[running, other.clone()]);
    assert_eq!(other.status().next_change_ms, Some(600_000));
}

#[test]
fn a_rollback_survives_edits_of_weights_steps_and_gates() {
    let mut world = World::new();
    world.run(plan(&three_steps(), None)).rollback().unwrap();
    for edited in [
        plan(&three_steps(), Some(GATES)),
        plan(&[hold(9_000, 60)], None),
        plan(&[], None),
        Plan {
            variants: vec![variant("v1", 0), variant("v2", 10_000)],
            ..plan(&[], None)
        },
    ] {
        let rollout = world.run(edited);
        assert_eq!((weight(&rollout), state(&rollout)), (0, State::RolledBack));
    }
}

#[test]
fn an_edit_right_after_failures_in_a_row_keeps_the_rollback() {
    let gates = Gates {
        consecutive_failures: Some(3),
        ..GATES
    };
    let mut world = World::new();
    let rollout = world.run(plan(&three_steps(), Some(gates)));
    requests(&rollout, 1, 3, 3, 1);
    // Nothing has looked since.
    let edited = plan(&[hold(9_000, 60)], Some(gates));
    let edited = world.rollouts.open("canary", edited).unwrap();
    world.rollouts.publish(std::slice::from_ref(&edited));
    assert_eq!((weight(&edited), state(&edited)), (0, State::RolledBack));
    assert!(world.pass(1)[0].is_failure());
}

#[test]
fn another_canary_begins_anew_after_a_rollback() {
    let mut world = World::new();
    world.run(plan(&three_steps(), None)).rollback().unwrap();
    let mut next = plan(&three_steps(), None);
    next.variants[1].name = "v3".into();
    let rollout = world.run(next);
    assert_eq!((weight(&rollout), state(&rollout)), (500, State::Running));
}

#[test]
fn an_edit_of_what_lies_ahead_keeps_the_position() {
    let mut world = World::new();
    world.run(plan(&[hold(500, 600), hold(5_000, 600)], None));
    world.pass(700);
    let ahead = [hold(500, 600), hold(5_000, 600), hold(7_000, 60)];
    let rollout = world.run(plan(&ahead, Some(GATES)));
    assert_eq!(weight(&rollout), 5_000);
    assert_eq!(rollout.status().next_change_ms, Some(500_000));
    let do_well = || [0, 1].map(|variant| requests(&rollout, variant, 100, 0, 1));
    do_well();
    world.pass(500);
    assert_eq!(weight(&rollout), 7_000);

    // Now that it is done, one more step goes on from there.
    do_well();
    world.pass(60);
    assert_eq!(state(&rollout), State::Done);
    let rollout = world.run(plan(&[ahead[0], ahead[1], ahead[2], hold(8_000, 60)], None));
    assert_eq!((weight(&rollout), state(&rollout)), (8_000, State::Running));
}

#[test]
fn an_edit_of_what_has_been_begins_anew() {
    let mut world = World::new();
    world.run(plan(&three_steps(), None)).pause().unwrap();
    let rollout = world.run(plan(&[hold(100, 600)], None));
    // Still paused: nobody has said otherwise.
    assert_eq!((weight(&rollout), state(&rollout)), (100, State::Paused));
    rollout.resume().unwrap();
    world.pass(100);
    let rollout = world.run(plan(&[hold(200, 600)], None));
    assert_eq!(rollout.status().next_change_ms, Some(600_000));
}

#[test]
fn other_weights_apply_at_once() {
    let mut world = World::new();
    world.run(plan(&[], None)).promote().unwrap();
    let mut edited = plan(&[], None);
    edited.variants = vec![variant("v1", 10_000), variant("v2", 0)];
    assert_eq!(weight(&world.run(edited)), 0);
}

#[test]
fn going_back_to_an_earlier_configuration_keeps_a_rollback() {
    let mut world = World::new();
    let first = world.run(plan(&three_steps(), None));
    requests(&first, 1, 3, 1, 1);
    let second = world.run(plan(&three_steps(), Some(GATES)));
    requests(&second, 1, 2, 1, 1);
    second.rollback().unwrap();
    world.rollouts.publish(std::slice::from_ref(&first));
    assert_eq!((weight(&first), state(&first)), (0, State::RolledBack));
    let canary = &first.status().variants[1];
    assert_eq!((canary.requests, canary.failures), (5, 2));
}

#[test]
fn what_was_opened_early_goes_on_with_what_has_happened_since() {
    let mut world = World::new();
    world.run(plan(&three_steps(), None));
    let edited = plan(&three_steps(), Some(GATES));
    let opened = world.rollouts.open("canary", edited).unwrap();
    world.pass(700);
    world.rollouts.publish(&[]);
    world.rollouts.publish(std::slice::from_ref(&opened));
    assert_eq!(weight(&opened), 5_000);
}

#[test]
fn a_plugin_that_comes_back_goes_on_where_it_was() {
    let mut world = World::new();
    world.run(plan(&three_steps(), None));
    world.pass(700);
    world.rollouts.publish(&[]);
    assert!(world.rollouts.status().is_empty());
    world.pass(10_000);
    let rollout = world.run(plan(&three_steps(), None));
    assert_eq!(weight(&rollout), 5_000);
    assert_eq!(rollout.status().next_change_ms, Some(1_700_000));
}
