//! The states of projects (PEP 792) travel with a push, without any bytes, and pages show them.

use depot_tests::{FakeIndex, Style, WheelBuilder, run};
use serde_json::{Value, json};

use super::super::command::schema::assert_valid;
use super::super::depot::{Depot, assert_refused, body};
use super::super::saved::{Saved, result};
use super::{Requests, logging};

fn index() -> FakeIndex {
    let (lid, pot) = (WheelBuilder::new("lid", "1"), WheelBuilder::new("pot", "1").requires_dist("lid"));
    FakeIndex::builder(Style::Json).wheel(&lid).wheel(&pot).start()
}

fn page(depot: &Depot, project: &str) -> Value {
    body(&depot.get(&format!("/python/simple/{project}/")))
}

#[test]
fn what_became_of_a_project_upstream_travels_without_bytes() {
    let (index, depot, saved) = (index(), logging(), Saved::new());
    saved.solve(&index, &["pot"]).assert_success();
    saved.push(&depot, &[]).assert_success();
    let save = || saved.solve(&index, &["pot"]);
    for (state, reason) in
        [("archived", Some("nobody has the time")), ("quarantined", Some("malware")), ("active", None)]
    {
        index.set_status("lid", state, reason);
        // What is quarantined cannot be saved any more; that it is, can.
        save().assert_code(if state == "quarantined" { 3 } else { 0 });
        let planned = result(&saved.push(&depot, &["--dry-run", "--format", "json"]).assert_success());
        assert_valid(&planned);
        assert_eq!((&planned["counts"]["projects"], &planned["counts"]["planned"]), (&json!(1), &json!(0)));
        let requests = Requests::from_now(&depot);
        let said = saved.push(&depot, &[]).assert_success();
        assert!(said.stderr.contains("news of 1 project"), "{}", said.stderr);
        assert_eq!(requests.seen(), ["POST /python/_/plan", "PUT /python/_/projects/lid"]);
        let page = page(&depot, "lid");
        let files = usize::from(state != "quarantined");
        assert_eq!(page["files"].as_array().unwrap().len(), files, "{page:#}");
        let status = &page["project-status"];
        assert_eq!(status.get("status").unwrap_or(&json!("active")), state, "{page:#}");
        assert_eq!(status.get("reason").and_then(Value::as_str), reason);
        // It is no news any more.
        let requests = Requests::from_now(&depot);
        saved.push(&depot, &[]).assert_success();
        assert_eq!(requests.seen(), ["POST /python/_/plan"]);
    }
}

#[test]
fn a_first_push_brings_states_with_the_files_and_a_restart_keeps_them() {
    let (index, mut depot, saved) = (index(), Depot::start(), Saved::new());
    index.set_status("lid", "deprecated", Some("use cup"));
    saved.solve(&index, &["pot"]).assert_success();
    saved.push(&depot, &[]).assert_success();
    let expected = json!({ "status": "deprecated", "reason": "use cup" });
    assert_eq!(page(&depot, "lid")["project-status"], expected);
    depot.stop();
    depot.resume();
    assert_eq!(page(&depot, "lid")["project-status"], expected);
}

#[test]
fn only_who_mirrors_a_project_says_what_its_index_declares() {
    let (index, depot, saved) = (index(), Depot::start(), Saved::new());
    saved.solve(&index, &["pot"]).assert_success();
    saved.push(&depot, &[]).assert_success();
    index.set_status("lid", "quarantined", None);
    saved.solve(&index, &["pot"]).assert_code(3);
    let pusher = depot.new_token("ci", &["push+push-new:python:*"]);
    let said = run(saved.push_command(depot.url(), &[]).env("DEPOT_AUTH_TOKEN", &pusher)).assert_code(3);
    assert!(said.stderr.contains("that lid is quarantined: "), "{}", said.stderr);
    let put = |token: &str, project: &str, said: &str| {
        let path = format!("/python/_/projects/{project}");
        depot.request("PUT", &path, Some(token), "", said.as_bytes())
    };
    let quarantined = r#"{"state": "quarantined"}"#;
    assert_refused(&put(&pusher, "lid", quarantined), 403, "forbidden");
    let mirror = depot.new_token("mirror", &["mirror:python:l*"]);
    assert_refused(&put(&mirror, "pot", quarantined), 403, "forbidden");
    for nonsense in ["", "[]", r#"{"state": 1}"#, "{}"] {
        assert_refused(&put(&mirror, "lid", nonsense), 400, "bad-request");
    }
    assert_refused(&put(&mirror, "less", quarantined), 404, "not-found");
    // A project of one's own is not hidden by what others say of theirs.
    let own = WheelBuilder::new("lamp", "1");
    depot.put("lamp", &own.filename(), &own.build());
    assert_refused(&put(&mirror, "lamp", quarantined), 403, "forbidden");
    assert_eq!(page(&depot, "lamp")["files"].as_array().unwrap().len(), 1);
    assert_eq!(page(&depot, "lid")["files"].as_array().unwrap().len(), 1);
    let answer = put(&mirror, "lid", quarantined);
    assert_eq!((answer.status, body(&answer)), (200, json!({ "outcome": "updated" })));
    assert_eq!(body(&put(&mirror, "lid", quarantined)), json!({ "outcome": "same" }));
    assert_eq!(page(&depot, "lid")["files"], json!([]));
}
