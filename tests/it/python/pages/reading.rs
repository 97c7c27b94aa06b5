//! The readers of a page: JSON as it stands, HTML by Python's parser and by depot's own. All must agree.

use depot_proto::ProjectName;
use depot_proto::media_type::PageFormat;
use depot_proto::simple::{PageFile, read_project};
use depot_tests::{Clients, Room, run};
use reqwest::Url;
use serde_json::Value;

use super::PAGE;
use crate::python::index::Index;

/// One file of a page, as far as both forms tell.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::python) struct Record {
    pub(in crate::python) filename: String,
    pub(in crate::python) url: String,
    pub(in crate::python) sha256: Option<String>,
    pub(in crate::python) requires_python: Option<String>,
    /// The reason, empty where there is none.
    pub(in crate::python) yanked: Option<String>,
    pub(in crate::python) core_metadata: Option<String>,
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn page_url(depot: &Index) -> Url {
    format!("{}{PAGE}", depot.server().url()).parse().unwrap()
}

fn records_of_json(page: &Value, url: &Url) -> Vec<Record> {
    let files = page["files"].as_array().unwrap().iter();
    files
        .map(|file| Record {
            filename: text(&file["filename"]).unwrap(),
            url: url.join(file["url"].as_str().unwrap()).unwrap().into(),
            sha256: text(&file["hashes"]["sha256"]),
            requires_python: text(&file["requires-python"]),
            yanked: match &file["yanked"] {
                Value::Bool(yanked) => yanked.then(String::new),
                reason => Some(reason.as_str().unwrap().to_owned()),
            },
            core_metadata: text(&file["core-metadata"]["sha256"]).map(|hex| format!("sha256={hex}")),
        })
        .collect()
}

/// The page as Python's parser reads it.
fn read_by_python(room: &Room, html: &[u8]) -> Value {
    std::fs::write(room.path().join("page.html"), html).unwrap();
    let output =
        run(room.command("python").args(["-c", include_str!("page.py"), "page.html"])).assert_success();
    serde_json::from_str(&output.stdout).unwrap()
}

fn records_of_html(page: &Value, url: &Url) -> Vec<Record> {
    let anchors = page["anchors"].as_array().unwrap().iter();
    anchors
        .map(|anchor| {
            let attributes = &anchor["attributes"];
            assert_eq!(attributes["data-core-metadata"], attributes["data-dist-info-metadata"]);
            let mut url = url.join(attributes["href"].as_str().unwrap()).unwrap();
            let sha256 = url.fragment().and_then(|it| it.strip_prefix("sha256=")).map(str::to_owned);
            url.set_fragment(None);
            Record {
                filename: text(&anchor["text"]).unwrap(),
                url: url.into(),
                sha256,
                requires_python: text(&attributes["data-requires-python"]),
                // An attribute without a value would be null here, as one that is absent.
                yanked: text(&attributes["data-yanked"]),
                core_metadata: text(&attributes["data-core-metadata"]),
            }
        })
        .collect()
}

/// The same as depot's own reader reads it, but for what HTML cannot say.
fn records_of_depot(format: PageFormat, page: &[u8], url: &Url) -> Vec<PageFile> {
    let project: ProjectName = "tea-pot".parse().unwrap();
    let page = read_project(format, page, url, &project).unwrap();
    assert!(page.skipped.is_empty(), "{:?}", page.skipped);
    page.files.into_iter().map(|file| PageFile { size: None, upload_time: None, ..file }).collect()
}

/// Reads the page in both forms with every reader, demands that they agree, and returns what they say.
pub(in crate::python) fn read_page(depot: &Index, room: Option<&Room>) -> Vec<Record> {
    let url = page_url(depot);
    let json = depot.get(PAGE, &["Accept: application/vnd.pypi.simple.v1+json"]).body;
    let html = depot.get(PAGE, &["Accept: text/html"]).body;
    assert_eq!(
        records_of_depot(PageFormat::Html, &html, &url),
        records_of_depot(PageFormat::Json, &json, &url)
    );
    let page: Value = serde_json::from_slice(&json).unwrap();
    let records = records_of_json(&page, &url);
    if let Some(room) = room {
        let parsed = read_by_python(room, &html);
        assert_eq!(records_of_html(&parsed, &url), records);
        assert_eq!(parsed["metas"]["pypi:repository-version"], "1.4");
        assert_eq!(parsed["metas"]["pypi:project-status"], page["project-status"]["status"]);
    }
    records
}

pub(in crate::python) fn room() -> Option<Room> {
    Clients::find().map(|clients| clients.room())
}
