//! What roles on projects let accounts do: the first to publish owns the name.

use std::fs;
use std::sync::Barrier;

use depot_tests::{RawResponse, WheelBuilder};
use serde_json::Value;

use super::{basic, publish_as};
use crate::python::depot::{Depot, assert_refused, mirrored};

fn wheel(version: &str) -> WheelBuilder {
    WheelBuilder::new("tea-pot", version)
}

fn record(depot: &Depot) -> Value {
    serde_json::from_slice(&fs::read(depot.tree().join("projects/tea-pot.json")).unwrap()).unwrap()
}

fn publish_by_token(depot: &Depot, token: &str, wheel: &WheelBuilder) -> RawResponse {
    depot.put_as(token, &wheel.project(), &wheel.filename(), &wheel.build())
}

#[test]
fn the_first_to_publish_owns_the_name_and_others_are_kept_out() {
    let depot = Depot::start();
    depot.new_user("ann", "correct horse", &[]);
    depot.new_user("bob", "battery staple", &[]);
    depot.new_user("root", "entropy is low", &["--admin"]);
    assert_eq!(publish_as(&depot, "ann", "correct horse", &wheel("1.0")).status, 201);
    assert_eq!(record(&depot)["depot"]["owners"], serde_json::json!(["ann"]));
    let journal = fs::read_to_string(depot.data_dir().join("journal/changes.jsonl")).unwrap();
    assert!(journal.contains(r#""who":"ann","what":"claim""#), "{journal}");
    // Bob may not, whatever a token of his says; ann may, by her password and by a token that grants it.
    let (anns, bobs) = (depot.new_token("ann", &["push"]), depot.new_token("bob", &["admin"]));
    let refused = publish_as(&depot, "bob", "battery staple", &wheel("2.0"));
    assert_refused(&refused, 403, "forbidden");
    assert!(refused.text().contains("the account `bob`"), "{}", refused.text());
    assert_refused(&publish_by_token(&depot, &bobs, &wheel("2.0")), 403, "forbidden");
    assert_eq!(publish_as(&depot, "ann", "correct horse", &wheel("2.0")).status, 201);
    assert_eq!(publish_by_token(&depot, &anns, &wheel("3.0")).status, 201);
    assert_eq!(publish_as(&depot, "root", "entropy is low", &wheel("4.0")).status, 201);
    assert_eq!(record(&depot)["depot"]["owners"], serde_json::json!(["ann"]));
    // A token of ann's that grants nothing but reading publishes nothing of hers.
    let reading = depot.new_token("ann", &["read"]);
    assert_refused(&publish_by_token(&depot, &reading, &wheel("5.0")), 403, "forbidden");
}

#[test]
fn a_name_without_an_owner_is_no_accounts_but_an_administrators() {
    let depot = Depot::start();
    depot.new_user("ann", "correct horse", &[]);
    depot.new_user("root", "entropy is low", &["--admin"]);
    depot.publish(&wheel("1.0"));
    assert_refused(&publish_as(&depot, "ann", "correct horse", &wheel("2.0")), 403, "forbidden");
    assert_eq!(publish_as(&depot, "root", "entropy is low", &wheel("2.0")).status, 201);
    assert_eq!(record(&depot)["depot"]["owners"], serde_json::json!(["root"]));
}

#[test]
fn only_who_may_mirror_mirrors_and_owns_nothing_by_it() {
    let depot = Depot::start();
    depot.new_user("ann", "correct horse", &[]);
    depot.admin(&["user", "create", "--username", "ci", "--robot", "--mirror"]).assert_success();
    let (anns, robots) = (depot.new_token("ann", &["mirror"]), depot.new_token("ci", &["mirror"]));
    let (filename, bytes) = (wheel("1.0").filename(), wheel("1.0").build());
    let said = mirrored(&filename, &bytes);
    assert_refused(&depot.announce_as(&anns, "tea-pot", &said), 403, "forbidden");
    assert_eq!(depot.announce_as(&robots, "tea-pot", &said).status, 202);
    assert_eq!(depot.put_as(&robots, "tea-pot", &filename, &bytes).status, 201);
    assert!(!depot.tree().join("projects/tea-pot.json").exists());
    // Into what somebody owns nothing is mirrored by others.
    let own = WheelBuilder::new("kettle", "1.0");
    assert_eq!(publish_as(&depot, "ann", "correct horse", &own).status, 201);
    let said = mirrored("kettle-9-py3-none-any.whl", b"x");
    assert_refused(&depot.announce_as(&robots, "kettle", &said), 403, "forbidden");
}

#[test]
fn of_two_who_publish_a_name_at_once_one_owns_it_and_the_other_is_refused() {
    let depot = Depot::start();
    for name in ["ann", "bob"] {
        depot.new_user(name, "correct horse", &[]);
        // The password is remembered: neither has a head start.
        assert_eq!(super::read_as(&depot, name, "correct horse").status, 200);
    }
    for round in 0..5 {
        let barrier = Barrier::new(2);
        let publish = |name: &str, version: &str| {
            let wheel = WheelBuilder::new(&format!("race-{round}"), version);
            let path = format!("/python/simple/{}/{}", wheel.project(), wheel.filename());
            let bytes = wheel.build();
            barrier.wait();
            depot.request("PUT", &path, None, &basic(name, "correct horse"), &bytes).status
        };
        let (one, two) = std::thread::scope(|scope| {
            let one = scope.spawn(|| publish("ann", "1.0"));
            (publish("bob", "2.0"), one.join().unwrap())
        });
        let mut statuses = [one, two];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 403]);
        assert_eq!(depot.listed(&format!("race-{round}")).len(), 1);
    }
}
