//! States of life (PEP 792): how pages show them, and what archived and quarantined projects do not take or give.

use depot_tests::Clients;
use serde_json::json;

use super::{ask, done, pot, with_two};
use crate::python::depot::{Depot, assert_refused, body};

fn status(depot: &Depot, state: &str, reason: &str) {
    done(depot, "status", &json!({ "project": "tea-pot", "state": state, "reason": reason }));
}

fn html(depot: &Depot) -> String {
    let headers = "Accept: text/html\r\n";
    let answer = depot.request("GET", "/python/simple/tea-pot/?format=text%2Fhtml", None, headers, b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

#[test]
fn the_state_of_a_project_stands_on_its_pages_at_once() {
    let mut depot = with_two();
    for state in ["deprecated", "archived", "active"] {
        status(&depot, state, "use <kettle>");
        for _ in 0..2 {
            let page = body(&depot.get("/python/simple/tea-pot/"));
            assert_eq!(page["meta"]["api-version"], "1.4");
            assert_eq!(page["project-status"], json!({ "status": state, "reason": "use <kettle>" }));
            assert_eq!(page["files"].as_array().unwrap().len(), 2);
            let html = html(&depot);
            assert!(
                html.contains(&format!("<meta name=\"pypi:project-status\" content=\"{state}\">")),
                "{html}"
            );
            let reason = "<meta name=\"pypi:project-status-reason\" content=\"use &lt;kettle&gt;\">";
            assert!(html.contains(reason), "{html}");
            depot.stop();
            depot.resume();
        }
    }
    status(&depot, "active", "");
    assert_eq!(body(&depot.get("/python/simple/tea-pot/"))["project-status"], json!({ "status": "active" }));
}

#[test]
fn an_archived_project_takes_no_uploads_and_gives_what_it_has() {
    let depot = with_two();
    status(&depot, "archived", "done");
    let refused = depot.put("tea-pot", &pot("1.2").filename(), &pot("1.2").build());
    assert_refused(&refused, 403, "project-closed");
    assert!(refused.text().contains("archived (done)"), "{}", refused.text());
    assert!(depot.stored("tea-pot", &pot("1.2").filename()).is_none());
    // What is there is no news.
    assert_eq!(depot.put("tea-pot", &pot("1.0").filename(), &pot("1.0").build()).status, 200);
    assert_eq!(depot.get(&format!("/python/files/tea-pot/{}", pot("1.0").filename())).status, 200);
    status(&depot, "active", "");
    depot.publish(&pot("1.2"));
}

#[test]
fn a_quarantined_project_offers_no_files_and_takes_none() {
    let depot = with_two();
    let url = format!("/python/files/tea-pot/{}", pot("1.0").filename());
    // In memory before.
    for _ in 0..3 {
        assert_eq!(depot.get(&url).status, 200);
    }
    status(&depot, "quarantined", "malware");
    let page = body(&depot.get("/python/simple/tea-pot/"));
    assert_eq!((&page["files"], &page["versions"]), (&json!([]), &json!([])));
    assert_eq!(page["project-status"]["status"], "quarantined");
    assert!(!html(&depot).contains("tea_pot-1.0"));
    for suffix in ["", ".metadata"] {
        assert_refused(&depot.get(&format!("{url}{suffix}")), 403, "project-closed");
    }
    for version in ["1.0", "1.2"] {
        let refused = depot.put("tea-pot", &pot(version).filename(), &pot(version).build());
        assert_refused(&refused, 403, "project-closed");
    }
    // Nothing was lost by it.
    status(&depot, "active", "");
    assert_eq!(depot.listed("tea-pot").len(), 2);
    assert_eq!(depot.get(&url).status, 200);
}

#[test]
fn installers_install_from_a_deprecated_project_and_not_from_a_quarantined_one() {
    let Some(clients) = Clients::find() else { return };
    let depot = with_two();
    let index = format!("{}/python/simple/", depot.url());
    status(&depot, "deprecated", "use kettle");
    done(&depot, "yank", &json!({ "project": "tea-pot", "version": "1.1", "reason": "leaks" }));
    let room = clients.room();
    room.pip_install(&index, ["tea-pot"]).assert_success();
    assert_eq!(room.installed_version("tea_pot"), "1.0");
    status(&depot, "quarantined", "malware");
    assert!(!clients.room().pip_install(&index, ["tea-pot"]).success());
    assert!(!clients.room().uv_install(&index, ["tea-pot"]).success());
}

#[test]
fn a_record_that_cannot_be_read_closes_its_project_alone() {
    let mut depot = with_two();
    status(&depot, "deprecated", "");
    depot.publish(&depot_tests::WheelBuilder::new("kettle", "1.0"));
    depot.stop();
    let path = depot.tree().join("projects/tea-pot.json");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    depot.resume();
    // Read as before, and nothing is changed, for nobody knows which names are taken.
    assert_eq!(depot.listed("tea-pot").len(), 2);
    assert_refused(&depot.put("tea-pot", &pot("1.2").filename(), &pot("1.2").build()), 503, "file-damaged");
    let refused = ask(&depot, &depot.token(), "status", &json!({ "project": "tea-pot", "state": "active" }));
    assert_refused(&refused, 503, "file-damaged");
    depot.publish(&depot_tests::WheelBuilder::new("kettle", "1.1"));
    // Mended by its keeper, it is read again.
    std::fs::write(&path, &whole).unwrap();
    depot.admin(&["reindex"]).assert_success();
    depot.publish(&pot("1.2"));
    assert_eq!(body(&depot.get("/python/simple/tea-pot/"))["project-status"]["status"], "deprecated");
}
