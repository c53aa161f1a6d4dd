//! The stores of the fake gateway: a plugin that counts or keeps is tested without a gateway.

use std::time::Duration;

use sluice_plugin::kv::Store;
use sluice_plugin::prelude::*;
use sluice_plugin::quota::{Consistency, Limit, Limits, Ticket, Window};
use sluice_plugin::testing::{Exchange, Gateway, Harness, json};

/// Says what `run` found as a reply.
struct Runner {
    store: Store,
    sliding: Limits,
    both: Limits,
    bucket: Limits,
}

#[derive(Config)]
struct Options {
    store: String,
}

#[plugin]
impl Plugin for Runner {
    type Config = Options;

    fn configure(options: Options) -> Result<Self, Problems> {
        let minute = Duration::from_secs(60);
        let open = |limits: &[Limit]| {
            let limits = Limits::open(&options.store, Consistency::Strict, limits);
            limits.map_err(|why| Problems::one("/store", why))
        };
        Ok(Self {
            sliding: open(&[Limit::sliding("sliding", 2, minute)])?,
            both: open(&[
                Limit::fixed("minute", 2, minute),
                Limit::fixed("day", 3, Window::Day),
            ])?,
            bucket: open(&[Limit::bucket("bucket", 60, minute, 3)])?,
            store: Store::new(options.store),
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let taken = |ticket: Ticket| {
            let standings = ticket.standings.iter();
            let standings: Vec<_> = standings
                .map(|s| format!(" {}/{}/{}", s.remaining, s.reset_ms, s.retry_ms))
                .collect();
            format!("{}{}", ticket.granted, standings.concat())
        };
        let said = match request.path().as_str() {
            "/sliding" => taken(self.sliding.take("key", 1)?),
            "/other-key" => taken(self.sliding.take("other", 1)?),
            "/both" => taken(self.both.take("key", 1)?),
            "/bucket" => taken(self.bucket.take("key", 1)?),
            "/ask" => taken(self.bucket.take("key", 0)?),
            "/charge" => format!("{:?}", self.bucket.charge("key", 4)),
            "/large" => format!("{:?}", self.sliding.take(&"k".repeat(513), 1)),
            "/late" => format!("{:?}", Limits::open("local", Consistency::Strict, &[])),
            "/set" => format!(
                "{:?}",
                self.store.set("a", "1", Some(Duration::from_secs(1)))
            ),
            "/get" => format!("{:?}", self.store.get("a")?),
            "/swap" => format!(
                "{:?}",
                self.store.compare_and_set("a", Some(b"1"), "2", None)
            ),
            "/first" => format!("{:?}", self.store.compare_and_set("a", None, "1", None)),
            "/delete" => format!("{:?}", self.store.delete("a")),
            _ => format!("{:?}", Store::new("unknown").get("a")),
        };
        Ok(Verdict::respond(Reply::text(200, said)))
    }
}

fn runner() -> Harness<Runner> {
    let gateway = Gateway::new().with_store("shared");
    gateway.configure(json!({ "store": "shared" })).unwrap()
}

fn says(runner: &Harness<Runner>, path: &str) -> String {
    let reply = runner.request(&mut Exchange::get(path)).unwrap();
    String::from_utf8(reply.unwrap().body).unwrap()
}

#[test]
fn a_sliding_window_never_holds_more_than_its_amount() {
    let runner = runner();
    assert_eq!(says(&runner, "/sliding"), "true 1/60000/0");
    runner.pass(Duration::from_secs(20));
    assert_eq!(says(&runner, "/sliding"), "true 0/60000/0");
    assert_eq!(says(&runner, "/sliding"), "false 0/60000/40000");
    assert_eq!(says(&runner, "/other-key"), "true 1/60000/0");
    runner.pass(Duration::from_millis(39_999));
    assert_eq!(says(&runner, "/sliding"), "false 0/20001/1");
    runner.pass(Duration::from_millis(1));
    assert_eq!(says(&runner, "/sliding"), "true 0/60000/0");
}

#[test]
fn several_limits_are_taken_together_or_not_at_all() {
    // 2025-06-15T15:06:40Z: twenty seconds before the next minute.
    let runner = runner();
    assert_eq!(says(&runner, "/both"), "true 1/20000/0 2/32000000/0");
    assert_eq!(says(&runner, "/both"), "true 0/20000/0 1/32000000/0");
    assert_eq!(says(&runner, "/both"), "false 0/20000/20000 1/32000000/0");
    runner.pass(Duration::from_secs(20));
    assert_eq!(says(&runner, "/both"), "true 1/60000/0 0/31980000/0");
    assert_eq!(
        says(&runner, "/both"),
        "false 1/60000/0 0/31980000/31980000"
    );
}

#[test]
fn a_bucket_gains_evenly_and_can_be_charged_beyond_its_end() {
    let runner = runner();
    assert_eq!(says(&runner, "/ask"), "true 3/1000/0");
    assert_eq!(says(&runner, "/bucket"), "true 2/1000/0");
    assert_eq!(says(&runner, "/charge"), "Ok(())");
    assert_eq!(says(&runner, "/ask"), "false 0/5000/3000");
    runner.pass(Duration::from_millis(2_999));
    assert_eq!(says(&runner, "/bucket"), "false 0/2001/1");
    runner.pass(Duration::from_millis(1));
    assert_eq!(says(&runner, "/bucket"), "true 0/3000/0");
}

#[test]
fn values_are_kept_until_their_time_is_over() {
    let runner = runner();
    assert_eq!(says(&runner, "/get"), "None");
    assert_eq!(says(&runner, "/set"), "Ok(())");
    assert_eq!(says(&runner, "/first"), "Ok(false)");
    runner.pass(Duration::from_millis(999));
    assert_eq!(says(&runner, "/get"), "Some([49])");
    runner.pass(Duration::from_millis(1));
    assert_eq!(says(&runner, "/swap"), "Ok(false)");
    assert_eq!(says(&runner, "/delete"), "Ok(false)");
    assert_eq!(says(&runner, "/first"), "Ok(true)");
    assert_eq!(says(&runner, "/swap"), "Ok(true)");
    assert_eq!(says(&runner, "/delete"), "Ok(true)");
    assert_eq!(says(&runner, "/get"), "None");
}

#[test]
fn stores_refuse_and_fail_as_they_would() {
    let unknown = Gateway::new().configure::<Runner>(json!({ "store": "shared" }));
    assert_eq!(
        unknown.err().unwrap().to_string(),
        "/store: no such store: `shared`, or no grant for it"
    );
    let runner = runner();
    assert_eq!(says(&runner, "/unknown"), "Err(NotGranted)");
    assert_eq!(says(&runner, "/large"), "Err(TooLarge)");
    assert!(says(&runner, "/late").starts_with("Err("));
    runner.fail_store("shared", true);
    let why = runner.request(&mut Exchange::get("/sliding")).unwrap_err();
    assert_eq!(
        why.message(),
        "the store is not available: connection refused"
    );
    runner.fail_store("shared", false);
    assert_eq!(says(&runner, "/sliding"), "true 1/60000/0");

    let failing = Gateway::new().with_failing_store("shared");
    let failing = failing.configure::<Runner>(json!({ "store": "shared" }));
    assert!(
        failing
            .unwrap()
            .request(&mut Exchange::get("/get"))
            .is_err()
    );
}
