//! Another index, pulled through.

use std::time::{Duration, Instant};

use depot_tests::{Clients, FakeIndex, FakeIndexBuilder, Style, WheelBuilder};

use super::{files, in_front_of, index_of, wheel_name};

#[test]
fn nothing_is_asked_before_somebody_asks_here_and_then_once() {
    let index = index_of(&["six", "tea"]);
    let depot = in_front_of(&index);
    assert_eq!(depot.get("/simple/").status, 200);
    assert_eq!(depot.get("/pypi/simple/").status, 200);
    assert_eq!(index.requests(), []);
    let first = depot.get("/simple/six/");
    assert_eq!(first.header("x-depot-cache"), Some("MISS"));
    let second = depot.get("/simple/six/");
    assert_eq!(second.header("x-depot-cache"), Some("HIT"));
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("etag"), second.header("etag"));
    assert_eq!(index.count(&FakeIndex::page_path("six")), 1);
    let path = format!("/files/six/{}", wheel_name("six", "2"));
    assert_eq!(depot.get(&path).header("x-depot-cache"), Some("MISS"));
    // It is kept a moment after its last byte was sent.
    let deadline = Instant::now() + Duration::from_secs(10);
    while depot.get(&path).header("x-depot-cache") != Some("HIT") {
        assert!(Instant::now() < deadline, "the file is not kept");
    }
    assert_eq!(index.count(&FakeIndex::file_path("six", &wheel_name("six", "2"))), 1);
    // The list names what was asked for, and its root page was never.
    assert!(depot.get("/simple/").text().contains("\"six\""));
    assert!(!depot.get("/simple/").text().contains("\"tea\""));
    assert_eq!(index.count("/simple/"), 0);
    assert_eq!(files(&depot.get("/simple/absent/")), Vec::<String>::new());
}

#[test]
fn a_closure_installs_from_a_fresh_server_and_again_without_the_index() {
    let Some(clients) = Clients::find() else { return };
    let wheels = [
        WheelBuilder::new("app", "1").requires_dist("lib>=1").requires_dist("six"),
        WheelBuilder::new("lib", "1").requires_dist("six"),
        WheelBuilder::new("six", "1"),
    ];
    let mut index = wheels.iter().fold(FakeIndex::builder(Style::Json), FakeIndexBuilder::wheel).start();
    let depot = in_front_of(&index);
    let url = format!("{}/simple/", depot.url());
    let install = || {
        let room = clients.room();
        room.pip_install(&url, ["app"]).assert_success();
        assert_eq!(room.installed_version("six"), "1");
        let room = clients.room();
        room.uv_install(&url, ["app"]).assert_success();
        assert_eq!(room.installed_version("lib"), "1");
    };
    install();
    index.stop();
    install();
}
