//! What is known of a file is told, whatever nobody knows of another.

use std::{fs, thread, time::Duration};

use depot_tests::{FakeFile, FakeIndex, Style, WheelBuilder};
use serde_json::{Value, json};

use super::super::depot::{Depot, body};

#[test]
fn a_file_without_a_size_takes_nothing_from_the_others() {
    let wheel = |version: &str| WheelBuilder::new("torch", version);
    let sized = FakeFile::from(&wheel("1.0"));
    let json = FakeIndex::builder(Style::Json).file("torch", sized).status("torch", "archived", None).start();
    let html = FakeIndex::builder(Style::HtmlOnly).wheel(&wheel("2.0+cpu")).start();
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    let text = format!(
        "[repositories.torch]\nkind = \"proxy\"\nupstream = \"{}\"\n\
         [repositories.all]\nmembers = {{ python = 10, torch = 30, pypi = 40 }}\n",
        html.url()
    );
    fs::write(&config, text).unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &json.url()]);
    let page = body(&depot.get("/simple/torch/"));
    let files = page["files"].as_array().unwrap();
    let known = files.iter().find(|file| file["filename"] == wheel("1.0").filename()).unwrap();
    assert_eq!(known["upload-time"], "2024-05-06T07:08:09.000000Z", "{page}");
    assert_eq!(known["size"], wheel("1.0").build().len());
    let unknown = files.iter().find(|file| file["filename"] == wheel("2.0+cpu").filename()).unwrap();
    assert_eq!((unknown.get("size"), unknown.get("upload-time")), (None, None));
    assert_eq!(page["project-status"], json!({ "status": "archived" }));
    assert_eq!(page["versions"], json!(["1.0", "2.0+cpu"]));
    // Once every size is known, the page is as valid as any.
    for (mount, versions) in [("", json!(["1.0", "2.0+cpu"])), ("/torch", json!(["2.0+cpu"]))] {
        let path = format!("{mount}/files/torch/{}", wheel("2.0+cpu").filename());
        assert_eq!(depot.get(&path).body, wheel("2.0+cpu").build());
        let page = whole_page(&depot, &format!("{mount}/simple/torch/"));
        assert_eq!(page["versions"], versions);
        assert!(page["files"].as_array().unwrap().iter().all(|file| file["size"].is_u64()), "{page}");
    }
}

/// The page once it has all that the API asks for: what was fetched is known a little after it was sent.
fn whole_page(depot: &Depot, path: &str) -> Value {
    for _ in 0..500 {
        let page = body(&depot.get(path));
        if page["meta"]["api-version"] == "1.4" {
            return page;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{path} never has every size: {}", depot.get(path).text())
}
