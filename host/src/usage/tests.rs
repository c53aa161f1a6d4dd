//! Workers, days and disks together.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::{Day, Entry, ExportError, Filter, Ledger, Row};
use crate::config::model::Name;

const KEEP: usize = 400;

fn at(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap()
}

fn noon() -> SystemTime {
    at("2026-11-21T12:00:00Z")
}

fn open(folder: &Path) -> Ledger {
    Ledger::open(2, Some(folder.to_owned()), noon())
}

fn count(ledger: &Ledger, worker: usize, consumer: &str) {
    let entry = Entry {
        request_bytes: 10,
        response_bytes: 100,
        denied: worker == 1,
        cost: 3,
    };
    let (consumer, route) = (Name::from(consumer), Name::from("orders"));
    let tally = ledger.tally(worker);
    tally.record(Some(&consumer), Some(&route), entry);
}

fn every() -> Filter {
    Filter {
        from: "1970-01-01".parse().unwrap(),
        to: "9999-12-31".parse().unwrap(),
        consumer: None,
        route: None,
    }
}

fn rows(ledger: &Ledger, filter: Filter) -> Vec<Row> {
    ledger.export(filter, noon()).unwrap().rows
}

/// `2026-11-21 acme 2`: day, consumer, requests.
fn requests(ledger: &Ledger) -> Vec<String> {
    let rows = rows(ledger, every());
    let line = |row: &Row| format!("{} {} {}", row.date, row.consumer, row.sums.requests);
    rows.iter().map(line).collect()
}

fn file(folder: &Path, day: &str) -> String {
    fs::read_to_string(folder.join(format!("usage-{day}.json"))).unwrap_or_default()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_all_workers_count_adds_up() {
    let ledger = Ledger::open(2, None, noon());
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let ledger = &ledger;
            scope.spawn(move || (0..500).for_each(|_| count(ledger, worker, "acme")));
        }
        (0..50).for_each(|_| ledger.collect(noon(), KEEP));
    });
    let rows = rows(&ledger, every());
    let json = serde_json::to_value(&rows).unwrap();
    let expected = serde_json::json!([{
        "date": "2026-11-21", "consumer": "acme", "route": "orders", "requests": 1000,
        "request_bytes": 10_000, "response_bytes": 100_000, "denials": 500, "cost": 3000,
    }]);
    assert_eq!(json, expected);
}

#[test]
fn a_cost_that_is_charged_later_is_no_request() {
    let ledger = Ledger::open(1, None, noon());
    let (acme, orders) = (Name::from("acme"), Name::from("orders"));
    ledger.tally(0).charge(Some(&acme), Some(&orders), 0);
    assert_eq!(rows(&ledger, every()).len(), 0);
    count(&ledger, 0, "acme");
    ledger.tally(0).charge(Some(&acme), Some(&orders), 7);
    let sums = rows(&ledger, every())[0].sums;
    assert_eq!((sums.requests, sums.cost), (1, 10));
}

#[test]
fn an_export_has_what_was_asked_for() {
    let ledger = Ledger::open(2, None, noon());
    let (acme, orders) = (Name::from("acme"), Name::from("orders"));
    let tally = ledger.tally(0);
    tally.record(Some(&acme), Some(&orders), Entry::default());
    tally.record(None, Some(&orders), Entry::default());
    tally.record(Some(&acme), None, Entry::default());
    tally.record(None, None, Entry::default());
    let wanted = |consumer: Option<&str>, route: Option<&str>| {
        let filter = Filter {
            consumer: consumer.map(Into::into),
            route: route.map(Into::into),
            ..every()
        };
        rows(&ledger, filter).len()
    };
    assert_eq!(wanted(None, None), 4);
    assert_eq!(wanted(Some("acme"), None), 2);
    assert_eq!(wanted(Some(""), None), 2);
    assert_eq!(wanted(Some("acme"), Some("orders")), 1);
    assert_eq!(wanted(None, Some("nothing")), 0);
    let other_days = Filter {
        to: "2026-11-20".parse().unwrap(),
        ..every()
    };
    assert_eq!(rows(&ledger, other_days).len(), 0);
}

#[test]
fn usage_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    count(&ledger, 0, "acme");
    ledger.close(noon(), KEEP);
    drop(ledger);
    let ledger = open(folder.path());
    count(&ledger, 1, "acme");
    count(&ledger, 1, "=\"globex\"\n");
    ledger.close(noon(), KEEP);
    let before = rows(&ledger, every());
    drop(ledger);
    let ledger = open(folder.path());
    assert_eq!(rows(&ledger, every()), before);
    assert_eq!(before[1].sums.requests, 2);
    assert_eq!(before[0].consumer, "=\"globex\"\n");
}

#[test]
fn a_crash_loses_only_what_was_counted_since_the_last_save() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    count(&ledger, 0, "acme");
    ledger.collect(noon(), KEEP);
    let saved = file(folder.path(), "2026-11-21");
    assert!(saved.contains("\"requests\":1,"), "{saved}");
    for _ in 0..9 {
        count(&ledger, 0, "acme");
        ledger.collect(noon(), KEEP);
    }
    assert_eq!(file(folder.path(), "2026-11-21"), saved, "saved too early");
    // The end of the process without `close`.
    drop(ledger);
    let ledger = open(folder.path());
    assert_eq!(requests(&ledger), ["2026-11-21 acme 1"]);
    for _ in 0..20 {
        count(&ledger, 0, "acme");
        ledger.collect(noon(), KEEP);
    }
    drop(ledger);
    let left = requests(&open(folder.path()));
    assert_eq!(left, ["2026-11-21 acme 12"]);
}

#[test]
fn what_did_not_change_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    count(&ledger, 0, "acme");
    ledger.collect(noon(), KEEP);
    fs::remove_file(folder.path().join("usage-2026-11-21.json")).unwrap();
    (0..30).for_each(|_| ledger.collect(noon(), KEEP));
    assert_eq!(file(folder.path(), "2026-11-21"), "");
}

#[test]
fn a_day_begins_at_midnight_utc() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    count(&ledger, 0, "acme");
    ledger.collect(at("2026-11-21T23:59:59Z"), KEEP);
    count(&ledger, 0, "acme");
    ledger.collect(at("2026-11-22T00:00:00Z"), KEEP);
    let days = ["2026-11-21 acme 1", "2026-11-22 acme 1"];
    assert_eq!(requests(&ledger), days);
    ledger.close(at("2026-11-22T00:00:01Z"), KEEP);
    drop(ledger);
    assert_eq!(requests(&open(folder.path())), days);
}

#[test]
fn a_clock_that_goes_back_adds_to_the_day_it_goes_back_to() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let (today, tomorrow) = (noon(), noon() + Duration::from_secs(86_400));
    for now in [today, tomorrow, today] {
        count(&ledger, 0, "acme");
        ledger.close(now, KEEP);
    }
    let days = ["2026-11-21 acme 2", "2026-11-22 acme 1"];
    assert_eq!(requests(&ledger), days);
    drop(ledger);
    assert_eq!(requests(&open(folder.path())), days);
}

#[test]
fn a_corrupt_day_is_set_aside_and_counting_goes_on() {
    let valid = r#"{"version":1,"date":"2026-11-21","rows":[]}"#;
    for damage in [
        "",
        "{",
        "null",
        &valid.replace("-21", "-20"),
        &valid.replace("1,", "2,"),
        &valid.replace("[]", r#"[{"consumer":"a","route":"b","requests":-1}]"#),
        &format!("{valid}x"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("usage-2026-11-21.json"), damage).unwrap();
        let ledger = open(folder.path());
        count(&ledger, 0, "acme");
        ledger.collect(noon(), KEEP);
        assert_eq!(requests(&ledger), ["2026-11-21 acme 1"], "{damage}");
        let names = names(folder.path());
        let aside = names.iter().find(|n| n.contains("corrupt")).unwrap();
        let kept = fs::read_to_string(folder.path().join(aside)).unwrap();
        assert_eq!(kept, damage);
    }
}

#[test]
fn a_bill_never_has_a_hole() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("usage-2026-11-03.json"), "{").unwrap();
    let ledger = open(folder.path());
    count(&ledger, 0, "acme");
    match ledger.export(every(), noon()) {
        Err(ExportError::Unreadable(why)) => {
            assert!(why.contains("usage-2026-11-03.json"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    let without = Filter {
        from: "2026-11-04".parse().unwrap(),
        ..every()
    };
    assert_eq!(rows(&ledger, without).len(), 1);
}

#[test]
fn only_the_last_days_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    for path in [Some(folder.path().to_owned()), None] {
        let ledger = Ledger::open(1, path, noon());
        for day in 0..5 {
            count(&ledger, 0, "acme");
            let now = noon() + Duration::from_secs(day * 86_400);
            (0..10).for_each(|_| ledger.collect(now, 3));
        }
        let expected = [
            "2026-11-23 acme 1",
            "2026-11-24 acme 1",
            "2026-11-25 acme 1",
        ];
        assert_eq!(requests(&ledger), expected);
    }
    assert_eq!(names(folder.path()).len(), 4, "three days and the lock");
}

#[test]
fn a_clock_that_is_far_off_removes_one_day_and_not_all() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    for now in [
        noon(),
        noon() + Duration::from_secs(86_400),
        at("2099-01-01T00:00:00Z"),
    ] {
        count(&ledger, 0, "acme");
        ledger.close(now, 2);
    }
    assert_eq!(
        requests(&ledger),
        ["2026-11-22 acme 1", "2099-01-01 acme 1"]
    );
}

#[test]
fn two_processes_on_one_folder_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (open(folder.path()), open(folder.path()));
    for ledger in [&old, &new] {
        count(ledger, 0, "acme");
        (0..20).for_each(|_| ledger.collect(noon(), KEEP));
    }
    // The new one shows what the old one has saved, and its own.
    assert_eq!(requests(&new), ["2026-11-21 acme 2"]);
    assert_eq!(requests(&old), ["2026-11-21 acme 1"]);
    count(&old, 0, "acme");
    old.close(noon(), KEEP);
    drop(old);
    new.close(noon(), KEEP);
    assert_eq!(requests(&new), ["2026-11-21 acme 3"]);
    drop(new);
    assert_eq!(requests(&open(folder.path())), ["2026-11-21 acme 3"]);
}

#[test]
fn what_cannot_be_saved_is_saved_later() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a").join("b");
    fs::write(parent.path().join("a"), "in the way").unwrap();
    let ledger = open(&folder);
    for _ in 0..15 {
        count(&ledger, 0, "acme");
        ledger.collect(noon(), KEEP);
    }
    // Not even midnight makes it forget.
    let tomorrow = noon() + Duration::from_secs(86_400);
    count(&ledger, 0, "acme");
    (0..10).for_each(|_| ledger.collect(tomorrow, KEEP));
    fs::remove_file(parent.path().join("a")).unwrap();
    (0..10).for_each(|_| ledger.collect(tomorrow, KEEP));
    drop(ledger);
    let days = ["2026-11-21 acme 15", "2026-11-22 acme 1"];
    assert_eq!(requests(&open(&folder)), days);
}

#[test]
fn more_consumers_than_a_day_holds_are_counted_together() {
    let ledger = Ledger::open(1, None, noon());
    for round in 0..11 {
        for n in 0..10_000 {
            count(&ledger, 0, &format!("{round}-{n}"));
        }
        ledger.collect(noon(), KEEP);
    }
    let rows = rows(&ledger, every());
    assert_eq!(rows.len(), 100_001);
    assert_eq!(rows[0].consumer, "(other)");
    assert_eq!(rows[0].sums.requests, 10_000);
}

/// What can happen to a gateway.
#[derive(Debug, Clone)]
enum Event {
    Count(usize, u8),
    Collect,
    NextDay,
    DayBefore,
    Restart,
    Save,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_request_is_counted_once_whatever_happens(
        events in prop::collection::vec(
            prop_oneof![
                8 => (0..2usize, 0..3u8).prop_map(|(w, c)| Event::Count(w, c)),
                4 => Just(Event::Collect),
                2 => Just(Event::Save),
                1 => Just(Event::NextDay),
                1 => Just(Event::DayBefore),
                1 => Just(Event::Restart),
            ],
            0..60,
        )
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = open(folder.path());
        let mut now = noon();
        let mut counted = std::collections::BTreeMap::new();
        let mut pending = Vec::new();
        let day = Duration::from_secs(86_400);
        for event in events {
            if !matches!(event, Event::Count(..)) {
                for consumer in pending.drain(..) {
                    *counted.entry((Day::of(now), consumer)).or_insert(0) += 1;
                }
            }
            match event {
                Event::Count(worker, consumer) => {
                    count(&ledger, worker, &consumer.to_string());
                    pending.push(consumer.to_string());
                }
                Event::Collect => ledger.collect(now, KEEP),
                Event::Save => ledger.close(now, KEEP),
                Event::NextDay => { ledger.collect(now, KEEP); now += day; }
                Event::DayBefore => { ledger.collect(now, KEEP); now -= day; }
                Event::Restart => {
                    ledger.close(now, KEEP);
                    drop(ledger);
                    ledger = open(folder.path());
                }
            }
        }
        ledger.collect(now, KEEP);
        for consumer in pending {
            *counted.entry((Day::of(now), consumer)).or_insert(0) += 1;
        }
        let expected: Vec<_> = counted
            .iter()
            .map(|((day, consumer), n)| format!("{day} {consumer} {n}"))
            .collect();
        prop_assert_eq!(requests(&ledger), expected);
    }
}
