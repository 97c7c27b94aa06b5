//! What pages say: JSON by its schema, and HTML that every parser reads back to the same records.

use std::cell::Cell;
use std::collections::BTreeSet;

use depot_proto::Yanked;
use depot_tests::{SdistBuilder, WheelBuilder, counted, sha256_hex};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Url;
use serde_json::{Value, json};

use super::PAGE;
use super::reading::{read_page, room};
use crate::python::index::{Built, Index};

/// A project with wheels and sdists, a local version, an epoch, a build tag, and facts of every kind.
pub(in crate::python) fn stocked() -> (Index, Vec<Built>) {
    let depot = Index::start();
    let wheel = |version| WheelBuilder::new("Tea.Pot", version);
    let files = vec![
        depot.publish(&wheel("1.0").requires_python(">=3.8,<4")),
        depot.publish(&SdistBuilder::new("Tea.Pot", "1.0").requires_python(">=3.8,<4")),
        depot.publish(&wheel("1.0").build_tag("3").tag("cp39-abi3-win32")),
        depot.publish_with(&wheel("1.0+lab.2"), &json!({ "yanked": "breaks <b>on</b> \"Windows\" & 'DOS'" })),
        depot.publish_with(&wheel("1.1rc1"), &json!({ "yanked": true })),
        depot.publish_copy(&wheel("1.10"), &json!({ "upload-time": "2020-01-02T03:04:05Z" })),
        depot.publish_copy(&wheel("1.9"), &json!({ "upload-time": "2020-01-02T03:04:05.678Z" })),
        depot.publish(&wheel("1!0.1")),
    ];
    (depot, files)
}

#[test]
fn a_json_page_keeps_to_the_schema() {
    let (depot, files) = stocked();
    let page = depot.json(PAGE);
    assert!(!page.to_string().contains("null"), "{page}");
    assert_eq!(page["meta"]["api-version"], "1.4");
    assert_eq!(page["name"], "tea-pot");
    assert_eq!(page["project-status"], json!({ "status": "active" }));
    assert_eq!(page["versions"], json!(["1.0", "1.0+lab.2", "1.1rc1", "1.9", "1.10", "1!0.1"]));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let known = ["meta", "name", "project-status", "versions", "files"];
    assert_eq!(keys(&page), known.map(str::to_owned).into());

    let listed = page["files"].as_array().unwrap();
    assert_eq!(listed.len(), files.len());
    for file in listed {
        let built = files.iter().find(|built| file["filename"] == built.filename.as_str()).unwrap();
        assert_eq!(file["hashes"], json!({ "sha256": built.sha256() }), "sha256 and nothing else");
        assert_eq!(file["size"], built.bytes.len());
        let time = file["upload-time"].as_str().unwrap();
        let shape: String = time.chars().map(|it| if it.is_ascii_digit() { '0' } else { it }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000000Z");
        let url = file["url"].as_str().unwrap();
        assert!(!url.contains(['?', '#', '+', '!', ' ']) && !url.contains("//"), "{url}");
        let mark = if built.filename.ends_with(".tar.gz") {
            Value::Null
        } else {
            json!({ "sha256": sha256_hex(&built.metadata) })
        };
        assert_eq!((&file["core-metadata"], &file["dist-info-metadata"]), (&mark, &mark));
        let all = [
            "filename",
            "url",
            "hashes",
            "requires-python",
            "size",
            "upload-time",
            "yanked",
            "core-metadata",
            "dist-info-metadata",
        ];
        assert!(keys(file).is_subset(&all.map(str::to_owned).into()), "{file}");
    }
    let of = |version: &str| {
        let name = format!("tea_pot-{version}-py3-none-any.whl");
        listed.iter().find(|file| file["filename"] == name.as_str()).unwrap()
    };
    assert_eq!(of("1.0")["requires-python"], ">=3.8,<4");
    assert_eq!(of("1.0")["yanked"], false);
    assert_eq!(of("1.1rc1")["yanked"], true);
    assert_eq!(of("1.0+lab.2")["yanked"], "breaks <b>on</b> \"Windows\" & 'DOS'");
    assert_eq!(of("1.10")["upload-time"], "2020-01-02T03:04:05.000000Z");
    assert_eq!(of("1.9")["upload-time"], "2020-01-02T03:04:05.678000Z");
}

#[test]
fn every_listed_address_leads_to_the_listed_bytes() {
    let (depot, files) = stocked();
    for record in read_page(&depot, None) {
        let built = files.iter().find(|built| built.filename == record.filename).unwrap();
        let url: Url = record.url.parse().unwrap();
        assert_eq!(url.path_segments().unwrap().next_back().unwrap(), quoted(&built.filename));
        let file = depot.get(url.path(), &[]);
        assert_eq!((file.status, file.body == built.bytes), (200, true), "{url}");
        assert_eq!(record.sha256, Some(sha256_hex(&file.body)));
        let metadata = depot.get(&format!("{}.metadata", url.path()), &[]);
        match record.core_metadata {
            Some(mark) => assert_eq!(mark, format!("sha256={}", sha256_hex(&metadata.body))),
            None => assert_eq!(metadata.status, 404),
        }
    }
}

/// A file name as a page must write it in a URL.
fn quoted(filename: &str) -> String {
    filename.replace('+', "%2B").replace('!', "%21")
}

#[test]
fn html_and_json_say_the_same() {
    let (depot, files) = stocked();
    let room = room();
    let records = read_page(&depot, room.as_ref());
    assert_eq!(records.len(), files.len());
    let yanked: Vec<_> = records.iter().filter_map(|record| record.yanked.as_deref()).collect();
    assert_eq!(yanked, ["breaks <b>on</b> \"Windows\" & 'DOS'", ""]);
    let html = depot.get(PAGE, &["Accept: text/html"]).text();
    assert!(html.contains(" data-yanked=\"\""), "never without a value: {html}");
    assert!(html.contains(" data-requires-python=\"&gt;=3.8,&lt;4\""), "escaped once: {html}");
}

#[test]
fn anchors_are_what_a_regular_expression_expects() {
    let (depot, files) = stocked();
    let html = depot.get(PAGE, &["Accept: text/html"]).text();
    // `<a [^>]+>([^<]+)</a>`, which at least one client scrapes pages with.
    let mut names = Vec::new();
    for rest in html.split("<a ").skip(1) {
        let (tag, rest) = rest.split_once('>').unwrap();
        assert_eq!(tag.matches('"').count() % 2, 0, "a raw > inside {tag}");
        names.push(rest.split_once("</a>").unwrap().0.to_owned());
    }
    let expected: BTreeSet<_> = files.iter().map(|built| built.filename.clone()).collect();
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected);
}

/// Text of which none is blank, with what parsers stumble over.
fn hostile() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "&gt;=3.9",
        "&amp;lt;",
        "&lt",
        "\"><a href=x>y</a>",
        "'",
        "<!--",
        "-->",
        "]]>",
        "</title>",
        "<script>",
        "&#13;",
        "&",
        "\r\n",
        "\r",
        "\n",
        "\t",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{1}",
        "\\",
        "é",
        "\u{1f375}",
        "null",
        "{}",
        ">=3.8",
        "#sha256=",
        "`",
        "=",
    ]);
    let part = prop_oneof![part.prop_map(str::to_owned), "[^\\x00]{1,3}"];
    let texts = prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat());
    texts.prop_filter("blank texts are none", |text| !text.trim().is_empty())
}

#[test]
fn whatever_is_said_of_a_file_comes_back_from_both_forms() {
    let depot = Index::start();
    let room = room();
    let yanked = prop_oneof![
        1 => Just(json!(false)),
        1 => Just(json!(true)),
        4 => hostile().prop_map(Value::String),
    ];
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let published = Cell::new(0);
    let result = runner.run(&(hostile(), yanked), |(requires_python, yanked)| {
        // A copied file whose archive is not read: nothing contradicts what is said of it.
        published.set(published.get() + 1);
        let file = Built {
            project: "tea-pot".to_owned(),
            filename: format!("tea_pot-{}.tar.bz2", published.get()),
            bytes: published.get().to_string().into_bytes(),
            metadata: Vec::new(),
        };
        let facts = json!({ "requires-python": requires_python, "yanked": yanked });
        let file = depot.publish_copy(file, &facts);

        let records = read_page(&depot, room.as_ref());
        prop_assert_eq!(records.len(), published.get());
        let record = records.iter().find(|record| record.filename == file.filename).unwrap();
        prop_assert_eq!(record.requires_python.as_ref(), Some(&requires_python));
        // A reason is kept as text: without controls, trimmed.
        let reason =
            Yanked::because(yanked.as_str().unwrap_or_default()).reason().unwrap_or_default().to_owned();
        prop_assert_eq!(record.yanked.as_ref(), (yanked != json!(false)).then_some(&reason));
        Ok(())
    });
    result.unwrap();
    counted(
        "attack 20",
        "files of which hostile things are said, read back from both forms",
        published.get() as u64,
    );
}
