//! `depot why`, asked of a server.

use std::fs;

use depot_tests::{FakeIndex, Style, WheelBuilder, depot_command, run};
use serde_json::{Value, json};

use super::{
    super::{command::schema::assert_valid, depot::Depot},
    wheel_name,
};

/// What the server says to `depot why`, as a document.
fn why(depot: &Depot, what: &str, path: &str) -> Value {
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = depot_command(["why", what, &format!("{}{path}", depot.url()), "--format", "json"]);
    command.env("DEPOT_CONFIG_DIR", nowhere.path()).env("NETRC", nowhere.path().join("netrc"));
    let said = run(&mut command);
    let document =
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stderr));
    assert_valid(&document);
    document
}

#[test]
fn a_server_says_who_hid_or_chose_a_file() {
    let wheels = ["1", "2"].map(|version| WheelBuilder::new("six", version));
    let index = FakeIndex::builder(Style::Json)
        .wheel(&wheels[0])
        .wheel(&wheels[1])
        .wheel(&WheelBuilder::new("acme-core", "99"))
        .start();
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    fs::write(around.path().join("policy.toml"), "[[block]]\nwhat = \"six==1.*\"\nreason = \"old\"\n")
        .unwrap();
    let text =
        "[repositories.all]\npolicy = \"policy.toml\"\n[repositories.python]\nreserved = [\"acme-*\"]\n";
    fs::write(&config, text).unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);

    let hidden = why(&depot, "six==1", "/simple/");
    assert_eq!((&hidden["verdict"], &hidden["repository"]), (&json!("hidden"), &json!("all")));
    let file = &hidden["files"][0];
    assert_eq!(file["filename"], wheel_name("six", "1"));
    assert_eq!((&file["rule"]["code"], &file["rule"]["reason"]), (&json!("blocked"), &json!("old")));
    assert_eq!((&file["rule-of"], &file["held"][0]["fate"]), (&json!("all"), &json!("hidden")));
    assert_eq!(hidden["members"][0]["outcome"], "absent");

    let shown = why(&depot, "six==2", "");
    assert_eq!((&shown["verdict"], &shown["files"][0]["from"]), (&json!("shown"), &json!("pypi")));
    let all = why(&depot, "six", "");
    assert_eq!(all["verdict"], "partly");
    assert_eq!([&all["members"][0]["priority"], &all["members"][1]["priority"]], [&json!(10), &json!(20)]);
    assert!(why(&depot, "six", "/pypi/")["members"][0].get("priority").is_none());
    // The policy is the group's alone.
    assert_eq!(why(&depot, "six", "/pypi/simple/")["verdict"], "shown");

    let owned = why(&depot, "acme-core==99", "");
    assert_eq!(owned["verdict"], "absent");
    assert_eq!(owned["owner"], json!({ "repository": "python", "because": "reserved", "pattern": "acme-*" }));
    assert_eq!(owned["members"][1]["outcome"], "not-asked");
    assert_eq!(index.count(&FakeIndex::page_path("acme-core")), 0);
    assert_eq!(why(&depot, "six", "/python/")["verdict"], "absent");
    assert_eq!(depot.get("/api/why?at=/nowhere/&project=six").status, 404);
}

#[test]
fn a_repository_is_not_asked_why_for_what_its_own_policy_hides() {
    let index = FakeIndex::builder(Style::Json).wheel(&WheelBuilder::new("evil", "1")).start();
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    fs::write(around.path().join("policy.toml"), "[[block]]\nwhat = \"evil\"\nreason = \"it is\"\n").unwrap();
    fs::write(&config, "[repositories.pypi]\npolicy = \"policy.toml\"\n").unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);
    for path in ["", "/pypi/"] {
        let hidden = why(&depot, "evil", path);
        assert_eq!(
            (&hidden["verdict"], &hidden["rule"]["reason"]),
            (&json!("hidden"), &json!("it is")),
            "{hidden}"
        );
        let last = hidden["members"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["repository"], &last["outcome"]), (&json!("pypi"), &json!("not-asked")));
    }
    assert_eq!(index.requests(), []);
}
