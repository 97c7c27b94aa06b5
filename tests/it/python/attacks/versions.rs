//! Attack 6: a version spelled in two ways, to be two releases, or one that hides another.

use depot_tests::{SdistBuilder, WheelBuilder, counted};
use serde_json::json;

use crate::python::depot::Depot;

/// Spellings of versions, in groups that mean the same (PEP 440).
const VERSIONS: &[&[&str]] = &[
    &["1.0", "1.0.0", "1", "v1.0", "01.0", "1.0.0.0"],
    &["1.0+local", "1.0.0+LOCAL", "v1+local"],
    &["1.0+local.1", "1.0+local-1", "1.0+local_1"],
    &["1!1.0", "1!1"],
    &["1.0.post1", "1.0-1", "1.0-post1", "1.0.rev1", "1.0post1", "1.0r1"],
    &["1.0rc1", "1.0-c1", "1.0.preview1", "1.0_pre_1"],
    &["1.0.dev0", "1.0dev", "1.0-dev"],
    &["1.1", "1.1.0"],
    &["11"],
];

#[test]
fn the_version_of_the_file_name_is_that_of_the_metadata() {
    let depot = Depot::start();
    let spelled =
        || VERSIONS.iter().enumerate().flat_map(|(group, names)| names.iter().map(move |it| (group, *it)));
    let mut tried = 0;
    for (number, (named, in_name)) in spelled().enumerate() {
        for (said, in_metadata) in spelled() {
            // Each that is good is the first of its project, so that none is refused because another was there.
            let project = if named == said { format!("pot{number}x{tried}") } else { format!("pot{number}") };
            let info = format!("Metadata-Version: 2.1\nName: {project}\nVersion: {in_metadata}\n");
            let sdist = SdistBuilder::named(&format!("{project}-{in_name}.tar.gz"), info).unwrap();
            let answer = depot.put(&project, &sdist.filename(), &sdist.build());
            let expected = if named == said { 201 } else { 400 };
            assert_eq!(answer.status, expected, "{in_name} that says {in_metadata}: {}", answer.text());
            assert!(expected == 201 || answer.text().contains("metadata-mismatch"), "{}", answer.text());
            tried += 1;
        }
    }
    assert!(tried >= 700, "{tried}");
    counted("attack 6", "pairs of a version in the name and one in the metadata", tried);
}

#[test]
fn spellings_of_a_version_are_one_release() {
    let depot = Depot::start();
    // Each file keeps its own name, and all are one release of every page.
    for (tag, version) in [("py3-none-any", "1.0"), ("cp39-none-any", "1.0.0"), ("cp310-none-any", "1")] {
        depot.publish(&WheelBuilder::new("teapot", version).tag(tag));
    }
    let wheel = WheelBuilder::new("teapot", "1.0.0.0");
    let filename = "teapot-v1.0-cp311-none-any.whl";
    assert_eq!(depot.put("teapot", filename, &wheel.dist_info("teapot-1.0.dist-info").build()).status, 201);
    let page = depot.request("GET", "/python/simple/teapot/", None, "", b"").text();
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["files"].as_array().unwrap().len(), 4);
    assert_eq!(page["versions"].as_array().unwrap().len(), 1, "{}", page["versions"]);

    // And those that mean something else are releases of their own.
    for version in ["1.0+local", "1!1.0", "1.0.post1", "1.0rc1"] {
        depot.publish(&WheelBuilder::new("teapot", version));
    }
    let page = depot.request("GET", "/python/simple/teapot/", None, "", b"").text();
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    let versions = page["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 5, "{versions:?}");
    assert!(versions.contains(&json!("1!1.0")), "{versions:?}");
}
