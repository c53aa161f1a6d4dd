//! What a restart leaves of a rollout.

use std::fs;

use super::*;

/// A gateway that starts with what another has left, an hour later.
fn restarted(folder: &std::path::Path) -> World {
    let (rollouts, warning) = Rollouts::load(folder).unwrap();
    assert!(warning.is_none());
    let mut world = World::with(rollouts);
    world.now.monotonic += Duration::from_secs(3_600);
    world
}

fn save(world: &World) {
    world.rollouts.save_if_due(world.now.monotonic).unwrap();
}

#[test]
fn a_rollback_and_its_verdict_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = restarted(folder.path());
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(GATES)));
    requests(&rollout, 0, 100, 0, 1);
    requests(&rollout, 1, 100, 100, 1);
    world.pass(10);
    save(&world);
    let before = rollout.status();

    let mut world = restarted(folder.path());
    let rollout = world.run(plan(&[hold(2_000, 600)], Some(GATES)));
    world.pass(1_000);
    assert_eq!((weight(&rollout), state(&rollout)), (0, State::RolledBack));
    let after = rollout.status();
    assert_eq!((after.verdict, after.since), (before.verdict, before.since));
}

#[test]
fn what_a_canary_with_all_traffic_is_compared_with_survives_restarts_and_edits() {
    let folder = tempfile::tempdir().unwrap();
    let steps = [hold(5_000, 10), hold(10_000, 600)];
    let mut world = restarted(folder.path());
    let rollout = world.run(plan(&steps, Some(GATES)));
    requests(&rollout, 0, 100, 1, 1);
    requests(&rollout, 1, 100, 1, 1);
    world.pass(10);
    assert_eq!(weight(&rollout), 10_000);
    world.rollouts.save().unwrap();

    let mut world = restarted(folder.path());
    world.run(plan(&steps, Some(GATES)));
    let stricter = Gates {
        error_ratio: Some(100),
        ..GATES
    };
    let rollout = world.run(plan(&steps, Some(stricter)));
    requests(&rollout, 1, 100, 50, 1);
    assert_eq!(world.pass(10).len(), 1);
    assert_eq!(state(&rollout), State::RolledBack);
    assert_eq!(rollout.status().verdict.unwrap().baseline.requests, 100);

    // It says nothing of how slow the baseline was.
    rollout.resume().unwrap();
    world.pass(10);
    let slow = Gates {
        error_ratio: None,
        p99_ms: Some(50),
        ..GATES
    };
    let rollout = world.run(plan(&[hold(10_000, 600)], Some(slow)));
    requests(&rollout, 1, 100, 100, 1);
    assert_eq!(world.pass(10), []);
    assert_eq!(rollout.status().verdict, None);
}

#[test]
fn time_while_the_gateway_is_down_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = restarted(folder.path());
    world.run(plan(&three_steps(), None));
    world.pass(400);
    save(&world);

    let mut world = restarted(folder.path());
    let rollout = world.run(plan(&three_steps(), None));
    assert_eq!(rollout.status().next_change_ms, Some(200_000));
    world.pass(200);
    assert_eq!(weight(&rollout), 5_000);
}

#[test]
fn what_is_saved_at_the_end_is_what_the_next_start_begins_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = restarted(folder.path());
    world.run(plan(&three_steps(), None));
    save(&world);
    world.pass(3);
    world.rollouts.save().unwrap();
    let rollout = restarted(folder.path()).run(plan(&three_steps(), None));
    assert_eq!(rollout.status().next_change_ms, Some(597_000));
}

#[test]
fn an_edit_while_the_gateway_is_down_is_an_edit() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = restarted(folder.path());
    world.run(plan(&three_steps(), None)).rollback().unwrap();
    save(&world);
    let mut world = restarted(folder.path());
    assert_eq!(weight(&world.run(plan(&[], None))), 0);
}

#[test]
fn states_are_saved_at_once_and_time_now_and_then() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollouts.json");
    let mut world = restarted(folder.path());
    let rollout = world.run(plan(&three_steps(), None));
    save(&world);
    let first = fs::read(&path).unwrap();
    world.pass(1);
    save(&world);
    assert_eq!(fs::read(&path).unwrap(), first);
    world.pass(5);
    save(&world);
    let second = fs::read(&path).unwrap();
    assert_ne!(second, first);
    world.pass(1);
    rollout.pause().unwrap();
    save(&world);
    assert_ne!(fs::read(&path).unwrap(), second);
    // A pause does not move: nothing is written, not even the same.
    fs::remove_file(&path).unwrap();
    world.pass(100);
    save(&world);
    assert!(!path.exists());
}

#[test]
fn a_file_that_cannot_be_read_is_set_aside_and_named() {
    let good = serde_json::json!({
        "version": 1,
        "rollouts": { "canary": {
            "plan": plan(&[], None),
            "progress": {
                "state": "running", "step": 0, "elapsed": { "secs": 0, "nanos": 0 },
                "since": "", "verdict": null,
            },
        } },
    });
    let broken = |pointer: &str, value: serde_json::Value| {
        let mut content = good.clone();
        *content.pointer_mut(pointer).unwrap() = value;
        content.to_string()
    };
    for content in [
        "{".to_owned(),
        "null".to_owned(),
        "\0".repeat(100),
        broken("/version", 2.into()),
        broken("/rollouts/canary/progress/step", 7.into()),
        broken("/rollouts/canary/progress/state", "flying".into()),
        broken("/rollouts/canary/plan/baseline", 9.into()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rollouts.json");
        fs::write(&path, &content).unwrap();
        let (rollouts, warning) = Rollouts::load(folder.path()).unwrap();
        let warning = warning.expect(&content).to_string();
        assert!(warning.contains("rollouts.json.unreadable"), "{warning}");
        assert_eq!(
            fs::read_to_string(folder.path().join("rollouts.json.unreadable")).unwrap(),
            content
        );
        let mut world = World::with(rollouts);
        world.run(plan(&three_steps(), None));
        save(&world);
        assert!(Rollouts::load(folder.path()).unwrap().1.is_none());
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rollouts.json"), good.to_string()).unwrap();
    assert!(Rollouts::load(folder.path()).unwrap().1.is_none());
}

#[test]
fn a_folder_that_cannot_be_written_says_so_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("state");
    let mut world = restarted(&inside);
    world.run(plan(&three_steps(), None));
    fs::remove_dir_all(&inside).unwrap();
    fs::write(&inside, "a file").unwrap();
    let now = world.now.monotonic;
    let why = world.rollouts.save_if_due(now).unwrap_err().to_string();
    assert!(why.contains("rollouts.json cannot be written"), "{why}");
    fs::remove_file(&inside).unwrap();
    save(&world);
    assert!(inside.join("rollouts.json").exists());
}

#[test]
fn a_file_that_the_system_does_not_let_be_read_is_named_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollouts.json");
    // A folder in its place is opened, and not read.
    fs::create_dir(&path).unwrap();
    let why = Rollouts::load(folder.path()).unwrap_err().to_string();
    assert!(why.contains("rollouts.json cannot be read"), "{why}");
    assert!(path.is_dir());
}

#[test]
fn one_process_at_a_time_writes_and_a_rollback_wins() {
    let folder = tempfile::tempdir().unwrap();
    let mut draining = restarted(folder.path());
    let old = draining.run(plan(&three_steps(), Some(GATES)));
    save(&draining);
    let mut next = restarted(folder.path());
    let new = next.run(plan(&three_steps(), Some(GATES)));
    let now = next.now.monotonic;
    let why = next.rollouts.save_if_due(now).unwrap_err().to_string();
    assert!(why.contains("another process writes it"), "{why}");
    next.rollouts.save_if_due(now).unwrap();
    assert!(next.rollouts.save().is_err());

    old.rollback().unwrap();
    draining.rollouts.save().unwrap();
    assert_eq!(state(&new), State::Running);
    drop((old, draining));
    save(&next);
    assert_eq!((weight(&new), state(&new)), (0, State::RolledBack));
    drop((new, next));
    let rollout = restarted(folder.path()).run(plan(&three_steps(), Some(GATES)));
    assert_eq!(state(&rollout), State::RolledBack);
}

#[test]
fn a_plugin_that_is_not_there_after_the_restart_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = restarted(folder.path());
    world.run(plan(&three_steps(), None)).rollback().unwrap();
    save(&world);
    drop(world);
    let world = restarted(folder.path());
    world.rollouts.publish(&[]);
    save(&world);
    drop(world);
    let mut world = restarted(folder.path());
    assert_eq!(weight(&world.run(plan(&three_steps(), None))), 0);
}
